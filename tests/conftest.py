"""Fixtures for all tests: a cluster, made on first use."""

from hypothesis import Phase, settings

pytest_plugins = ("e2e.fixtures",)

settings.register_profile(
    "mutants",
    phases=[Phase.explicit, Phase.generate],  # no time for shrinking: that a test fails is all there is to know
    database=None,
    deadline=None,  # a busy machine is no mistake
)
