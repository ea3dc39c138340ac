"""Fixtures for all tests: a cluster, made on first use."""

import pytest
from hypothesis import Phase, settings

pytest_plugins = ("e2e.fixtures",)
pytest.register_assert_rewrite("tests.e2e.demo_story")  # it is no test file, and its checks shall say what they saw

settings.register_profile(
    "mutants",
    phases=[Phase.explicit, Phase.generate],  # no time for shrinking: that a test fails is all there is to know
    database=None,
    deadline=None,  # a busy machine is no mistake
)
