"""What a release tells its user to type next, typed."""

import re
import shlex

import pytest

from e2e.cluster.chart import CHART, NAMESPACE
from e2e.cluster.local import LocalCluster
from tests.e2e.story import Story

pytestmark = pytest.mark.cluster

ROOT = CHART.parents[1]
SHOWN = re.compile(r"^  (kubectl|helm) (.+)$", re.MULTILINE)
TRACED = "tracing.endpoint=http://jaeger.observability:4318,tracing.query=http://jaeger.observability:16686"


def notes(suite: LocalCluster, *options: str) -> str:
    text = suite.helm("install", "other", str(CHART), "--namespace", NAMESPACE, "--dry-run=server", *options)
    return text.rpartition("NOTES:\n")[2]


def commands(text: str) -> list[tuple[str, list[str]]]:
    return [(program, shlex.split(line)) for program, line in SHOWN.findall(text)]


def test_the_next_commands_apply_a_set_and_show_it_and_its_trace(suite: LocalCluster, story: Story) -> None:
    wait, apply, look, trace, test = commands(notes(suite, "--take-ownership", "--set", TRACED))
    assert wait[1][2:4] == ["wait", "deployment"]
    assert test == ("helm", ["test", "other", "--namespace", NAMESPACE])
    program, words = apply
    assert program == "kubectl"
    assert "fooset.foo.example.com/demo created" in story.kubectl(*(inside_the_clone(word) for word in words))
    story.settle("demo")
    seen = story.kubectl(*look[1])
    assert all(f"/demo-{part}" in seen for part in ("workers", "server"))
    assert story.kubectl(*trace[1]).strip() == story.fooset("demo")["status"]["traceID"]


def inside_the_clone(word: str) -> str:
    return str(ROOT / word) if (ROOT / word).is_file() else word


def test_without_tracing_the_notes_say_what_is_missing(suite: LocalCluster) -> None:
    assert "tracing.endpoint is empty" in notes(suite, "--take-ownership")


def test_without_a_jaeger_to_ask_the_test_is_not_offered(suite: LocalCluster) -> None:
    text = notes(suite, "--take-ownership", "--set", TRACED.partition(",")[0])
    assert [program for program, _ in commands(text)] == ["kubectl"] * 4
    assert "tracing.query" in text


def test_who_runs_the_controllers_elsewhere_is_told_their_identities(suite: LocalCluster) -> None:
    text = notes(suite, "--take-ownership", "--set", "components.run=External")
    assert "other-foosets-scheduler" in text
    assert "wait deployment" not in text
