"""Getting a file over HTTP(S): whether anybody answers, a short text, a long file.

Proxies are those of the environment (`HTTPS_PROXY`, `NO_PROXY`). What is asked for over HTTPS comes over HTTPS: a
redirect to anything else fails.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from threading import Thread
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    BaseHandler,
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from e2e.cluster.progress import Progress

STALL_SECONDS: Final = 15.0
"""How long a host that answered before may say nothing."""

MISSING: Final = frozenset({403, 404, 410})
"""Codes that mean this file alone: object stores answer 403 where there is nothing."""

TEXT_BYTES: Final = 1 << 22
CHUNK_BYTES: Final = 1 << 18


class UnavailableError(Exception):
    """Nothing came: `missing` if the host says that it has no such thing, else the host itself is of no use."""

    def __init__(self, url: str, reason: str, *, missing: bool = False) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason
        self.missing = missing


class TruncatedError(Exception):
    """A body ended before its end."""


def origin(url: str) -> str:
    """Return scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def silent(origins: Iterable[str], seconds: float) -> dict[str, str]:
    """Ask all at once whether they answer anything, and return those that do not, each with a reason.

    It takes `seconds` at most: looking a name up knows no timeout of its own, so each is asked on a thread that is
    left alone when time is up.
    """
    reasons = dict.fromkeys(origins, f"no answer within {seconds:g} s")
    threads = [Thread(target=_knock, args=(origin, reasons), daemon=True) for origin in reasons]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {origin: reason for origin, reason in list(reasons.items()) if reason}


def _knock(origin: str, reasons: dict[str, str]) -> None:
    """Write down why an origin does not answer, and an empty reason if it does, whatever it answers."""
    try:
        request = Request(f"{origin}/", method="HEAD")  # noqa: S310 - the opener speaks HTTP(S) alone
        _opener(origin).open(request, timeout=STALL_SECONDS).close()
    except HTTPError as error:
        error.close()
        reasons[origin] = ""
    except (OSError, HTTPException) as error:
        reasons[origin] = _reason(error)
    else:
        reasons[origin] = ""


def text(url: str) -> str:
    """Return a short text, or raise UnavailableError."""
    with _opened(url) as response:
        try:
            return response.read(TEXT_BYTES).decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise UnavailableError(url, _reason(error)) from error


def save(url: str, target: Path, title: str, progress: Progress) -> str:
    """Write what the URL has to a file, show how it goes, and return its SHA-256.

    Raise UnavailableError if nothing came and TruncatedError if not everything did; `target` may hold a part then.
    """
    with _opened(url) as response, target.open("wb") as sink:
        size = int(response.headers.get("Content-Length") or 0)
        digest = hashlib.sha256()
        with progress.step(f"downloading {title}{f', {size / 1e6:.1f} MB' if size else ''}") as step:
            for chunk in _chunks(response):
                sink.write(chunk)
                digest.update(chunk)
                step.tick()
            if size and sink.tell() != size:
                raise TruncatedError(f"{sink.tell()} of {size} bytes came")
        return digest.hexdigest()


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read(CHUNK_BYTES):
            yield chunk
    except (OSError, HTTPException) as error:
        raise TruncatedError(_reason(error)) from error


def _opened(url: str) -> HTTPResponse:
    try:
        return _opener(url, HTTPRedirectHandler()).open(url, timeout=STALL_SECONDS)
    except HTTPError as error:
        error.close()
        raise UnavailableError(url, _reason(error), missing=error.code in MISSING) from error
    except (OSError, HTTPException) as error:
        raise UnavailableError(url, _reason(error)) from error


def _opener(url: str, *more: BaseHandler) -> OpenerDirector:
    """Return what opens the URL; for one with HTTPS it knows nothing else, so no redirect leads out of it."""
    plain = () if url.startswith("https:") else (HTTPHandler(),)
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPSHandler(), HTTPDefaultErrorHandler(), HTTPErrorProcessor(), UnknownHandler()):
        opener.add_handler(handler)
    for handler in (*plain, *more):
        opener.add_handler(handler)
    return opener


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"{error.code} {error.reason}"
    return str(error.reason if isinstance(error, URLError) else error) or type(error).__name__
