"""The chart's page names each CustomResourceDefinition where it says how to delete all sets of the cluster."""

from e2e.cluster.supervision import REPOSITORY

PAGE = REPOSITORY / "charts" / "foosets" / "README.md"
COMMAND = "kubectl delete crd "


def test_the_page_deletes_every_crd() -> None:
    (command,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(COMMAND)]
    ours = {f"{path.stem}.foo.example.com" for path in (REPOSITORY / "crds").iterdir()}
    assert set(command.removeprefix(COMMAND).split()) == ours
