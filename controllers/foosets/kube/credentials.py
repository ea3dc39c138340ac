"""Where the API server is, how it is trusted, and who we are to it.

kubernetes_asyncio reads kubeconfig files, runs exec plugins, renews OIDC tokens and finds the service account of a pod.
This module asks it again once a minute, after a 401 and after a failed connection, and keeps what it had whenever the
answer is not usable: a token file is empty for a moment while it is rotated, a plugin may fail. Old credentials are
good until the server says otherwise. What has been begun to be read is read to its end, also when who wanted it has
given up.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# The library's types stop at its client; this module is where its configuration becomes ours.

import asyncio
import os
import ssl
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import anyio
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import load_incluster_config, load_kube_config
from kubernetes_asyncio.config.incluster_config import (
    SERVICE_CERT_FILENAME,
    SERVICE_HOST_ENV_NAME,
    SERVICE_TOKEN_FILENAME,
)
from kubernetes_asyncio.config.kube_config import KubeConfigLoader

from foosets.kube.errors import NotConfigured

REFRESH_SECONDS: Final = 60.0
"""Age at which credentials are read again before the next request."""
RENEWAL_PAUSE_SECONDS: Final = 5.0
"""A 401 makes us read again at most this often, so that refused requests cannot turn into a storm of plugins."""
NAMESPACE_FILENAME: Final = str(Path(SERVICE_TOKEN_FILENAME).with_name("namespace"))
_READ_SECONDS: Final = 30.0  # an exec plugin that hangs must not hang its callers


class Origin(Protocol):
    """Where a configuration of kubernetes_asyncio comes from."""

    async def read(self, *, afresh: bool) -> Configuration:
        """Return the present configuration; `afresh` also gives up what plugins said to be still good."""
        ...

    def namespace(self) -> str:
        """Return the namespace that is meant where none is named, or nothing; known once it has been read."""
        ...


@dataclass(slots=True)
class KubeconfigFile:
    """A kubeconfig, or several separated as in $KUBECONFIG, with the context of that name, or its current one."""

    path: str
    context: str | None = None
    _loader: KubeConfigLoader | None = field(default=None, init=False, repr=False)

    def __str__(self) -> str:
        return f"kubeconfig {self.path}" + (f", context {self.context}" if self.context else "")

    async def read(self, *, afresh: bool) -> Configuration:
        """Read token files again and ask plugins whose answer has expired; afresh: the file, too, and every plugin."""
        configuration = Configuration()
        if afresh or self._loader is None:
            self._loader = await load_kube_config(self.path, self.context, client_configuration=configuration)
        else:
            await self._loader.load_and_set(configuration)
        return configuration

    def namespace(self) -> str:
        """Return the context's namespace."""
        current = self._loader.current_context if self._loader is not None else None
        return str(current["context"].get("namespace") or "") if current else ""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The files that a kubelet mounts into a pod."""

    token_file: str = SERVICE_TOKEN_FILENAME
    ca_file: str = SERVICE_CERT_FILENAME
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    namespace_file: str = NAMESPACE_FILENAME

    async def read(self, *, afresh: bool) -> Configuration:  # noqa: ARG002 - reading files is always afresh
        """Read both files."""
        configuration = Configuration()
        load_incluster_config(
            configuration,
            try_refresh_token=False,
            token_filename=self.token_file,
            cert_filename=self.ca_file,
            environ=dict(self.environ),
        )
        return configuration

    def namespace(self) -> str:
        """Return the pod's own namespace."""
        file = Path(self.namespace_file)
        return file.read_text(encoding="utf-8").strip() if file.exists() else ""


def find_origin(kubeconfig: str | None, environ: Mapping[str, str], context: str | None = None) -> Origin:
    """Choose as kubectl does: the named file, $KUBECONFIG, the pod's service account, ~/.kube/config.

    Who names a context means one of a file.
    """
    path = kubeconfig or environ.get("KUBECONFIG")
    if path:
        return KubeconfigFile(path, context)
    if environ.get(SERVICE_HOST_ENV_NAME) and not context:
        return ServiceAccount(environ=environ)
    return KubeconfigFile(str(Path.home() / ".kube" / "config"), context)


class Credentials:
    """The server's address, the Authorization header and the TLS context, as last read.

    `generation` rises whenever `authorization` or `tls` changed, and `failures` whenever reading again failed.
    Address, proxy, server name and namespace are those of the first reading.
    """

    def __init__(self, origin: Origin, configuration: Configuration) -> None:
        self._origin = origin
        self._reading = anyio.Lock()
        self._readings: set[asyncio.Task[None]] = set()  # the loop itself would let go of them
        self._files: tuple[object, ...] = ()
        self._due = anyio.current_time() + REFRESH_SECONDS
        self._renewed_at = float("-inf")
        self.server = str(configuration.host).rstrip("/")
        self.server_name: str | None = configuration.tls_server_name
        self.proxy: str | None = configuration.proxy
        self.namespace = origin.namespace()
        self.authorization = ""
        self.tls: ssl.SSLContext | bool = True
        self.generation = 0
        self.failures = 0
        self._take(configuration)

    @classmethod
    async def load(cls, origin: Origin) -> "Credentials":
        """Read for the first time. Raises NotConfigured: without credentials nothing can start."""
        try:
            with anyio.fail_after(_READ_SECONDS):
                return cls(origin, await origin.read(afresh=True))
        except Exception as error:
            raise NotConfigured(f"no usable configuration from {origin}: {error}") from error

    def stale(self) -> bool:
        """Whether it is time for `refresh`; cheap enough to ask before every request."""
        return asyncio.get_running_loop().time() >= self._due

    def expire(self) -> None:
        """Make the next request read again: a connection failed, perhaps for another CA or another certificate."""
        self._due = float("-inf")

    async def refresh(self) -> None:
        """Read again. One caller does, those that come meanwhile go on with what there is; failures change nothing."""
        self._due = anyio.current_time() + REFRESH_SECONDS
        await self._to_the_end(self._refresh())

    async def renew(self, refused: int) -> bool:
        """After a 401 of a request sent in generation `refused`: return whether there is now something else to send."""
        await self._to_the_end(self._renew(refused))
        return self.generation != refused

    async def _to_the_end(self, reading: Coroutine[Any, Any, None]) -> None:
        """Read on also when the caller gives up, who may have less time than a plugin takes."""
        task = asyncio.create_task(reading)  # noqa: TID251 - it outlives its caller, and ends in time
        self._readings.add(task)
        task.add_done_callback(self._readings.discard)
        await asyncio.shield(task)

    async def _refresh(self) -> None:
        async with self._reading:
            await self._read(afresh=False)

    async def _renew(self, refused: int) -> None:
        async with self._reading:
            rested = anyio.current_time() - self._renewed_at >= RENEWAL_PAUSE_SECONDS
            if self.generation == refused and rested:
                self._renewed_at = anyio.current_time()
                await self._read(afresh=True)

    async def _read(self, *, afresh: bool) -> None:
        try:
            with anyio.fail_after(_READ_SECONDS):
                self._take(await self._origin.read(afresh=afresh))
        except Exception:  # noqa: BLE001 - the library's parsers and plugins raise anything; what we have stays good
            self.failures += 1

    def _take(self, configuration: Configuration) -> None:
        files = _fingerprint(configuration)
        if self.server.startswith("https") and files != self._files:
            self.tls = _tls_context(configuration)
            self._files = files
            self.generation += 1
        authorization = str(configuration.api_key.get("BearerToken", "")).strip()
        if authorization not in {"", "Bearer", self.authorization}:
            self.authorization = authorization
            self.generation += 1


def _fingerprint(configuration: Configuration) -> tuple[object, ...]:
    """What a TLS context was made of: a rotated file differs in inode, size or time."""
    paths: list[str | None] = [configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file]
    stats = [Path(path).stat() if path else None for path in paths]
    return configuration.verify_ssl, *(stat and (stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)


def _tls_context(configuration: Configuration) -> ssl.SSLContext:
    """Build the context once per set of files; the library builds it once per process and misses rotations."""
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if configuration.ssl_ca_cert:
        # Python 3.13 asks CAs for key identifiers that those of common Kubernetes installers lack; kubectl does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
