import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from e2e.cluster.progress import Progress


def piped() -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    return Progress(console=Console(file=out, highlight=False, soft_wrap=True)), out


def test_a_pipe_gets_a_line_when_a_step_begins_and_one_when_it_ends() -> None:
    progress, out = piped()
    with progress.step("building etcd", Path("/tmp/etcd.log")):
        assert out.getvalue() == "... building etcd (log: /tmp/etcd.log)\n"
    assert re.fullmatch(r"ok  building etcd \(\d+\.\d s\)", out.getvalue().splitlines()[1])


def test_a_failed_step_is_called_failed_and_its_error_goes_on() -> None:
    progress, out = piped()
    with pytest.raises(ValueError, match="no"), progress.step("building etcd"):
        raise ValueError("no")
    assert "FAILED building etcd" in out.getvalue()
    assert "ok" not in out.getvalue()


def test_square_brackets_are_text() -> None:
    progress, out = piped()
    progress.say("[red]etcd[/red]")
    assert out.getvalue() == "[red]etcd[/red]\n"
