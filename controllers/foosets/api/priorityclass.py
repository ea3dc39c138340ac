"""PriorityClasses as our caches hold them; see `foosets.api.pod` for how rows are made."""

from msgspec import Struct, field

from foosets.api.meta import Key
from foosets.api.pod import Metadata


class PriorityClass(Struct, gc=False, rename="camel", omit_defaults=True):
    """One priority class: pods name it, and the higher its value the sooner they are served."""

    metadata: Metadata = field(default_factory=Metadata)
    value: int = 0
    global_default: bool = False

    @property
    def key(self) -> Key:
        """Its name; priority classes are in no namespace."""
        return Key("", self.metadata.name)
