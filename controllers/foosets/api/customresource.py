"""What our custom resources share: how they are decoded, and their metadata.

Whole objects are decoded from the API server's JSON with `FooSet.model_validate_json(body)`. Fields that this version
does not know are skipped, so that an older controller reads what a newer API server stores. Objects are frozen: a
cache hands them out without copies. The text under a field is its description in the CRD and in `kubectl explain`.
"""

import re
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from foosets.api.meta import Key
from foosets.api.names import Uid

INT32_MAX: Final = 2**31 - 1
GENERATION_MAX: Final = 2**53
"""Largest whole number that a CRD's bound, a float64, holds without rounding."""
NAME_MAX: Final = 43
"""Longest name of a set, so that `<set>-<hash>-<index>-<attempt>` fits a hostname: 43+1+5+1+5+1+7 = 63."""
NAME_PATTERN: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""A DNS label (RFC 1123) without its length."""
SUBDOMAIN_MAX: Final = 253
SUBDOMAIN_OR_EMPTY: Final = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$"
"""A DNS subdomain (RFC 1123) without its length, or nothing."""

Count = Annotated[int, Field(ge=0, le=INT32_MAX)]
Generation = Annotated[int, Field(ge=0, le=GENERATION_MAX)]

POD_TEMPLATE_REF: Final = "podtemplate.json"
PodTemplate = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "x-schema": POD_TEMPLATE_REF})]
"""A PodTemplateSpec as decoded JSON, opaque to the models; its schema is Kubernetes' own."""


def kubernetes_case(name: str) -> str:
    """Return the field's name in JSON: camelCase, and `traceID` rather than `traceId`."""
    return re.sub(r"Id$", "ID", to_camel(name))


class Model(BaseModel):
    """Settings of every part of a custom resource."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=kubernetes_case,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )

    def to_json(self) -> bytes:
        """Return it as the API server takes it: JSON names, and nothing that is not set."""
        return self.model_dump_json(exclude_none=True).encode()


def list_map(key: str) -> dict[str, Any]:
    """Return the schema keywords of a list that is merged entry by entry, each known by `key`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Return the schema keyword for CEL rules, given as (expression, message)."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


NAME_RULES: Final = (
    (
        f"size(self.metadata.name) <= {NAME_MAX}",
        f"metadata.name may have at most {NAME_MAX} characters, so that the names of its pods fit a hostname",
    ),
    (
        "!self.metadata.name.contains('.')",
        "metadata.name may have no dots: the names of its pods are made from it, and are hostnames",
    ),
)


class OwnerReference(Model):
    """Who owns the object."""

    api_version: str
    uid: Uid
    kind: str
    name: str
    controller: bool = False

    @property
    def group(self) -> str:
        """The API group of its kind; others have kinds of the same name."""
        return self.api_version.partition("/")[0]


class ObjectMeta(Model):
    """The part of `metadata` that we read. What the API server always sets has no default."""

    name: str
    namespace: str
    uid: Uid
    resource_version: str
    generation: int
    creation_timestamp: AwareDatetime
    deletion_timestamp: AwareDatetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()


class TemplateMetadata(Model):
    """Metadata of the objects made from a template."""

    labels: dict[str, Annotated[str, Field(max_length=63)]] = Field(default={}, max_length=100)
    """Labels of the child. Those under foo.example.com are the controllers' own to set."""
    annotations: dict[str, Annotated[str, Field(max_length=262_144)]] = Field(default={}, max_length=100)
    """Annotations of the child. Those under foo.example.com are the controllers' own to set."""


class CustomResource(Model):
    """A whole object; kinds add `spec` and `status`. Two versions differ by `metadata.resource_version`."""

    metadata: ObjectMeta

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.metadata.namespace, self.metadata.name)

    @property
    def controller(self) -> OwnerReference | None:
        """The owner reference that has `controller: true`, if any."""
        return next((owner for owner in self.metadata.owner_references if owner.controller), None)

    @property
    def terminating(self) -> bool:
        """Whether somebody has asked for its deletion."""
        return self.metadata.deletion_timestamp is not None
