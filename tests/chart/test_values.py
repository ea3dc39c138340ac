"""The values of both charts: everything in values.yaml is taken as it stands, and nothing else is."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart.manifests import CHART, JAEGER_CHART, Helm

CHARTS = (CHART, JAEGER_CHART)
Place = tuple[str, ...]
QUANTITIES = {"cpu", "memory"}
WRONG: dict[type, tuple[Any, ...]] = {
    str: (True, ["text"], {"key": "text"}, 7),
    int: ("7", True, 0.5, [7], {"key": 7}),
    bool: ("true", 1, [True], {"key": True}),
}
"""For a value of each type, values of all others. 0.5 is no integer, and to JSON 1 is no truth."""


def leaves(values: dict[str, Any], above: Place = ()) -> Iterator[tuple[Place, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def sections(values: dict[str, Any], above: Place = ()) -> Iterator[Place]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield (*above, key)
            yield from sections(value, (*above, key))


def defaults(chart: Path) -> dict[str, Any]:
    return yaml.safe_load((chart / "values.yaml").read_text())


def at(place: Place, value: Any) -> dict[str, Any]:
    """Values that set one place and nothing else."""
    for key in reversed(place):
        value = {key: value}
    return value


def cases(of_a_place: Any) -> list[Any]:
    return [
        pytest.param(chart, *case, id=f"{chart.name}:{'.'.join(case[0])}={json.dumps(case[-1])}")
        for chart in CHARTS
        for case in of_a_place(defaults(chart))
    ]


def misspelt(values: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    for place, value in leaves(values):
        yield (*place[:-1], f"{place[-1]}x"), value
    for place in sections(values):
        yield (*place[:-1], f"{place[-1]}x"), {}


def wrong(values: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    for place, value in leaves(values):
        for other in WRONG[type(value)]:
            if place[-1] not in QUANTITIES or other != 7:  # 7 bytes is a quantity
                yield place, other
    for place in sections(values):
        yield place, "text"


@pytest.fixture
def refusal(helm: Helm, tmp_path: Path) -> Any:
    """What Helm says to values that it must refuse."""

    def said(chart: Path, values: dict[str, Any]) -> str:
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        with pytest.raises(subprocess.CalledProcessError) as refused:
            helm("template", "release", str(chart), "--values", str(file))
        return refused.value.stderr

    return said


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_the_file_as_it_stands_is_what_is_there_anyway(helm: Helm, chart: Path) -> None:
    plain = helm("template", "release", str(chart))
    assert helm("template", "release", str(chart), "--values", str(chart / "values.yaml")) == plain


@pytest.mark.parametrize(("chart", "place", "value"), cases(misspelt))
def test_a_misspelt_key_is_refused_by_its_name(refusal: Any, chart: Path, place: Place, value: Any) -> None:
    said = refusal(chart, at(place, value))
    assert f"additional properties '{place[-1]}' not allowed" in said


@pytest.mark.parametrize(("chart", "place", "value"), cases(wrong))
def test_a_value_of_another_type_is_refused_at_its_place(refusal: Any, chart: Path, place: Place, value: Any) -> None:
    said = refusal(chart, at(place, value))
    assert f"at '/{'/'.join(place)}'" in said


@pytest.mark.parametrize(
    ("chart", "place", "value"),
    [
        (CHART, ("components", "run"), "Maybe"),
        (CHART, ("components", "replicas"), 0),
        (CHART, ("components", "replicas"), 3),
        (CHART, ("components", "resources", "requests", "cpu"), "many"),
        (CHART, ("components", "resources", "limits", "memory"), -1),
        (CHART, ("image", "repository"), ""),
        (CHART, ("policies", "schedulerName"), "Webhook"),
        (CHART, ("scheduler", "name"), "Foo_Scheduler"),
        (CHART, ("tracing", "endpoint"), "jaeger"),
        (CHART, ("tracing", "query"), "jaeger:16686"),
        (JAEGER_CHART, ("storage", "maxTraces"), 0),
        (JAEGER_CHART, ("service", "nodePort"), 65536),
    ],
)
def test_a_value_out_of_its_range_is_refused_at_its_place(refusal: Any, chart: Path, place: Place, value: Any) -> None:
    assert f"at '/{'/'.join(place)}'" in refusal(chart, at(place, value))


def test_a_policy_that_is_asked_for_and_forbidden_is_refused(refusal: Any) -> None:
    said = refusal(CHART, {"policies": {"enabled": False, "schedulerName": "Policy"}})
    assert "policies.schedulerName is Policy, but policies.enabled is false" in said
