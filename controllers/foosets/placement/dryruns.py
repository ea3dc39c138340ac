"""What the API server makes of a template's pods, as a dry run tells before there is any.

Example: a template asks for nothing, and the namespace has a LimitRange whose default request is 100m of CPU. The pod
that the API server would have stored asks for 100m, and so will all that are made from the template.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from foosets.api.pod import Pod
from foosets.placement.requests import PodClass, pod_class, shown, template_class
from foosets.planning.actions import DryRun, Plan
from foosets.planning.children import Owner
from foosets.runtime.writers import Performed

_decode: Final = msgspec.json.Decoder(Pod).decode


@dataclass(frozen=True, slots=True)
class Admitted:
    """The pods of a template that has passed its dry run: what they ask of a node, and what status shows of it."""

    pods: PodClass
    requests: Mapping[str, str]

    @classmethod
    def of(cls, sent: bytes, answer: bytes) -> "Admitted":
        """Read what a dry run answered; where that is nothing, what was sent says all that is known."""
        pods = pod_class(_decode(answer)) if answer else template_class(msgspec.json.decode(sent))
        return cls(pods, shown(pods.size))


def passed(plan: Plan, outcome: Performed) -> Iterator[tuple[Owner, Admitted]]:
    """Yield whose template has passed a dry run that the plan had asked for, and what it told."""
    answers = {one.target.name: one.answer for one in outcome.written if one.answer is not None}
    for action in plan.actions:
        if isinstance(action, DryRun) and action.name in answers:
            yield action.owner, Admitted.of(action.body, answers[action.name])
