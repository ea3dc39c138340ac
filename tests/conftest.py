"""Fixtures for all tests: a cluster, made on first use."""

pytest_plugins = ("e2e.fixtures",)
