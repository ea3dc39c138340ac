"""What is listed and watched, and a live list of it."""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from foosets.api.meta import Resource
from foosets.kube.codec import Codec, Undecodable
from foosets.kube.transport import Pool, Transport

PAGE_SIZE: Final = 500
"""Objects in one reply: bounds the server's memory and the time that one decode keeps the loop."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Source(Generic[R]):
    """One resource, in one namespace or in all, narrowed by selectors as kubectl writes them."""

    resource: Resource
    codec: Codec[R]
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""

    def list_path(self, continue_token: str = "") -> str:
        """Return the path of a page. Without a resourceVersion the answer is as new as a quorum of etcd."""
        return self._path(limit=str(PAGE_SIZE), **{"continue": continue_token})

    def watch_path(self, resource_version: int, seconds: int) -> str:
        """Return the path of a watch of what comes after that version, to be ended by the server after `seconds`."""
        return self._path(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=str(resource_version),
            timeoutSeconds=str(seconds),
        )

    def _path(self, **query: str) -> str:
        query |= {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        chosen = {name: value for name, value in query.items() if value}
        return f"{self.resource.path(self.namespace)}?{urlencode(chosen)}"


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """All rows of a source at one version, and the objects that could not become rows."""

    rows: list[R]
    undecodable: list[Undecodable]
    resource_version: int


async def list_all(transport: Transport, source: Source[R]) -> Listing[R]:
    """List a source live, page by page. Raises `ApiError` and `Garbled`.

    The version is that of the first page. Should the server have compacted between pages, later pages may be newer; a
    watch from the first one's version then says some things again, and misses nothing.
    """
    page = source.codec.decode_list(await transport.request("GET", source.list_path(), pool=Pool.READS))
    listing = Listing(page.rows, page.undecodable, page.resource_version)
    while page.continue_token:
        path = source.list_path(page.continue_token)
        page = source.codec.decode_list(await transport.request("GET", path, pool=Pool.READS))
        listing.rows.extend(page.rows)
        listing.undecodable.extend(page.undecodable)
    return listing
