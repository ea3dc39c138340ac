from pathlib import Path

import pytest
from typer.testing import CliRunner

from e2e.cluster.cli import app


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, args)
    return result.exit_code, result.output


def test_down_of_nothing_is_done_already(tmp_path: Path) -> None:
    assert run("down", "--state", str(tmp_path / "cluster")) == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["status", "kubeconfig", "env"])
def test_without_a_cluster_the_answer_says_how_to_get_one(tmp_path: Path, command: str) -> None:
    code, output = run(command, "--state", str(tmp_path / "cluster"))
    assert code == 1
    assert "python -m e2e.cluster up" in output


def test_a_directory_of_somebody_else_is_not_taken_down(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    code, output = run("down", "--state", str(tmp_path))
    assert code == 1
    assert "thesis.tex" in output
    assert (tmp_path / "thesis.tex").exists()
