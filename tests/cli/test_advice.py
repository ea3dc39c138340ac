"""The words: complete, and with commands that can be filled in."""

import shlex
import string

import pytest

from foosets.api.names import Reason
from foosets.cli import advice
from foosets.cli.advice import ADVICE, Advice
from foosets.cli.descent import Descent
from foosets.cli.steps import Place, facts_of, filled
from tests.cli.world import fooset, pod, service

OTHERS = (
    advice.FOOQUOTA,
    advice.FOOQUOTA_UNCLAIMED,
    advice.OTHER_SCHEDULER_SILENT,
    advice.POD_FAILED,
    advice.BEING_DELETED,
    advice.UNKNOWN,
)
EVERY = {**ADVICE, **{f"other-{number}": words for number, words in enumerate(OTHERS)}}


def test_every_reason_has_its_words() -> None:
    assert set(ADVICE) == set(Reason)


@pytest.mark.parametrize("words", EVERY.values(), ids=EVERY.keys())
def test_words_are_sentences_and_steps_are_commands_of_kubectl(words: Advice) -> None:
    assert words.meaning.endswith(".")
    assert words.steps
    facts = facts_of(Descent((fooset(), service(), pod())), "Pod", "work-x-0-0", "")
    for step in filled(words.steps, facts, Place("ns", "a context")):
        assert not step.purpose.endswith((".", ":"))
        parsed = shlex.split(step.command)
        assert parsed[0] == "kubectl"
        assert parsed[parsed.index("--context") + 1] == "a context"


@pytest.mark.parametrize("words", EVERY.values(), ids=EVERY.keys())
def test_every_command_says_where(words: Advice) -> None:
    for step in words.steps:
        named = {field for _, field, _, _ in string.Formatter().parse(step.command) if field}
        assert len(named & {"here", "there"}) == 1
        assert "here" in named or not named & {"object", "root", "set", "pods"}
