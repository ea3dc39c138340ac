"""Whatever a status says, there is an answer, and its commands are commands."""

import io
import shlex

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from foosets.api.names import ConditionType, Kind, Reason
from foosets.cli.descent import Descent
from foosets.cli.explanation import STUCK, explain
from foosets.cli.rendering import show
from foosets.cli.steps import Place
from tests.builders import Raw
from tests.cli.world import NOW, blocked, fooset, pod, ready, service, waiting

TEXTS = st.text(min_size=1, max_size=30)
REASONS = st.sampled_from(sorted(Reason)) | TEXTS
STATUSES = st.one_of(
    st.just(ready()),
    st.builds(waiting, REASONS, TEXTS),
    st.builds(
        blocked,
        st.sampled_from(["Pod", *Kind]) | TEXTS,
        TEXTS,
        REASONS,
        by=st.sampled_from(sorted(ConditionType)) | TEXTS,
        message=TEXTS,
    ),
)


@settings(deadline=None, max_examples=50)  # a busy machine is no mistake
@given(above=STATUSES, below=STATUSES, generation=st.integers(1, 2), asked=st.integers(0, 2))
def test_there_is_always_an_answer(above: Raw, below: Raw, generation: int, asked: int) -> None:
    objects = (fooset(stored=above), service(stored=below, generation=generation), pod(node=""))
    told = explain(Descent(objects, asked), Place("ns", "a context"), NOW)
    assert (told.cause is not None) == (told.state in STUCK)
    for step in told.steps:
        words = shlex.split(step.command)
        assert words[0] == "kubectl"
        assert words[words.index("--context") + 1] == "a context"
        assert "{" not in step.purpose
    file = io.StringIO()
    show(told, Console(file=file), NOW)
    assert all(line.isprintable() for line in file.getvalue().split("\n"))
