from pathlib import Path

import pytest
import yaml

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubeconfig import Credentials, Server, context_name, refuse_foreign, write
from e2e.cluster.state import Record, StateDirectory

RECORD = Record(provider="local", id="abc", server="https://127.0.0.1:20000", control_plane=True)


def made(tmp_path: Path, name: str = context_name(RECORD), url: str = RECORD.server) -> StateDirectory:
    state = StateDirectory(tmp_path)
    write(state.kubeconfig, name, Server(url, tmp_path / "ca.crt"), Credentials(token_file=tmp_path / "token"))
    return state


def test_its_own_is_accepted(tmp_path: Path) -> None:
    refuse_foreign(made(tmp_path), RECORD)


@pytest.mark.parametrize(
    ("name", "url"),
    [("production", RECORD.server), (context_name(RECORD), "https://production:6443")],
    ids=["another context", "another server"],
)
def test_one_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, url: str) -> None:
    with pytest.raises(ClusterError, match="refusing"):
        refuse_foreign(made(tmp_path, name, url), RECORD)


def test_one_whose_current_context_was_changed_is_refused(tmp_path: Path) -> None:
    state = made(tmp_path)
    config = yaml.safe_load(state.kubeconfig.read_text())
    config["current-context"] = "production"
    state.kubeconfig.write_text(yaml.safe_dump(config))
    with pytest.raises(ClusterError, match="refusing"):
        refuse_foreign(state, RECORD)


def test_one_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="gone"):
        refuse_foreign(StateDirectory(tmp_path), RECORD)


def test_it_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert made(tmp_path).kubeconfig.stat().st_mode & 0o777 == 0o600
