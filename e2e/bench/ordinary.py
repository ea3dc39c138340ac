"""The benchmark's rival: a batch controller as the client library's examples would have it.

It does the same work by the ordinary means: models for what is sent and received, `Watch` for events, a task for each
pod, 32 requests in flight, dicts for caches, and the least used node for the next pod. It is kept lean otherwise: no
queue, no conditions, no second attempts, no trace.
"""

import asyncio
import heapq
from contextlib import suppress
from typing import Any, Final

from kubernetes_asyncio import client, config, watch

from foosets.api.meta import BATCHFOOSETS

IN_FLIGHT: Final = 32
STATUS_SECONDS: Final = 0.25
_KIND: Final = (BATCHFOOSETS.group, BATCHFOOSETS.version)


class Ordinary:
    """One BatchFooSet, from its appearance to the end of its pods."""

    def __init__(self, api: client.ApiClient, tasks: asyncio.TaskGroup) -> None:
        self._core = client.CoreV1Api(api)
        self._sets = client.CustomObjectsApi(api)
        self._tasks = tasks
        self._permits = asyncio.Semaphore(IN_FLIGHT)
        self._nodes: list[tuple[int, str]] = []
        self._pods: dict[str, client.V1Pod] = {}
        self._succeeded: set[str] = set()
        self._set: dict[str, Any] = {}

    async def run(self) -> None:
        """List and watch for ever."""
        nodes = await self._core.list_node()
        self._nodes = [(0, node.metadata.name) for node in nodes.items]
        pods = await self._core.list_pod_for_all_namespaces(field_selector="spec.nodeName!=")
        self._tasks.create_task(self._watch_pods(pods.metadata.resource_version))
        self._tasks.create_task(self._watch_nodes(nodes.metadata.resource_version))
        self._tasks.create_task(self._report())
        sets = self._sets.list_custom_object_for_all_namespaces
        async for event in watch.Watch().stream(sets, *_KIND, BATCHFOOSETS.plural):
            self._set = event["object"]
            if event["type"] == "ADDED":
                for index in range(self._set["spec"]["completions"]):
                    self._tasks.create_task(self._create(index))

    async def _watch_pods(self, version: str) -> None:
        listing = self._core.list_pod_for_all_namespaces
        stream = watch.Watch().stream(listing, field_selector="spec.nodeName!=", resource_version=version)
        async for event in stream:
            pod = event["object"]
            self._pods[pod.metadata.name] = pod
            if pod.status.phase == "Succeeded":
                self._succeeded.add(pod.metadata.name)

    async def _watch_nodes(self, version: str) -> None:
        async for _ in watch.Watch().stream(self._core.list_node, resource_version=version):
            pass

    async def _create(self, index: int) -> None:
        async with self._permits:
            used, node = self._nodes[0]
            heapq.heapreplace(self._nodes, (used + 1, node))
            await self._core.create_namespaced_pod(self._set["metadata"]["namespace"], self._pod(index, node))

    def _pod(self, index: int, node: str) -> client.V1Pod:
        template, meta = self._set["spec"]["template"], self._set["metadata"]
        owner = client.V1OwnerReference(
            api_version=BATCHFOOSETS.api_version,
            kind=BATCHFOOSETS.kind,
            name=meta["name"],
            uid=meta["uid"],
            controller=True,
            block_owner_deletion=True,
        )
        return client.V1Pod(
            api_version="v1",
            kind="Pod",
            metadata=client.V1ObjectMeta(
                name=f"{meta['name']}-{index}",
                namespace=meta["namespace"],
                labels=template["metadata"]["labels"] | {"owner": meta["uid"], "index": str(index)},
                owner_references=[owner],
            ),
            spec=client.V1PodSpec(
                node_name=node,
                restart_policy=template["spec"]["restartPolicy"],
                automount_service_account_token=template["spec"]["automountServiceAccountToken"],
                containers=[_container(container) for container in template["spec"]["containers"]],
            ),
        )

    async def _report(self) -> None:
        """Write the status when it has changed, at most every STATUS_SECONDS."""
        reported = 0
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            succeeded = len(self._succeeded)
            if succeeded == reported:
                continue
            meta = self._set["metadata"]
            body = self._set | {"status": {"succeeded": succeeded, "active": len(self._pods) - succeeded}}
            put = self._sets.replace_namespaced_custom_object_status
            with suppress(client.ApiException):  # another try after the pause
                await put(*_KIND, meta["namespace"], BATCHFOOSETS.plural, meta["name"], body)
                reported = succeeded


def _container(template: dict[str, Any]) -> client.V1Container:
    return client.V1Container(
        name=template["name"],
        image=template["image"],
        command=template["command"],
        env=[client.V1EnvVar(name=variable["name"], value=variable["value"]) for variable in template["env"]],
        resources=client.V1ResourceRequirements(**template["resources"]),
    )


async def main() -> None:
    """Work on the cluster that $KUBECONFIG names until the process is ended."""
    await config.load_kube_config()
    async with client.ApiClient() as api, asyncio.TaskGroup() as tasks:
        await Ordinary(api, tasks).run()


if __name__ == "__main__":
    asyncio.run(main())
