from typing import Any

from msgspec import convert

from foosets.api.pod import OwnerReference, Pod


def owned(*owners: dict[str, Any]) -> Pod:
    return convert({"metadata": {"ownerReferences": owners}}, Pod)


def test_a_pods_controller_is_the_owner_that_says_so() -> None:
    witness = {"kind": "Witness", "name": "w", "uid": "uid-w"}
    controller = {"kind": "BatchFooSet", "name": "work", "uid": "uid-work", "controller": True}
    assert owned(witness, controller).controller == convert(controller, OwnerReference)


def test_a_pod_that_nobody_controls_has_no_controller() -> None:
    assert owned().controller is None
    assert owned({"kind": "Witness", "name": "w", "uid": "uid-w"}).controller is None
