"""What a person and a program get to read."""

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from foosets.cli.descent import Descent, Object
from foosets.cli.explanation import Explanation, explain
from foosets.cli.rendering import age, as_json, plain, show
from foosets.cli.steps import Place
from tests.cli.world import NOW, TRACE, batch, blocked, fooset, pod, quota, ready, refused, service

SAID = "0/10 nodes are available: 10 Insufficient cpu. (and 2 other pods)"
NO_FIT = blocked("Pod", "work-x-0-0", "NoFit", message=SAID)
WAITS = pod(node="", conditions=refused("Unschedulable", "0/10 nodes are available: 10 Insufficient cpu."))

PAGE = Path(__file__).parents[2] / "docs" / "kubectl-foo.md"
PAGE_TRACE = "20a20a70abdb8a9f1b3929bba6e97103"
LABELS = "app.kubernetes.io/name=foosets,app.kubernetes.io/component=batchfooset"

BLOCKED = f"""\
FooSet demo is blocked.

                               READY   REASON   SINCE
fooset/demo                    False   NoFit    3m
└─ servicefooset/demo-server   False   NoFit    3m
   └─ pod/work-x-0-0           False   NoFit    3m

Cause
  NoFit for 3m, says PodScheduled of Pod work-x-0-0
  0/10 nodes are available: 10 Insufficient cpu. (and 2 other pods)

Meaning
  No node has room for the pod and lets it in; the message counts the nodes by
  what is in the way. It is tried again, and goes on by itself once a node fits.

Next
  see what the nodes have left, and what keeps pods away:
    kubectl describe nodes --context a-context-whose-name-is-longer-than-the-line-is-wide
  ask for less, in the template of part server:
    kubectl edit fooset/demo -n ns --context a-context-whose-name-is-longer-than-the-line-is-wide

Trace  {TRACE}
"""
HEALTHY = f"""\
FooSet demo is ready.

              READY   REASON      SINCE
fooset/demo   True    Available   3m

State
  Available, says FooSet demo
  all parts are ready

Meaning
  All that it asks for runs.

Next
  see its pods:
    kubectl get pods -l foo.example.com/set-name=demo -n ns -o wide

Trace  {TRACE}
"""
SILENT = f"""\
FooSet demo is blocked.

                              READY   REASON             SINCE
fooset/demo                   True    Available          3m
└─ batchfooset/demo-workers   True    ControllerSilent   3m

Cause
  ControllerSilent, says Ready of BatchFooSet demo-workers
  the batchfooset controller has acted on generation 1, and not on 2

Meaning
  Its controller has not acted on the newest spec: it does not run, or cannot
  reach the API server.

Next
  see whether it runs:
    kubectl get deployments,pods --all-namespaces -l {LABELS}
  see who leads:
    kubectl get leases --all-namespaces -l {LABELS}

Trace  {TRACE}
"""


def explained(*objects: Object, place: Place | None = None) -> Explanation:
    return explain(Descent(objects), place or Place("ns"), NOW)


def shown(explanation: Explanation, *, width: int = 80, terminal: bool = False) -> str:
    """What is written to a console."""
    file = io.StringIO()
    show(explanation, Console(file=file, width=width, highlight=False, force_terminal=terminal), NOW)
    return file.getvalue()


def trimmed(text: str) -> str:
    """Lines without what pads them on their right."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_a_blocked_set_is_shown_with_its_way_down_and_commands_of_one_line() -> None:
    place = Place("ns", "a-context-whose-name-is-longer-than-the-line-is-wide")
    told = explained(fooset(stored=NO_FIT), service(stored=NO_FIT), WAITS, place=place)
    assert trimmed(shown(told)) == BLOCKED


def test_a_healthy_set_is_shown_in_a_few_lines() -> None:
    assert trimmed(shown(explained(fooset(stored=ready(message="all parts are ready"))))) == HEALTHY


def test_a_silent_controller_is_shown_with_where_to_look_for_it() -> None:
    assert trimmed(shown(explained(fooset(), batch(generation=2)))) == SILENT


def test_the_page_shows_what_is_shown() -> None:
    """The example of `docs/kubectl-foo.md`, line by line."""
    name = "demo-server-4ao3v-0"
    cause = blocked("Pod", name, "NoFit", message=SAID.replace("2 other", "4 other")) | {"traceID": PAGE_TRACE}
    conditions = refused("Unschedulable", "0/10 nodes are available: 10 Insufficient cpu.")
    waits = pod(node="", conditions=conditions)
    waits.metadata.name = name
    told = explained(fooset(stored=cause), service(stored=cause), waits, place=Place("shop"))
    example = PAGE.read_text().split("```\n")[1].split("\n", 1)[1]
    assert trimmed(shown(told, width=124)) == example


def test_a_quota_has_no_trace_and_no_readiness() -> None:
    text = trimmed(shown(explained(quota())))
    assert "fooquota/team           Available\n" in text
    assert "Trace" not in text


def test_colours_are_for_terminals_only() -> None:
    told = explained(fooset(stored=NO_FIT))
    assert "\x1b[" not in shown(told)
    assert "\x1b[1;31mFooSet demo is blocked." in shown(told, terminal=True)


def test_what_is_said_in_a_cluster_cannot_command_a_terminal() -> None:
    said = "bad\x1b[2J [bold]image[/bold]\nnext\u202eline"
    text = shown(explained(fooset(stored=blocked("FooSet", "demo", "NoFit", message=said))))
    assert "bad [2J [bold]image[/bold] next line" in text
    assert plain("a\tb") == "a b"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (172_799, "47h"),
        (172_800, "2d"),
    ],
)
def test_an_age_has_one_unit(seconds: int, said: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == said
    assert age(None, NOW) == ""


def test_a_program_gets_the_same_as_json() -> None:
    told = json.loads(as_json(explained(fooset(stored=NO_FIT), service(stored=NO_FIT), WAITS)))
    assert list(told) == ["kind", "name", "namespace", "state", "path", "cause", "meaning", "next", "traceID"]
    assert told["state"] == "Blocked"
    assert told["path"][2] == {
        "kind": "Pod",
        "name": "work-x-0-0",
        "ready": "False",
        "reason": "NoFit",
        "message": "0/10 nodes are available: 10 Insufficient cpu.",
        "since": "2026-03-01T12:02:00Z",
    }
    assert told["cause"] == {
        "kind": "Pod",
        "name": "work-x-0-0",
        "condition": "PodScheduled",
        "reason": "NoFit",
        "message": SAID,
        "since": "2026-03-01T12:02:00Z",
    }
    assert told["next"][0]["command"] == "kubectl describe nodes"
    assert told["traceID"] == TRACE


def test_what_is_not_known_is_null() -> None:
    told = json.loads(as_json(explained(quota())))
    assert (told["cause"], told["path"][0]["since"]) == (None, None)
