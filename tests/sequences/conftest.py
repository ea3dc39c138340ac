"""Sequences say what goes wrong; what components log on their way there is not shown."""

import logging
from collections.abc import Iterator

import pytest
import structlog

SILENCE = structlog.make_filtering_bound_logger(logging.CRITICAL)


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Keep the components' logs out."""
    structlog.configure(wrapper_class=SILENCE)
    yield
    structlog.reset_defaults()
