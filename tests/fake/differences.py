"""What the fake API server does otherwise than the real one, each with its reason; `test_differential` shows them all.

A request of which the fake one says 201 and the real one 422 is one that a test must not rely on being accepted. Where
the fake one has no answer it raises an UnsupportedError, so that nothing is taken for granted by mistake. Beside these,
the words of refusals are its own: what is refused, and which fields are at fault, is the same.

Both are compared without what needs a controller (accounts, taints of new nodes) and without permissions, admission
policies, quotas and webhooks: the fake one has none of that.
"""

from dataclasses import dataclass
from typing import Any, Final

from foosets.api.meta import BATCHFOOSETS, EVENTS, FOOSETS, PODS, SERVICEFOOSETS, Resource
from foosets.kube.client import APPLY_PATCH
from tests.builders import batch_spec, service_spec, template
from tests.fake.histories import Step
from tests.fake.record import Object
from tests.fake.refusals import UnsupportedError

Outcome = int | type[UnsupportedError]
UNSUPPORTED: Final = UnsupportedError


@dataclass(frozen=True, slots=True)
class Difference:
    """A way to see it: the last of these requests gets these two answers, of which the bodies differ, too."""

    what: str
    why: str
    steps: tuple[Step, ...]
    fake: Outcome
    real: int


def _object(resource: Resource, spec: Object, **metadata: Any) -> Object:
    envelope = {"apiVersion": resource.api_version, "kind": resource.kind}
    return envelope | {"metadata": {"name": "a"} | metadata, "spec": spec}


def _pod(**spec: Any) -> Object:
    return _object(PODS, template(**spec)["spec"])


_WITHOUT_LABEL: Final = [{"op": "remove", "path": "/metadata/labels"}]

DIFFERENCES: Final = (
    Difference(
        "rules in CEL are not evaluated",
        "an interpreter of CEL would be larger than all the rest; the rules have tests against a real server",
        (
            Step(
                "POST", BATCHFOOSETS, body=_object(BATCHFOOSETS, batch_spec(template=template(restartPolicy="Always")))
            ),
        ),
        201,
        422,
    ),
    Difference(
        "labels and annotations are not judged",
        "our controllers write only what they have read or made themselves, in forms that are known",
        (Step("POST", FOOSETS, body=_object(FOOSETS, {}, labels={"a": "not a value"})),),
        201,
        422,
    ),
    Difference(
        "events are not judged",
        "a story against a real server reads those that our controllers write",
        (Step("POST", EVENTS, body={"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "a"}}),),
        201,
        422,
    ),
    Difference(
        "a pod's spec is not judged, but for what may change",
        "its validation is thousands of lines, and a template that breaks it shows as a refusal that a hook can play",
        (Step("POST", PODS, body=_pod(restartPolicy="Sometimes")),),
        201,
        422,
    ),
    Difference(
        "built-in kinds keep fields that they do not have",
        "they have no schema here; nothing reads such a field",
        (Step("POST", PODS, body=_pod(unheardOf=1)),),
        201,
        201,
    ),
    Difference(
        "built-in kinds are not applied",
        "owners of fields are kept by schema, and only our own kinds are applied by our controllers",
        (Step("PATCH", PODS, "a", body=_pod(), query={"fieldManager": "me"}, content_type=APPLY_PATCH),),
        UNSUPPORTED,
        201,
    ),
    Difference(
        "of strategic merge patches only conditions, owners and finalizers are merged by item",
        "the other lists of a pod are never patched by our controllers",
        (
            Step("POST", PODS, body=_pod()),
            Step(
                "PATCH",
                PODS,
                "a",
                body={"spec": {"containers": [{"name": "main", "image": "main:2"}]}},
                content_type="application/strategic-merge-patch+json",
            ),
        ),
        UNSUPPORTED,
        200,
    ),
    Difference(
        "there is no scale subresource",
        "an autoscaler's write is a merge patch of `spec.replicas`, as far as controllers can see",
        (
            Step("POST", SERVICEFOOSETS, body=_object(SERVICEFOOSETS, service_spec())),
            Step("GET", SERVICEFOOSETS, "a", "scale"),
        ),
        UNSUPPORTED,
        200,
    ),
    Difference(
        "collections and namespaces are not deleted",
        "nobody here empties a namespace; a test deletes what it means, one by one",
        (Step("DELETE", BATCHFOOSETS),),
        UNSUPPORTED,
        200,
    ),
)
