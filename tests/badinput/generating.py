"""Objects that nobody would write: drawn from the CRDs' schemas, and then spoiled in a place or two, or in none.

Every object is a function of the seed and its number, so that one that fails is seen again by its number alone. Sizes
that are legal stay small, since on a real server every legal object is run.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from foosets.api.names import API_VERSION, Kind
from tests.badinput.rows import Manifest
from tests.fake.schemas import schema_of

KINDS: Final = (Kind.FOOSET, Kind.BATCHFOOSET, Kind.SERVICEFOOSET)
"""Those that pods come of."""
OBJECTS: Final = 2_000
SEED: Final = 1
OPTIONAL: Final = 0.12
"""How likely a field is that need not be there."""
SPOILED: Final = 0.6
"""How likely an object is spoiled."""

NAMES: Final = ("main", "a", "b-1", "x" * 20)
TEXTS: Final = (
    *NAMES,
    *("", " ", "-", "A", "a.b", "a/b", "a\nb", "a\x00b", "x" * 64, "y" * 300, "\xfcn\xef", "\u202etxt", "\U0001f680"),
    *("0", "true", "null", "{{ . }}", "%s %b", '"},{"', "\\", "http", "tcp", "node-0", "default-scheduler"),
)
QUANTITIES: Final = (
    *("1", "10m", "0", "16Mi", "1e3", ".5", "+1", "1e99999", "-1", "1.", "0.0000001", "9" * 30),
    0,
    1,
    5,
)
PORTS: Final = (80, 0, -1, 65_536, "http", "50%", "x" * 30)
OTHERS: Final = (None, True, 0, -1, 1.5, 2**31, 2**63, "", "text", "-1", [], ["x"], [None], {}, {"a": "b"})
BAD_NAMES: Final = ("", "A", "a.b", "-a", "a-", "a_b", "n" * 44, "n" * 254, "a/b", "\xfc", "..", "%2e")
SMALL: Final = (0, 1, 2, 3)


def generated(number: int, seed: int = SEED) -> Manifest:
    """Return the object of that number."""
    rng = random.Random(f"{seed}:{number}")
    kind = rng.choice(KINDS)
    schema = schema_of(kind)["properties"]["spec"]
    spec = _value(schema, rng)
    if kind is Kind.FOOSET:  # of nothing there would be little to say
        entries = rng.choice(("batch", "service"))
        spec[entries] = [_value(schema["properties"][entries]["items"], rng)]
    manifest = {"apiVersion": API_VERSION, "kind": str(kind), "metadata": {"name": f"g-{number}"}, "spec": spec}
    _make_runnable(manifest, rng)
    if rng.random() < SPOILED:
        for _ in range(rng.randint(1, 3)):
            rng.choice(_SPOILERS)(manifest, rng)
    return manifest


# ---- what the schema allows


def _value(schema: Mapping[str, Any], rng: random.Random) -> Any:
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return rng.choice(QUANTITIES if "pattern" in schema else PORTS)
    return _BY_TYPE.get(schema.get("type", ""), _anything)(schema, rng)


def _anything(schema: Mapping[str, Any], rng: random.Random) -> Any:
    del schema
    return rng.choice(OTHERS)


def _object(schema: Mapping[str, Any], rng: random.Random) -> Any:
    others = schema.get("additionalProperties")
    if others:
        return {rng.choice(TEXTS): _value(others, rng) for _ in range(rng.randint(0, 2))}
    required = schema.get("required", ())
    parts: Mapping[str, Any] = schema.get("properties", {})
    return {name: _value(part, rng) for name, part in parts.items() if name in required or rng.random() < OPTIONAL}


def _array(schema: Mapping[str, Any], rng: random.Random) -> Any:
    return [_value(schema["items"], rng) for _ in range(rng.choice((0, 1, 1, 1, 2)))]


def _string(schema: Mapping[str, Any], rng: random.Random) -> Any:
    if "pattern" in schema:
        return rng.choice(NAMES)
    return rng.choice(NAMES if rng.random() < 0.5 else TEXTS)


def _integer(schema: Mapping[str, Any], rng: random.Random) -> Any:
    if "maximum" in schema:
        return max(rng.choice(SMALL), schema.get("minimum", 0))
    return rng.choice((*SMALL, 80, -1, 65_536, 2**31 - 1))


def _boolean(schema: Mapping[str, Any], rng: random.Random) -> Any:
    del schema
    return rng.random() < 0.5


_BY_TYPE: Final[Mapping[str, Callable[[Mapping[str, Any], random.Random], Any]]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _integer,
    "boolean": _boolean,
}


def _make_runnable(manifest: Manifest, rng: random.Random) -> None:
    """Give most pod templates what no schema asks for and every pod needs, so that not all fail of the same."""
    for batch, template in _templates(manifest):
        spec: Manifest = template.setdefault("spec", {})
        if rng.random() < 0.3:
            spec.clear()
        if rng.random() < 0.8:
            spec["restartPolicy"] = "Never" if batch else "Always"
        if rng.random() < 0.7 or not spec.get("containers"):
            spec["containers"] = [{"name": "main", "image": "busybox"} | _sparse(spec.get("containers"), rng)]
        if rng.random() < 0.3:
            for container in spec["containers"]:
                container["resources"] = {"requests": {"cpu": rng.choice(QUANTITIES), rng.choice(TEXTS): "1"}}


def _sparse(containers: Any, rng: random.Random) -> Manifest:
    """A part of the first container."""
    first: Manifest = containers[0] if containers else {}
    return {name: part for name, part in first.items() if name not in {"name", "image"} and rng.random() < 0.5}


def _templates(manifest: Manifest) -> Iterator[tuple[bool, Manifest]]:
    spec: Manifest = manifest["spec"]
    if manifest["kind"] != Kind.FOOSET:
        yield manifest["kind"] == Kind.BATCHFOOSET, spec["template"]
        return
    for entries in ("batch", "service"):
        yield from ((entries == "batch", entry["template"]["spec"]["template"]) for entry in spec.get(entries, ()))


# ---- and what it does not


def _retype(manifest: Manifest, rng: random.Random) -> None:
    holder, key = _place(manifest, rng)
    holder[key] = rng.choice(OTHERS)


def _lengthen(manifest: Manifest, rng: random.Random) -> None:
    holder, key = _place(manifest, rng)
    holder[key] = "x" * rng.choice((65, 1_000, 300_000))


def _leave_out(manifest: Manifest, rng: random.Random) -> None:
    holder, key = _place(manifest, rng)
    if key in holder or isinstance(holder, list):
        del holder[key]


def _invent(manifest: Manifest, rng: random.Random) -> None:
    holder, _ = _place(manifest, rng)
    if isinstance(holder, dict):
        holder[rng.choice(TEXTS)] = rng.choice(OTHERS)


def _rename(manifest: Manifest, rng: random.Random) -> None:
    manifest["metadata"]["name"] = rng.choice(BAD_NAMES)


_SPOILERS: Final = (_retype, _retype, _retype, _lengthen, _leave_out, _invent, _rename)


def _place(manifest: Manifest, rng: random.Random) -> tuple[Any, Any]:
    """Return a place within the spec, or that of the spec itself where nothing is in it."""
    return rng.choice(list(_places(manifest.get("spec"))) or [(manifest, "spec")])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place that something is in, as (holder, key)."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(items):
        yield value, key
        yield from _places(part)
