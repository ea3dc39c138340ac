"""The demo's story on simulated nodes."""

import pytest

from tests.e2e import demo_story
from tests.e2e.story import Story

pytestmark = pytest.mark.cluster


def test_the_demo(story: Story) -> None:
    demo_story.tell(story)
