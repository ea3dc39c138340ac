"""Which objects are read for an answer, from a small server."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from foosets.cli.descent import Descent, Object
from foosets.cli.reading import NoAnswerError, Reader
from foosets.cli.target import target_of
from foosets.kube.client import Client
from foosets.kube.errors import Forbidden
from foosets.kube.transport import connect
from tests.cli.world import World, batch, blocked, fooset, pod, quota, service, serving, waiting
from tests.kube.loopback import kubeconfig

POD = "work-x-0-0"
NO_FIT = blocked("Pod", POD, "NoFit")


async def look(folder: Path, world: World, *words: str) -> Descent:
    """What is read of a world when it is asked about some object; nobody is waited for."""
    async with serving(world) as url, connect(kubeconfig(folder, url)) as transport:
        return await Reader(Client(transport, "test"), "ns").look(target_of(words), patience=0)


def names(objects: Sequence[Object]) -> list[str]:
    return [one.metadata.name for one in objects]


FAMILY = (fooset(stored=NO_FIT), batch(), service(stored=NO_FIT), pod(node=""))


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["demo"], 0),
        (["fs/demo"], 0),
        (["sfs", "demo-server"], 1),
        (["demo-server"], 1),
        ([f"po/{POD}"], 2),
        ([POD], 2),
    ],
)
async def test_the_way_is_the_same_from_wherever_it_is_asked(tmp_path: Path, words: list[str], asked: int) -> None:
    found = await look(tmp_path, World(FAMILY), *words)
    assert names(found.objects) == ["demo", "demo-server", POD]
    assert found.asked == asked


async def test_a_part_that_is_well_has_its_root_above_and_nothing_below(tmp_path: Path) -> None:
    found = await look(tmp_path, World(FAMILY), "bfs/demo-workers")
    assert (names(found.objects), found.asked) == (["demo", "demo-workers"], 1)


async def test_a_set_that_is_well_costs_three_requests(tmp_path: Path) -> None:
    world = World((fooset(), batch(), service()))
    found = await look(tmp_path, world, "fs/demo")
    assert names(found.objects) == ["demo"]
    assert len(world.asked) == 3


async def test_a_set_on_its_way_leads_to_the_pod_that_is_waited_for(tmp_path: Path) -> None:
    starting = waiting("PodsStarting")
    pods = (pod(index=1, ready=False), pod(index=0, ready=True))
    found = await look(tmp_path, World((fooset(stored=starting), service(stored=starting), *pods)), "demo")
    assert names(found.objects) == ["demo", "demo-server", "work-x-1-0"]


async def test_a_set_that_blames_itself_is_not_looked_into_further(tmp_path: Path) -> None:
    collides = blocked("ServiceFooSet", "demo-server", "NameCollision", by="Placed")
    found = await look(tmp_path, World((fooset(stored=collides), service(stored=collides), pod())), "demo")
    assert names(found.objects) == ["demo", "demo-server"]


async def test_a_pod_that_is_gone_is_left_out(tmp_path: Path) -> None:
    found = await look(tmp_path, World(FAMILY[:3]), "demo")
    assert names(found.objects) == ["demo", "demo-server"]


async def test_a_parent_of_the_same_name_that_is_another_is_none(tmp_path: Path) -> None:
    found = await look(tmp_path, World((fooset(uid="another"), service())), "sfs/demo-server")
    assert names(found.objects) == ["demo-server"]


async def test_a_set_that_waits_for_a_quota_is_told_for_which(tmp_path: Path) -> None:
    root = fooset(stored=blocked("FooSet", "demo", "QuotaExceeded", by="QuotaReserved"))
    world = World((root, quota(name="other"), quota(root, name="team")))
    assert (await look(tmp_path, world, "demo")).quota == "team"
    assert (await look(tmp_path, World((root,)), "demo")).quota == ""


async def test_a_set_without_an_answer_from_a_quota_leads_to_that(tmp_path: Path) -> None:
    silent = blocked("FooQuota", "team", "ControllerSilent", by="Ready")
    found = await look(tmp_path, World((fooset(stored=silent), service(), quota(name="team"))), "demo")
    assert names(found.objects) == ["demo", "team"]
    alone = batch("alone", stored=silent, ownerReferences=[])
    found = await look(tmp_path, World((alone, quota(fooset(), name="team"))), "bfs/alone")
    assert names(found.objects) == ["alone", "team"]


async def test_a_part_that_waits_for_a_quota_is_told_for_which(tmp_path: Path) -> None:
    short = blocked("BatchFooSet", "demo-workers", "QuotaExceeded", by="QuotaReserved")
    world = World((fooset(), batch(stored=short), quota(fooset(), name="team")))
    found = await look(tmp_path, world, "bfs/demo-workers")
    assert (names(found.objects), found.quota) == (["demo", "demo-workers"], "team")


async def test_a_quota_leads_to_the_first_set_that_waits_for_it(tmp_path: Path) -> None:
    root = fooset(stored=blocked("FooSet", "demo", "QuotaExceeded", by="QuotaReserved"))
    found = await look(tmp_path, World((root, quota(root))), "fq/team")
    assert (names(found.objects), found.quota) == (["team", "demo"], "team")
    assert names((await look(tmp_path, World((quota(),)), "team")).objects) == ["team"]


@dataclass
class CatchingUp(World):
    """A world whose controller has acted on the newest spec when it is asked about the set a second time."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.asked.count(DEMO) == 1:
            self.objects = (fooset(),)
        return await super().answer(request)


DEMO = "/apis/foo.example.com/v1alpha1/namespaces/ns/foosets/demo"


async def test_a_controller_gets_a_moment_to_look(tmp_path: Path) -> None:
    world = CatchingUp((fooset(generation=2),))
    async with serving(world) as url, connect(kubeconfig(tmp_path, url)) as transport:
        found = await Reader(Client(transport, "test"), "ns").look(target_of(["demo"]), patience=20)
    assert not found.lags
    assert world.asked.count(DEMO) == 2


async def test_a_controller_that_does_not_look_is_not_waited_for_any_longer(tmp_path: Path) -> None:
    assert (await look(tmp_path, World((fooset(generation=2),)), "demo")).lags


@pytest.mark.parametrize(
    ("world", "words", "said"),
    [
        (World(), ["fs/demo"], "there is no FooSet called demo in namespace ns"),
        (
            World(),
            ["demo"],
            "there is no FooSet, BatchFooSet, ServiceFooSet, FooQuota or Pod called demo in namespace ns",
        ),
        (
            World((batch("both"), service("both"))),
            ["both"],
            "there are several objects called both: say batchfooset/both or servicefooset/both",
        ),
        (World(unknown="foosets"), ["demo"], "this cluster knows no foosets: is the suite installed?"),
        (
            World((pod(of=quota()),)),
            [f"po/{POD}"],
            f"pod {POD} belongs to no FooSet, BatchFooSet or ServiceFooSet",
        ),
    ],
)
async def test_where_there_is_no_answer_it_is_said_why(
    tmp_path: Path, world: World, words: list[str], said: str
) -> None:
    with pytest.raises(NoAnswerError) as refused:
        await look(tmp_path, world, *words)
    assert str(refused.value) == said


async def test_a_missing_right_is_the_servers_to_tell(tmp_path: Path) -> None:
    with pytest.raises(Forbidden, match="cannot get resource"):
        await look(tmp_path, World(forbidden="foosets"), "demo")
