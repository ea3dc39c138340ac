"""What a benchmark changes of a control plane: flags by process, and who its clients are."""

from pathlib import Path

import yaml

from e2e.cluster.kubeconfig import Credentials, Server
from e2e.cluster.tuning import merged, write_identities


def test_later_flags_win_and_others_stay() -> None:
    first = {"kube-scheduler": {"leader-elect": "false", "v": "1"}}
    assert merged(first, {"kube-scheduler": {"v": "2"}, "etcd": {"x": "y"}}) == {
        "kube-scheduler": {"leader-elect": "false", "v": "2"},
        "etcd": {"x": "y"},
    }
    assert first == {"kube-scheduler": {"leader-elect": "false", "v": "1"}}


def test_each_client_is_the_user_that_the_api_server_knows_it_as(tmp_path: Path) -> None:
    administrator = Credentials(certificate=(tmp_path / "admin.crt", tmp_path / "admin.key"))

    flags = write_identities(tmp_path, Server("https://127.0.0.1:6443", tmp_path / "ca.crt"), administrator)

    for name in ("kube-controller-manager", "kube-scheduler"):
        config = yaml.safe_load(Path(flags[name]["kubeconfig"]).read_text())
        assert config["users"][0]["user"]["as"] == f"system:{name}"
        assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
