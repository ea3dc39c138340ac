"""What a real API server says to the requests that are made of a Lease, under the right that the chart gives."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.cluster.local import LocalCluster
from foosets.api.meta import Key
from foosets.kube.errors import Conflict, Forbidden, Invalid
from foosets.kube.lease import LeaseClient, Record, micro_time
from foosets.kube.transport import connect
from tests.cluster.waiting import until_may
from tests.kube.loopback import kubeconfig

pytestmark = pytest.mark.cluster

NAMESPACE = "leases"
MINE = Record("me", 15, micro_time(1_800_000_000), micro_time(1_800_000_001), 1)


@pytest.fixture(scope="module")
def candidate(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig of who may get, update and create the Lease `mine`, by name."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("-n", NAMESPACE, "create", "serviceaccount", "candidate")
    rule = ("--verb=get,update,create", "--resource=leases.coordination.k8s.io", "--resource-name=mine")
    cluster.kubectl("-n", NAMESPACE, "create", "role", "candidate", *rule)
    subject = f"--serviceaccount={NAMESPACE}:candidate"
    cluster.kubectl("-n", NAMESPACE, "create", "rolebinding", "candidate", "--role=candidate", subject)
    until_may(cluster, f"system:serviceaccount:{NAMESPACE}:candidate", "get", "lease/mine", NAMESPACE)
    token = cluster.kubectl("-n", NAMESPACE, "create", "token", "candidate")
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--output=json"))["clusters"][0]["cluster"]
    folder = tmp_path_factory.mktemp("candidate")
    yield Path(kubeconfig(folder, config.pop("server"), user={"token": token.strip()}, cluster=config))
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


async def test_a_lease_is_made_held_given_back_and_made_anew(cluster: LocalCluster, candidate: Path) -> None:
    async with connect(str(candidate)) as transport:
        client = LeaseClient(transport, Key(NAMESPACE, "mine"), "foosets-test")
        assert await client.read() is None
        made = await client.write(MINE, None)
        assert made.record == MINE
        with pytest.raises(Invalid, match="must be specified for an update"):
            await client.write(MINE, None)

        cluster.kubectl("-n", NAMESPACE, "label", "lease", "mine", "team=a")
        with pytest.raises(Conflict):
            await client.write(MINE, made)
        read = await client.read()
        assert read is not None
        free = await client.write(Record(lease_duration_seconds=1), read)
        assert free.record == Record(lease_duration_seconds=1)
        assert json.loads(free.metadata)["labels"] == {"team": "a"}

        cluster.kubectl("-n", NAMESPACE, "delete", "lease", "mine")
        with pytest.raises(Conflict):
            await client.write(MINE, free)
        assert await client.read() is None
        assert (await client.write(MINE, None)).record == MINE


async def test_another_lease_is_refused(candidate: Path) -> None:
    async with connect(str(candidate)) as transport:
        client = LeaseClient(transport, Key(NAMESPACE, "others"), "foosets-test")
        with pytest.raises(Forbidden):
            await client.read()
        with pytest.raises(Forbidden):
            await client.write(MINE, None)
