"""Questions to an API server over one kept connection, as whoever a kubeconfig says.

Asking so costs a hundredth of starting kubectl: a test may look often. What a user types is tested with kubectl.
"""

import http.client
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import yaml

JSON: Final = "application/json"
TIMEOUT_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 30.0
"""A connection unused for longer is opened anew: the API server closes idle ones after 90 s."""


class RefusedError(RuntimeError):
    """The API server answered with something else than success."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(slots=True)
class ApiServer:
    """One connection, for one thread; to be closed, or used in a `with` block."""

    url: str
    tls: ssl.SSLContext
    token: str = ""
    _connection: http.client.HTTPSConnection = field(init=False)
    _used: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPSConnection(
            urlsplit(self.url).netloc, timeout=TIMEOUT_SECONDS, context=self.tls
        )

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """Return a connection as the one user of a kubeconfig that the harness wrote."""
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        if "client-certificate" in user:
            tls.load_cert_chain(user["client-certificate"], user["client-key"])
        token = Path(user["tokenFile"]).read_text(encoding="utf-8") if "tokenFile" in user else ""
        return cls(cluster["server"], tls, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str, *, accept: str = JSON) -> Any:
        """Return the object at a path; raises RefusedError."""
        return self.ask("GET", path, accept=accept)

    def ask(
        self, method: str, path: str, body: Any = None, *, accept: str = JSON, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Return the answer to a request with a JSON body, and with headers of its own; raises RefusedError."""
        answer = self._answer(method, path, body, {"Accept": accept, **(headers or {})})
        content = json.loads(answer.read())
        if answer.status >= 300:
            raise RefusedError(answer.status, content.get("message", ""))
        return content

    def send(self, method: str, path: str, content: bytes, kind: str = JSON, *, user: str = "") -> tuple[int, Any]:
        """Return status and answer to a request whose body is any bytes, of whatever content type.

        A user that is named is who asks; nothing is raised for a refusal.
        """
        asking = {"Impersonate-User": user} if user else {}
        answer = self._request(method, path, content, {"Accept": JSON, "Content-Type": kind, **asking})
        return answer.status, json.loads(answer.read())

    def events(self, path: str) -> Iterator[Any]:
        """Yield the events of a watch as they come, until the server ends it; raises RefusedError.

        Its query should ask for an end within `TIMEOUT_SECONDS`: a connection that is silent for longer is an OSError.
        """
        answer = self._answer("GET", path)
        if answer.status >= 300:
            raise RefusedError(answer.status, json.loads(answer.read()).get("message", ""))
        while line := answer.readline():
            yield json.loads(line)

    def _answer(
        self, method: str, path: str, body: Any = None, own: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        content = json.dumps(body).encode() if body is not None else None
        return self._request(method, path, content, {"Accept": JSON, "Content-Type": JSON, **(own or {})})

    def _request(
        self, method: str, path: str, content: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if time.monotonic() - self._used > IDLE_SECONDS:
            self._connection.close()  # the request opens it
        self._used = time.monotonic()
        self._connection.request(method, path, content, headers)
        return self._connection.getresponse()
