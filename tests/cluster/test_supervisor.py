"""The supervisor with programs that need no cluster; the tokens come from a stand-in for kubectl."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from e2e.cluster import processes
from e2e.cluster.errors import ClusterError
from e2e.cluster.ports import LOOPBACK, free_ports
from e2e.cluster.programs import Program, TokenRequest
from e2e.cluster.state import StateDirectory
from e2e.cluster.supervision import Supervision
from e2e.cluster.supervisor import Supervisor
from e2e.cluster.tokens import Issuer
from tests.cluster.waiting import until

SERVE = f"""
import http.server, os, sys
port = int(os.environ["PORT"])
http.server.ThreadingHTTPServer(("{LOOPBACK}", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def supervision(tmp_path: Path) -> Iterator[Supervision]:
    state = StateDirectory(tmp_path / "cluster")
    state.root.mkdir()
    supervision = Supervision(state, state.begin("local"))
    yield supervision
    supervision.end()
    assert processes.find(supervision.record.id) == []
    processes.kill_all(supervision.record.id)


def server(supervision: Supervision, name: str = "server", code: str = SERVE, **changes: Any) -> Program:
    [port] = free_ports(1)
    program = Program(
        name=name,
        argv=(sys.executable, "-c", code),
        environment={processes.MARK: supervision.record.id, "PORT": str(port)},
        directory=str(supervision.state.root),
        log=str(supervision.state.log(name)),
        ready_url=f"http://{LOOPBACK}:{port}/",
    )
    return msgspec.structs.replace(program, **changes)


def running(supervision: Supervision, program: Program) -> int:
    supervision.wait_ready(program)
    pid = supervision.life(program.name).pid
    assert pid
    return pid


def test_a_killed_program_is_started_again(supervision: Supervision) -> None:
    program = server(supervision)
    supervision.keep(program)
    pid = running(supervision, program)
    processes.send(pid, supervision.record.id, signal.SIGKILL)
    until(lambda: supervision.life("server").pid not in {pid, None})
    assert running(supervision, program) != pid
    life = supervision.life("server")
    assert (life.restarts, life.last_exit) == (1, -signal.SIGKILL)


def test_a_restart_ends_the_old_process_before_it_returns(supervision: Supervision) -> None:
    program = server(supervision)
    supervision.keep(program)
    old = running(supervision, program)
    supervision.restart(program)
    assert not processes.is_alive(old, supervision.record.id)
    assert running(supervision, program) != old


def test_a_stopped_program_stays_down_and_its_neighbour_is_left_alone(supervision: Supervision) -> None:
    program, neighbour = server(supervision), server(supervision, "neighbour")
    supervision.keep(program, neighbour)
    pids = [running(supervision, one) for one in (program, neighbour)]
    supervision.keep(msgspec.structs.replace(program, stopped=True))
    assert [processes.is_alive(pid, supervision.record.id) for pid in pids] == [False, True]
    assert supervision.life("server").pid is None


def test_a_program_that_ignores_sigterm_is_killed(supervision: Supervision) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVE
    program = server(supervision, code=deaf)
    supervision.keep(program)
    pid = running(supervision, program)
    supervision.keep(msgspec.structs.replace(program, stopped=True))
    assert not processes.is_alive(pid, supervision.record.id)


def test_nothing_survives_a_killed_supervisor_and_the_next_starts_all_again(supervision: Supervision) -> None:
    program = server(supervision)
    supervision.keep(program)
    pid, supervisor = running(supervision, program), supervision.pid()
    assert supervisor
    processes.send(supervisor, supervision.record.id, signal.SIGKILL)
    until(lambda: processes.find(supervision.record.id) == [])
    supervision.keep(program)
    assert running(supervision, program) != pid
    assert supervision.pid() != supervisor


def test_a_program_that_never_gets_ready_is_reported_with_its_log(supervision: Supervision) -> None:
    program = server(supervision, code="raise SystemExit('no licence')")
    supervision.keep(program)
    with pytest.raises(ClusterError, match=r"server is not ready[\s\S]*no licence"):
        supervision.wait_ready(program, timeout=2)


def test_a_program_that_cannot_start_is_tried_again(supervision: Supervision) -> None:
    supervision.keep(server(supervision, directory=str(supervision.state.root / "nowhere")))
    until(lambda: supervision.life("server").restarts >= 1)


def kubectl(supervision: Supervision, script: str) -> Path:
    """Put a program in kubectl's place, and return the file in which it may keep its calls."""
    calls = supervision.state.root / "calls"
    supervision.state.bin.mkdir()
    stand_in = supervision.state.bin / "kubectl"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{script}\n')
    stand_in.chmod(0o755)
    return calls


def with_token(supervision: Supervision) -> Program:
    file = str(supervision.state.root / "token")
    request = TokenRequest(namespace="system", service_account="fooset", file=file)
    return server(supervision, token=request)


def test_a_program_starts_with_a_token_of_its_service_account(supervision: Supervision) -> None:
    calls = kubectl(supervision, "echo secret")
    program = with_token(supervision)
    supervision.keep(program)
    running(supervision, program)
    assert program.token
    assert Path(program.token.file).read_text() == "secret"
    assert Path(program.token.file).stat().st_mode & 0o777 == 0o600
    assert calls.read_text() == (
        f"--kubeconfig={supervision.state.kubeconfig} --namespace=system create token fooset --duration=3600s\n"
    )


def test_without_a_token_a_program_does_not_start(supervision: Supervision) -> None:
    calls = kubectl(supervision, "exit 1")
    supervision.keep(with_token(supervision))
    until(lambda: calls.exists() and calls.read_text().count("\n") >= 2)
    assert supervision.life("server").pid is None
    assert "does not start" in supervision.state.log("supervisor").read_text()


def test_its_environment_is_what_was_said_and_nothing_more(supervision: Supervision) -> None:
    say = "import json, os, pathlib; pathlib.Path('seen').write_text(json.dumps(dict(os.environ)))\n" + SERVE
    program = server(supervision, code=say)
    supervision.keep(program)
    running(supervision, program)
    seen = json.loads((supervision.state.root / "seen").read_text())
    seen.pop("LC_CTYPE", None)  # the interpreter's own, in a C locale
    assert seen == program.environment


async def test_a_token_is_renewed_while_the_program_runs(supervision: Supervision) -> None:
    calls = kubectl(supervision, "wc -l < $0.calls 2>/dev/null; echo >> $0.calls")
    program = with_token(supervision)
    supervision.ledger.want({program.name: program})
    issuer = Issuer(supervision.state.bin / "kubectl", supervision.state.kubeconfig)

    def renewed() -> bool:
        return calls.exists() and calls.read_text().count("\n") > 2

    async with anyio.create_task_group() as group:
        group.start_soon(Supervisor(supervision.ledger, issuer, renewal=0.05).run)
        await anyio.to_thread.run_sync(until, renewed)
        observed = supervision.ledger.observed()
        assert observed
        assert observed.lives["server"].pid
        assert observed.lives["server"].restarts == 0
        group.cancel_scope.cancel()
