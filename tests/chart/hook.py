"""The pod of `helm test` and what it makes, found among manifests."""

import json

from chart.manifests import Manifest, is_hook, of_kind


def hooks(manifests: list[Manifest]) -> list[Manifest]:
    return [one for one in manifests if is_hook(one)]


def pod(manifests: list[Manifest]) -> Manifest:
    (only,) = of_kind(hooks(manifests), "Pod").values()
    return only


def container(manifests: list[Manifest]) -> Manifest:
    (only,) = pod(manifests)["spec"]["containers"]
    return only


def fooset(manifests: list[Manifest]) -> Manifest:
    return json.loads(container(manifests)["args"][0])
