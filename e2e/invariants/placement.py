"""I4: a pod is placed once, on a node that it fitted."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from e2e.invariants.fitting import fits
from e2e.invariants.history import NODE, POD, History, Life, Object, Version, Violation, has_ended, slot_of


def placed_once(history: History) -> Iterator[Violation]:
    """I4, the one half: once a pod has a node, it keeps it; and only one binding of it succeeds."""
    for life in history.of_kind(POD):
        nodes = list(dict.fromkeys(node for version in life.versions if (node := _node_of(version.object))))
        if len(nodes) > 1:
            yield Violation("I4", str(life), f"was given the nodes {nodes}")
    bound: dict[str, str] = {}
    for write in history.writes:
        if write.resource != "pods/binding" or not write.succeeded:
            continue
        uid = write.body.get("metadata", {}).get("uid", "")
        node = write.body.get("target", {}).get("name", "")
        if uid in bound:
            yield Violation("I4", f"Pod {write.namespace}/{write.name}", f"was bound to {bound[uid]}, then to {node}")
        if uid:
            bound[uid] = node


def placed_where_it_fits(history: History, lag: float) -> Iterator[Violation]:
    """I4, the other half: the node would have taken the pod at some version that its placer may have read.

    That is the version before the one that placed it, or, with `lag` seconds, any that was then no older. The trace
    does not tell the version that a decision was made from, so this errs on the placer's side.
    """
    nodes = {life.name: life for life in history.everywhere(NODE)}
    if not nodes:
        return
    for life in history.of_kind(POD):
        placing = next((version for version in life.versions if _node_of(version.object)), None)
        if placing is None or slot_of(life.last) is None:
            continue
        node = nodes.get(_node_of(placing.object))
        if node is None:
            yield Violation("I4", str(life), f"was given the node {_node_of(placing.object)}, which never was")
        elif not any(_fitted(history, node, life, number) for number in _may_have_read(history, placing, lag)):
            evidence = f"was given {node.name} with version {placing.number} and fitted there at no version from before"
            yield Violation("I4", str(life), evidence)


def _may_have_read(history: History, placing: Version, lag: float) -> Iterator[int]:
    """Yield the versions that a cache may have been at when the decision was made, newest first."""
    yield placing.number - 1
    since = placing.at - timedelta(seconds=lag)
    versions = [version for life in history.everywhere(NODE, POD) for version in life.versions]
    recent = [version.number for version in versions if version.number < placing.number and version.at >= since]
    if lag and recent:
        yield from sorted((*recent, min(recent) - 1), reverse=True)


def _fitted(history: History, node: Life, pod: Life, number: int) -> bool:
    state = node.at(number)
    return state is not None and fits(dict(state), _on(history, node.name, pod, number), dict(pod.last))


def _on(history: History, node: str, besides: Life, number: int) -> list[dict[str, object]]:
    """Return the pods that took room on a node at a version."""
    states: Sequence[Object | None] = [life.at(number) for life in history.everywhere(POD) if life is not besides]
    return [dict(pod) for pod in states if pod is not None and _node_of(pod) == node and not has_ended(pod)]


def _node_of(pod: Object) -> str:
    return pod["spec"].get("nodeName", "")
