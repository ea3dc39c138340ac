"""Namespaces as our caches hold them; see `foosets.api.pod` for how rows are made."""

from msgspec import Struct, field

from foosets.api.meta import Key
from foosets.api.names import SCHEDULER_NAME_LABEL
from foosets.api.pod import Metadata


class Namespace(Struct, gc=False, rename="camel", omit_defaults=True):
    """One namespace."""

    metadata: Metadata = field(default_factory=Metadata)

    @property
    def key(self) -> Key:
        """Its name; namespaces are in no namespace."""
        return Key("", self.metadata.name)

    @property
    def scheduler_name(self) -> str:
        """The scheduler that its label names for waiting pods; an empty label names none, like an absent one."""
        return self.metadata.labels.get(SCHEDULER_NAME_LABEL, "")
