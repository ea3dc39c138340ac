"""A file server on loopback with the projects' releases as they lay them out, and ways for it to misbehave."""

import hashlib
import io
import json
import ssl
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from e2e.cluster.releases import Machine, Release, release
from e2e.cluster.toolchain import TOOLS, Tool, pinned_version

PREFIX = "/mirror/"


class FileServer(ThreadingHTTPServer):
    """A mirror of the official hosts under `url`; `asked` has the path of every GET, in order."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        self.url = f"{self.origin}{PREFIX}"
        self.files: dict[str, bytes] = {}
        self.codes: dict[str, int] = {}
        self.redirects: dict[str, str] = {}
        self.broken_off: dict[str, int] = {}
        self.asked: list[str] = []
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def publish(self, *tools: Tool, content: bytes = b"program\n") -> None:
        """Add the release of each tool with everything that belongs to it."""
        for tool in tools:
            wanted = official(tool)
            self.files[path(wanted.url)] = artifact(wanted, content)
            self.vouch(tool)

    def vouch(self, tool: Tool, digest: str = "") -> None:
        """Write the checksums of a release, in the way of its project, with the artifact's digest or with another."""
        wanted = official(tool)
        digest = digest or hashlib.sha256(self.files[path(wanted.url)]).hexdigest()
        before = self.files.get(path(wanted.checksums), b"").decode()
        self.files[path(wanted.checksums)] = checksums(tool, wanted.name, digest, before).encode()


class _Handler(BaseHTTPRequestHandler):
    @property
    def _site(self) -> FileServer:
        assert isinstance(self.server, FileServer)
        return self.server

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        site, path = self._site, urlsplit(self.path).path.removeprefix(PREFIX).removeprefix("/")
        site.asked.append(path)
        code = site.codes.get(path, 200 if path in site.files else 404)
        content = site.files[path] if code == 200 else b"<html>nothing here</html>"
        self.send_response(302 if path in site.redirects else code)
        if path in site.redirects:
            self.send_header("Location", site.redirects[path])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if site.broken_off.get(path, 0):
            site.broken_off[path] -= 1
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has
        """Say nothing."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[FileServer]:
    """Run a server without files."""
    with FileServer(tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def here() -> Machine:
    machine = Machine.here()
    assert machine
    return machine


def official(tool: Tool) -> Release:
    return release(tool, pinned_version(tool), here())


def path(url: str) -> str:
    """Where the mirror has what is officially at `url`."""
    return url.removeprefix("https://")


def artifact(wanted: Release, program: bytes) -> bytes:
    """Return the artifact: the program itself, or an archive with more than the program."""
    if not wanted.member:
        return program
    folder = PurePosixPath(wanted.member).parent
    files = {f"{folder}/README.md": b"read me", wanted.member: program}
    return zipped(files) if wanted.name.endswith(".zip") else tarred(files)


def tarred(files: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for other in others:
            tar.addfile(other)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """Return a member that is no file: a link, a folder."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def zipped(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def checksums(tool: Tool, name: str, digest: str, before: str) -> str:
    """Return what the project publishes: `before` is what it has said of the same release so far."""
    other = hashlib.sha256(b"another file").hexdigest()
    match tool.module:
        case "kubernetes":
            return digest
        case "etcd":
            return f"{other}  another-{name}\n{digest}  {name}\n"
        case "jaeger":
            return f"{other} *another-{name}\n{digest} *{name}\n"
        case "kwok":
            assets = json.loads(before)["assets"] if before else []
            kept = [asset for asset in assets if asset["name"] != name]
            return json.dumps({"tag_name": "v", "assets": [*kept, {"name": name, "digest": f"sha256:{digest}"}]})
        case _:
            return f"{digest}  {name}\n"


def everything(server: FileServer) -> None:
    """Publish all tools, each with its name as content."""
    for tool in TOOLS:
        server.publish(tool, content=tool.name.encode())
