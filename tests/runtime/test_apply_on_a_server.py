"""What a real API server says of a created pod begins as the shortest way to read it expects."""

import json

import pytest

from e2e.cluster.local import LocalCluster
from foosets.api.meta import PODS
from foosets.kube.client import Client
from foosets.kube.transport import connect
from foosets.runtime import apply

pytestmark = pytest.mark.cluster


async def test_identity_and_version_of_a_created_pod_stand_at_its_beginning(cluster: LocalCluster) -> None:
    metadata = {"name": "beginning", "labels": {"a": "b"}, "annotations": {"uid": '","uid":"x"'}}
    containers = [{"name": "c", "image": "x"}]
    spec = {"containers": containers, "serviceAccountName": "pods", "automountServiceAccountToken": False}
    body = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}).encode()
    cluster.kubectl("create", "namespace", "beginnings")
    cluster.kubectl("-n", "beginnings", "create", "serviceaccount", "pods")
    async with connect(str(cluster.kubeconfig)) as transport:
        reply = await Client(transport, "foosets-test").create(PODS, "beginnings", body)

    begun = apply._BEGINNING.match(reply)
    assert begun is not None, reply[:300]
    assert begun[1].decode() == json.loads(reply)["metadata"]["uid"]
    assert begun[2].decode() == json.loads(reply)["metadata"]["resourceVersion"]
