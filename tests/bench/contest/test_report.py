"""The page's arithmetic: medians with spread, ratios of runs of the same round, CPU by column; and its picture."""

import xml.etree.ElementTree as ET

import pytest

from e2e.bench.contest.bars import LABELS, WIDTH, Bar, draw
from e2e.bench.contest.race import Run
from e2e.bench.contest.report import Size, Spread, at_rest, idle, milliseconds, page, rates, ratios, writes
from e2e.bench.contest.rivals import chosen

SVG = "{http://www.w3.org/2000/svg}"
IDLE = {"etcd": 0.01, "kube-apiserver": 0.02, "kube-controller-manager": 0.0, "kube-scheduler": 0.0}
IDLE |= {"kwok-controller": 0.03}


def run(rival: str, seconds: float, cpu: dict[str, float] | None = None, pods: int = 100) -> Run:
    return Run(
        rival=rival,
        pods=pods,
        bound_seconds=seconds,
        running_seconds=seconds + 1.0,
        lag_seconds=0.25,
        counted_seconds=seconds + 2.0,
        cpu_seconds=cpu or {},
        writes={"POST pods": pods, "POST events": 2 * pods, "PUT jobs/status": pods // 10},
        idle_shares=IDLE,
        watches=1,
    )


def test_a_spread_is_median_lowest_and_highest() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(1.0, 2.0, 3.0)
    assert Spread.of([3.0, 1.0]).median == 2.0
    assert Spread(1.04, 2.05, 3.06).show(1) == "2.0 (1.0-3.1)"


def test_a_rate_is_of_bound_pods() -> None:
    assert rates([run("a", 2.0), run("a", 4.0), run("a", 1.0)]) == Spread(25.0, 50.0, 100.0)


def test_ratios_compare_runs_of_the_same_round() -> None:
    ours = [run("ours", 1.0), run("ours", 2.0), run("ours", 4.0)]
    theirs = [run("theirs", 2.0), run("theirs", 6.0), run("theirs", 4.0)]
    assert ratios(ours, theirs) == Spread(1.0, 2.0, 3.0)


def test_rounds_that_one_of_two_missed_are_not_compared() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([run("a", 1.0), run("a", 1.0)], [run("b", 1.0)])


def test_cpu_is_per_pod_and_what_is_not_the_control_planes_is_one_column() -> None:
    spent = {"etcd": 0.1, "kube-apiserver": 0.5, "fooset": 0.01, "batchfooset": 0.02}
    columns = milliseconds([run("a", 1.0, spent), run("a", 1.0, {**spent, "etcd": 0.3}), run("a", 1.0, spent)])
    assert columns == pytest.approx(
        {
            "etcd": 1.0,
            "kube-apiserver": 5.0,
            "kube-controller-manager": 0.0,
            "kube-scheduler": 0.0,
            "kwok-controller": 0.0,
            "controllers": 0.3,
        }
    )


def test_who_is_slower_has_more_of_the_rest() -> None:
    assert idle({"a": [run("a", 1.0)], "b": [run("b", 9.0)]}) == IDLE
    assert at_rest([run("a", 1.0)], IDLE) == pytest.approx(0.06 * 3.0 / 100 * 1000)
    assert at_rest([run("a", 3.0)], IDLE) == pytest.approx(0.06 * 5.0 / 100 * 1000)


def test_writes_are_per_pod_and_the_rest_is_one_column() -> None:
    assert writes([run("a", 1.0)]) == {
        "POST pods": 1.0,
        "POST pods/binding": 0.0,
        "PATCH pods/status": 0.0,
        "POST events": 2.0,
        "others": 0.1,
    }


def test_the_page_says_what_was_found() -> None:
    rivals = chosen(["service", "deployment", "job"])
    results = {
        "service": [run("service", 1.0), run("service", 2.0), run("service", 1.0)],
        "deployment": [run("deployment", 2.0, {"kube-apiserver": 1.3}), run("deployment", 5.0), run("deployment", 4.0)],
        "job": [run("job", 2.0), run("job", 4.0), run("job", 5.0)],
    }

    text = page(Size(pods=100, nodes=20), rivals, results)

    service, job, deployment = (rival.title for rival in rivals)
    assert "100 pods on 20 nodes. Rounds: 3, after" in text
    assert f"| {service} | {deployment} | 2.50 (2.00-4.00) |" in text
    assert f"| {job} | 25 (20-50) | 5.0 (3.0-6.0) | 0.25 (0.25-0.25) |" in text
    assert f"| {deployment} | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 3.60 |" in text
    assert f"| {job} | 1.00 | 0.00 | 0.00 | 2.00 | 0.10 | 3.10 |" in text
    assert "60 ms a second" in text


def test_bars_are_as_long_as_their_medians_and_whiskers_span_the_rest() -> None:
    picture = ET.fromstring(
        draw(
            "Title", [Bar("ours & co", Spread(50, 100, 200), ours=True), Bar("theirs", Spread(40, 50, 60), ours=False)]
        )
    )

    _, ours, theirs = picture.findall(f"{SVG}rect")
    assert (float(ours.attrib["width"]), float(theirs.attrib["width"])) == (WIDTH / 2, WIDTH / 4)
    assert ours.attrib["fill"] != theirs.attrib["fill"]
    whisker = picture.findall(f"{SVG}path")[0].attrib["d"]
    assert whisker.startswith(f"M{LABELS + WIDTH / 4:.1f} ")
    assert f"H{LABELS + WIDTH:.1f}" in whisker
    assert [text.text for text in picture.findall(f"{SVG}text")] == ["Title", "ours & co", "100", "theirs", "50"]
