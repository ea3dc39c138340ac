"""Nodes as our caches hold them; see `foosets.api.pod` for how rows are made."""

from msgspec import Struct, field

from foosets.api.meta import Key
from foosets.api.names import NodeName
from foosets.api.pod import Condition, Metadata


class _Row(Struct, gc=False, rename="camel", omit_defaults=True):
    """Common settings of the rows."""


class Taint(_Row):
    """What keeps pods without a matching toleration away."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(_Row):
    """What an administrator set."""

    unschedulable: bool = False
    taints: list[Taint] = []


class NodeStatus(_Row):
    """What the kubelet reports."""

    allocatable: dict[str, str | int | float] = {}
    conditions: list[Condition] = []


class Node(_Row):
    """One node."""

    metadata: Metadata = field(default_factory=Metadata)
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)

    @property
    def key(self) -> Key:
        """The name; nodes have no namespace."""
        return Key("", self.metadata.name)

    @property
    def name(self) -> NodeName:
        """The node's name, as pods refer to it."""
        return NodeName(self.metadata.name)
