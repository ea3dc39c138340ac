"""Timing: changes in every phase, faster than anything can follow, and clocks that are wrong."""

from typing import Any, Final

from tests.badinput.objects import a, batch, batches, container, once, pods, service, services
from tests.badinput.rows import (
    GONE,
    Await,
    By,
    Change,
    Create,
    EachPod,
    Remove,
    Repeat,
    Row,
    borne,
)
from tests.badinput.showing import Shows, both, children, of_it, pods_with

LONG_AGO: Final = "0001-01-01T00:00:00Z"
FAR_AHEAD: Final = "9999-12-31T23:59:59Z"
READY: Final = Await("FooSet", "demo", "Ready")
FORGED: Final = "it is the administrator who writes it"
COMPLETE: Final = Await("FooSet", "demo", "Complete")


def image(tag: str, **spec: Any) -> Change:
    """Give the service another template."""
    template = pods(containers=[container(image=f"busybox:{tag}")])
    return Change("FooSet", "demo", {"spec": {"service": [service(template=template, **spec)]}})


def ran(tag: str, count: int = 1) -> Shows:
    """In the end there are so many pods, of that image."""
    return pods_with(count, image=f"busybox:{tag}")


def replicas(count: int) -> Change:
    """Give the service another size."""
    return Change("FooSet", "demo", {"spec": {"service": [service(replicas=count)]}})


def as_batch(*names: str) -> Change:
    """Let these be all parts, and finite."""
    return Change("FooSet", "demo", {"spec": {"batch": [batch(name) for name in names], "service": []}})


def as_service(*names: str) -> Change:
    """Let these be all parts, and long-running."""
    return Change("FooSet", "demo", {"spec": {"service": [service(name) for name in names], "batch": []}})


def stating(**status: Any) -> Change:
    """Write a set's status, which only its controller may; an administrator can."""
    return Change("FooSet", "demo", {"status": status}, "status")


def condition(kind: str, at: str) -> dict[str, str]:
    """A condition of that time."""
    return {"type": kind, "status": "False", "reason": "Forged", "lastTransitionTime": at}


TIMING: Final[tuple[Row, ...]] = (
    borne(
        "changed before anybody has looked", Create(services()), *(image(f"1.{i}") for i in range(10)), shows=ran("1.9")
    ),
    borne(
        "changed while pods start",
        Create(services(replicas=3)),
        Await("ServiceFooSet", "demo-server"),
        image("2"),
        shows=ran("2"),
    ),
    borne("changed while it runs", Create(services()), READY, image("2"), image("2", replicas=2), shows=ran("2", 2)),
    borne(
        "changed when it is complete",
        Create(batches()),
        COMPLETE,
        Change("FooSet", "demo", {"spec": {"batch": [batch(completions=3)]}}),
        state="Complete",
        breaks={"I1": "what is complete stays so, and runs no more"},
    ),
    borne(
        "twenty templates during a rollout",
        Create(services()),
        *(image(f"3.{i}") for i in range(20)),
        shows=ran("3.19"),
    ),
    borne(
        "replicas flapping 100 times a second",
        Create(services()),
        Repeat(150, (replicas(3), replicas(1)), pause=0.005),
        replicas(1),
        shows=pods_with(1),
    ),
    borne("deleted while it is made", Create(services(replicas=5)), Remove("FooSet", "demo"), state=GONE),
    borne(
        "deleted while its pods start",
        Create(services(replicas=5)),
        Await("ServiceFooSet", "demo-server"),
        Remove("FooSet", "demo", "Foreground"),
        state=GONE,
    ),
    borne(
        "made and deleted ten times",
        Repeat(10, (Create(services()), Remove("FooSet", "demo"))),
        Create(services()),
    ),
    borne(
        "an entry that comes and goes",
        Create(services()),
        Repeat(10, (as_batch("x", "y"), as_service("server"))),
        shows=children("ServiceFooSet/demo-server"),
    ),
    borne(
        "an entry that changes its kind",
        Create(a("FooSet")),
        Repeat(5, (as_batch("x"), as_service("x"))),
        shows=children("ServiceFooSet/demo-x"),
    ),
    borne(
        "a child that is deleted again and again",
        Create(services()),
        Repeat(5, (Await("ServiceFooSet", "demo-server"), Remove("ServiceFooSet", "demo-server")), pause=0.2),
        shows=both(children("ServiceFooSet/demo-server"), pods_with(1)),
    ),
    borne(
        "pods that are deleted again and again",
        Create(services()),
        READY,
        Repeat(5, (EachPod(None),), pause=0.3),
        shows=pods_with(1),
    ),
    borne(
        "fewer completions than are complete",
        Create(batches(completions=3)),
        COMPLETE,
        Change("FooSet", "demo", {"spec": {"batch": [batch(completions=1)]}}),
        state="Complete",
    ),
    Row(
        name="a change of what was read before another changed it",
        by=By.SERVER,
        steps=(Create(services()), Change("FooSet", "demo", {"metadata": {"resourceVersion": "1"}})),
        words=("the object has been modified",),
    ),
    borne(
        "times that the user sets, which the server overwrites",
        Create(
            a(
                "FooSet",
                metadata={"creationTimestamp": FAR_AHEAD, "deletionTimestamp": LONG_AGO, "generation": -5, "uid": "x"},
                service=[service()],
            )
        ),
        shows=of_it(lambda found: not {FAR_AHEAD, LONG_AGO, "-5", "x"} & {*map(str, found["metadata"].values())}),
    ),
    borne(
        "conditions of other ages",
        Create(services()),
        READY,
        stating(conditions=[condition("Ready", FAR_AHEAD), condition("Refined", LONG_AGO)]),
        shows=of_it(lambda found: all(one["reason"] != "Forged" for one in found["status"]["conditions"])),
    ),
    borne(
        "a trace that began before the epoch, or has yet to begin",
        Create(services()),
        READY,
        stating(trace={"startedAt": LONG_AGO, "generation": 1, "episode": 2**31 - 1}),
        stating(trace={"startedAt": FAR_AHEAD, "generation": 2**53, "episode": 0}),
        Change("FooSet", "demo", {"spec": {"service": [service(replicas=2)]}}),
        shows=both(pods_with(2), of_it(lambda found: found["status"]["trace"]["startedAt"][:2] == "20")),
        breaks={"I10": FORGED},
    ),
    borne(
        "a generation that nobody has written yet",
        Create(services()),
        READY,
        stating(observedGeneration=2**53),
        breaks={"I10": FORGED},
    ),
    borne(
        "pods whose times are wrong",
        Create(batches(completions=2, parallelism=2, template=once())),
        EachPod(
            {
                "status": {
                    "startTime": FAR_AHEAD,
                    "conditions": [
                        {"type": "Ready", "status": "False", "lastTransitionTime": LONG_AGO},
                        {"type": "Strange", "status": "Unknown", "lastTransitionTime": FAR_AHEAD},
                    ],
                }
            },
            "status",
        ),
        state="Complete",
    ),
    Row(
        name="a status of indexes that there are not",
        by=By.SCHEMA,
        steps=(
            Create(a("BatchFooSet", completions=0, template=once())),
            Change("BatchFooSet", "demo", {"status": {"completedIndexes": "0-99999999999"}}, "status"),
        ),
        words=("status.completedIndexes", "should match"),
        about=("BatchFooSet", "demo"),
    ),
    borne(
        "a status of indexes that run backwards",
        Create(a("BatchFooSet", completions=2, parallelism=2, template=once())),
        Change(
            "BatchFooSet",
            "demo",
            {"status": {"completedIndexes": "7-3", "attempts": [{"indexes": "9-0", "attempt": 1}]}},
            "status",
        ),
        of=("BatchFooSet", "demo"),
        state="Complete",
    ),
)
