"""Strings: names too long or of other letters, labels that are none, and what only looks like text."""

import json
from typing import Final

from foosets.api.names import Reason
from tests.badinput.objects import a, batch, batches, container, once, pods, service
from tests.badinput.rows import Create, Row, Send, borne, by_condition, by_schema, by_server
from tests.badinput.showing import both, noted, pods_with

INVALID: Final = Reason.INVALID_POD_TEMPLATE
ENTRY: Final = "spec.batch[0].name"


def labelled(**labels: str) -> dict[str, object]:
    """A batch whose pods carry these labels."""
    return a("BatchFooSet", template=once(metadata={"labels": labels}))


def annotated(**annotations: str) -> dict[str, object]:
    """A batch whose pods carry these annotations."""
    return a("BatchFooSet", template=once(metadata={"annotations": annotations}))


SURROGATE: Final = (
    b'{"apiVersion": "foo.example.com/v1alpha1", "kind": "FooSet", "metadata": {"name": "demo", '
    b'"annotations": {"half": "\\ud800"}}, "spec": {}}'
)
NO_UTF8: Final = SURROGATE.replace(b"\\ud800", b"\xff\xfe")
UNPRINTABLE: Final = "a\x00b\x07c \u202e txt \U0001f680"
QUOTED: Final = '"}},{{ .Values }} ${HOME} $(id) %s %b \\"'
ARGUMENTS: Final = ['"}', "%b", "$(FOOSET_INDEX)", "\u2028"]

STRINGS: Final[tuple[Row, ...]] = (
    by_schema("a name of 44 characters", a("BatchFooSet", "n" * 44, template=once()), "metadata.name", "at most 43"),
    by_schema(
        "names too long together, batch",
        a("FooSet", "n" * 40, batch=[batch("abc")]),
        "name of each entry of spec.batch",
        "at most 43 characters",
    ),
    by_schema(
        "names too long together, service",
        a("FooSet", "n" * 40, service=[service("abc")]),
        "each entry of spec.service",
    ),
    by_schema("a name with dots", a("ServiceFooSet", "a.b", template=pods()), "metadata.name may have no dots"),
    by_server("a name in capitals", Create(a("FooSet", "Demo")), "metadata.name", "RFC 1123"),
    by_server("no name", Create(a("FooSet", "")), "name or generateName is required"),
    by_server("a name of 254 characters", Create(a("FooSet", "n" * 254)), "metadata.name"),
    by_server("a name with a slash", Create(a("FooSet", "a/b")), "metadata.name"),
    by_schema("an entry's name in capitals", a("FooSet", batch=[batch("X")]), ENTRY, "should match"),
    by_schema("an entry without a name", a("FooSet", batch=[batch("")]), ENTRY, "should match"),
    by_schema("an entry's name with a dash at its end", a("FooSet", batch=[batch("x-")]), ENTRY, "should match"),
    by_schema("an entry's name that goes on after a line feed", a("FooSet", batch=[batch("x\ny")]), ENTRY),
    by_schema("an entry's name of other letters", a("FooSet", batch=[batch("ünï")]), ENTRY, "should match"),
    by_schema("an entry's name of 42 characters", a("FooSet", batch=[batch("n" * 42)]), ENTRY, "Too long"),
    by_schema(
        "a child's label of 64 characters",
        a("FooSet", batch=[batch(metadata={"labels": {"team": "x" * 64}})]),
        "template.metadata.labels.team",
    ),
    by_schema(
        "an unknown strategy",
        a("BatchFooSet", placement={"strategy": "Random"}, template=once()),
        "spec.placement.strategy",
        '"Pack", "Spread"',
    ),
    by_schema("an unknown restartPolicy", a("ServiceFooSet", template=pods(restartPolicy="Often")), "restartPolicy"),
    by_server(
        "another version", Create(a("FooSet") | {"apiVersion": "foo.example.com/v2"}), "foo.example.com/v2", "version"
    ),
    by_server("another kind", Send("FooSet", json.dumps(a("FooSet") | {"kind": "BarSet"}).encode()), "BarSet", "kind"),
    by_server(
        "another namespace", Create(a("FooSet", metadata={"namespace": "kube-system"})), "namespace", "does not match"
    ),
    by_server("a label with blanks on the set", Create(a("FooSet", metadata={"labels": {"a": "b c"}})), "labels"),
    by_condition(
        "a child's label with blanks",
        a("FooSet", batch=[batch(metadata={"labels": {"team": "two words"}})]),
        INVALID,
        "metadata.labels",
        "two words",
    ),
    by_condition("a pod's label with blanks", labelled(team="two words"), INVALID, "metadata.labels", "two words"),
    by_condition("a pod's label of 64 characters", labelled(team="x" * 64), INVALID, "metadata.labels"),
    by_condition("a pod's label with a key that is none", labelled(**{"-/-": "x"}), INVALID, "metadata.labels"),
    by_condition(
        "a pod's annotation with a key that is none", annotated(**{"a/b/c": "x"}), INVALID, "metadata.annotations"
    ),
    by_condition("annotations of 300 KB", annotated(note="x" * 300_000), INVALID, "metadata.annotations"),
    by_condition(
        "a container's name in capitals",
        a("ServiceFooSet", template=pods(containers=[container(name="Main")])),
        INVALID,
        "spec.containers[0].name",
    ),
    by_condition(
        "an image of blanks",
        a("ServiceFooSet", template=pods(containers=[container(image=" busybox ")])),
        INVALID,
        "spec.containers[0].image",
    ),
    by_condition(
        "no image", batches(template=once(containers=[container(image="")])), INVALID, "spec.containers[0].image"
    ),
    by_condition(
        "a variable without a name",
        batches(template=once(containers=[container(env=[{"name": "", "value": "x"}])])),
        INVALID,
        "env[",
        "name",
    ),
    by_condition("a host name with dots", a("BatchFooSet", template=once(hostname="a.b")), INVALID, "spec.hostname"),
    borne("half of a surrogate pair", Send("FooSet", SURROGATE)),
    borne("bytes that are no UTF-8", Send("FooSet", NO_UTF8)),
    borne(
        "a zero byte, a bell, and text that runs backwards",
        Create(batches(template=once(metadata={"annotations": {"note": UNPRINTABLE}}))),
        shows=noted(UNPRINTABLE),
    ),
    borne(
        "quotes, braces and templates of other languages",
        Create(
            batches(template=once(metadata={"annotations": {"note": QUOTED}}, containers=[container(args=ARGUMENTS)]))
        ),
        shows=both(noted(QUOTED), pods_with(1, args=ARGUMENTS)),
    ),
)
