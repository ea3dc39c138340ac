import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.fileserver import FileServer, serving
from kube.loopback import Authority

from e2e.cluster.progress import Progress
from e2e.cluster.transfer import TruncatedError, UnavailableError, save, silent, text

QUIET = Progress(quiet=True)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def closed() -> str:
    """An origin where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_who_answers_anything_at_all_is_not_silent(server: FileServer, closed: str) -> None:
    reasons = silent([server.origin, closed], 5.0)
    assert set(reasons) == {closed}
    assert "refused" in reasons[closed]


def test_those_that_never_answer_are_waited_for_together() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        origins = [f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in (one, two)]
        started = time.monotonic()
        assert silent(origins, 0.2) == dict.fromkeys(origins, "no answer within 0.2 s")
        assert time.monotonic() - started < 2.0


def test_a_file_is_saved_and_its_digest_told(server: FileServer, tmp_path: Path) -> None:
    server.files["file"] = bytes(range(256)) * 4096
    digest = save(f"{server.url}file", tmp_path / "file", "file", QUIET)
    assert (tmp_path / "file").read_bytes() == server.files["file"]
    assert digest == hashlib.sha256(server.files["file"]).hexdigest()


def test_a_redirect_is_followed(server: FileServer) -> None:
    server.files["there"] = b"found"
    server.redirects["here"] = f"{server.url}there"
    assert text(f"{server.url}here") == "found"


def test_a_body_that_ends_before_its_end_is_not_taken_for_the_file(server: FileServer, tmp_path: Path) -> None:
    server.files["file"] = b"x" * 1000
    server.broken_off["file"] = 1
    with pytest.raises(TruncatedError, match="500 of 1000 bytes"):
        save(f"{server.url}file", tmp_path / "file", "file", QUIET)


@pytest.mark.parametrize(("code", "missing"), [(404, True), (403, True), (429, False), (503, False)])
def test_a_refusal_says_whether_only_this_file_is_missing(server: FileServer, code: int, *, missing: bool) -> None:
    server.codes["file"] = code
    with pytest.raises(UnavailableError, match=str(code)) as refused:
        text(f"{server.url}file")
    assert refused.value.missing is missing


def test_nobody_there_is_told_apart_from_a_missing_file(closed: str) -> None:
    with pytest.raises(UnavailableError, match="refused") as refused:
        text(f"{closed}/file")
    assert not refused.value.missing


def test_https_is_verified_and_never_led_to_http(server: FileServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "it")
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    server.files["file"] = b"from anyone"
    with serving(authority.server) as secure:
        secure.files["file"] = b"from the host"
        secure.redirects["away"] = f"{server.url}file"
        ours = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        assert "from the host" in asked(f"{secure.url}file", ours)
        assert "CERTIFICATE_VERIFY_FAILED" in asked(f"{secure.url}file", {})
        assert "unknown url type: http" in asked(f"{secure.url}away", ours)
    assert server.asked == []


def asked(url: str, variables: dict[str, str]) -> str:
    """What another Python gets, or how it fails: certificates are those of a process."""
    program = f"from e2e.cluster.transfer import text; print(text({url!r}))"
    environment = {"PATH": os.defpath, "NO_PROXY": "127.0.0.1", **variables}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=20
    )
    return done.stdout + done.stderr
