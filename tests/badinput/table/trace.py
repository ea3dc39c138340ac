"""Traces: hostile contexts and stamps, wherever they can be written. None is an error, and none has an effect."""

from typing import Final

from foosets.api.names import PARENT_REPLICAS, STAMPS, TRACEPARENT
from tests.badinput.objects import a, batch, batches, once, pods, service, services
from tests.badinput.rows import Await, By, Change, Create, EachPod, Row, borne, by_server, by_template_policy
from tests.badinput.showing import first_pod_lives, own_trace

SOUND: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CHILD: Final = ("ServiceFooSet", "demo-server")
CHILD_THERE: Final = (Create(services()), Await(*CHILD))
HOSTILE: Final = {
    "too short": SOUND[:54],
    "too long": SOUND + "0",
    "in capitals": SOUND.upper(),
    "of another version": "ff" + SOUND[2:],
    "of no trace": "00-" + "0" * 32 + SOUND[35:],
    "of no span": SOUND[:36] + "0" * 16 + "-01",
    "of other digits": SOUND.replace("a", "g"),
    "of digits of another script": SOUND.replace("1", "\u0661"),
    "with a line feed": SOUND[:54] + "\n",
    "with a header behind": SOUND + "\r\nX-Evil: 1",
    "empty": "",
}
STRANGE_STAMPS: Final = {
    "no JSON": "{",
    "a list": "[1, 2]",
    "of text": '{"create": "now"}',
    "before the epoch": '{"create": -1, "seen": -9223372036854775808}',
    "of the year 300000": '{"create": 9300000000000000000, "bind": 1e300}',
    "in each other": '{"create": ' + "[" * 500 + "]" * 500 + "}",
    "of 200 KB": '{"create": "' + "1" * 200_000 + '"}',
}


def marked(**annotations: str) -> dict[str, object]:
    """Metadata with annotations."""
    return {"annotations": annotations}


TRACE: Final[tuple[Row, ...]] = (
    *(
        borne(
            f"a traceparent {how} on a set",
            Create(a("FooSet", metadata=marked(**{TRACEPARENT: text}), batch=[batch()])),
            shows=own_trace,
        )
        for how, text in HOSTILE.items()
    ),
    *(
        borne(
            f"stamps {how} on a pod",
            Create(services()),
            Await("FooSet", "demo", "Ready"),
            EachPod({"metadata": {"annotations": {STAMPS: text, TRACEPARENT: "x"}}}),
            Change("FooSet", "demo", {"metadata": {"annotations": {"looked": "again"}}}),
            shows=first_pod_lives,
        )
        for how, text in STRANGE_STAMPS.items()
    ),
    by_server(
        "a tracestate of 1 MB",
        Create(a("FooSet", metadata=marked(tracestate="x" * 2**20), batch=[batch()])),
        "metadata.annotations",
        "Too long",
    ),
    borne("a tracestate of 200 KB", Create(a("FooSet", metadata=marked(tracestate="x" * 200_000), batch=[batch()]))),
    borne(
        "a traceparent on a parentless batch",
        Create(a("BatchFooSet", metadata=marked(**{TRACEPARENT: SOUND.upper(), STAMPS: "{"}), template=once())),
        of=("BatchFooSet", "demo"),
        shows=own_trace,
    ),
    borne(
        "a traceparent on a parentless service",
        Create(a("ServiceFooSet", metadata=marked(**{TRACEPARENT: SOUND, STAMPS: "[]"}), template=pods())),
        of=("ServiceFooSet", "demo"),
        shows=own_trace,
    ),
    borne(
        "a traceparent in a child's template, which the controller overwrites",
        Create(a("FooSet", batch=[batch(metadata=marked(**{TRACEPARENT: "evil"}))])),
        shows=own_trace,
    ),
    borne(
        "a traceparent in a pod template, which the controller overwrites",
        Create(batches(template=once(metadata=marked(**{TRACEPARENT: SOUND})))),
        shows=own_trace,
    ),
    borne(
        "a trace context that changes a hundred times",
        Create(a("FooSet", metadata=marked(**{TRACEPARENT: SOUND}), service=[service()])),
        *(
            Change("FooSet", "demo", {"metadata": marked(**{TRACEPARENT: f"{SOUND[:-4]}{i:02x}-01"})})
            for i in range(100)
        ),
        shows=own_trace,
    ),
    by_template_policy(
        "a parent's number in a child's template",
        a("FooSet", batch=[batch(metadata=marked(**{PARENT_REPLICAS: "evil"}))]),
        "spec.batch[name=workers].template.metadata.annotations",
        PARENT_REPLICAS,
    ),
    *(
        Row(
            name=f"{name} on a derived child",
            by=By.POLICY,
            policy="derived-children",
            steps=(*CHILD_THERE, Change(*CHILD, {"metadata": marked(**{key: text})})),
            words=("trace and control annotations of a derived ServiceFooSet",),
            about=CHILD,
        )
        for name, key, text in (
            ("a hostile traceparent", TRACEPARENT, "00-evil"),
            ("strange stamps", STAMPS, "[[[["),
        )
    ),
)
