"""The fake API server against a real one: the same random histories, the same answers; and where they differ.

A sample of what `make differential` runs. A failure prints the seed: `history(seed)` is that history again.
"""

from collections.abc import Iterator

import anyio
import pytest

from tests.fake import realserver
from tests.fake.comparison import compare
from tests.fake.differences import DIFFERENCES, Difference
from tests.fake.differential import define_kinds, run
from tests.fake.histories import History
from tests.fake.realserver import RealServer
from tests.fake.refusals import UnsupportedError
from tests.fake.sides import Real, Side, connected

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

SAMPLE = range(10_000, 11_000)
"""Other histories than the long run's."""
SAMPLE_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with realserver.running(tmp_path_factory.mktemp("real")) as running:
        anyio.run(defined, running)
        yield running


async def defined(server: RealServer) -> None:
    async with connected(server) as real:
        await define_kinds(real)


async def test_both_servers_say_the_same(server: RealServer) -> None:
    async with connected(server) as real:
        outcome = await run(real, SAMPLE, SAMPLE_SECONDS)
    assert not outcome.disagreements, "\n".join(
        f"seed {seed}: {found}" for seed, found in outcome.disagreements.items()
    )
    assert outcome.steps.total() > 100


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.what)
async def test_a_known_difference_is_one(server: RealServer, difference: Difference) -> None:
    namespace = f"difference-{DIFFERENCES.index(difference)}"
    async with connected(server) as real:
        if difference.fake is UnsupportedError:
            with pytest.raises(UnsupportedError):
                await compare(History(difference.steps, ()), real, namespace)
            assert await last_code(real, namespace, difference) == difference.real
            return
        found = await compare(History(difference.steps, ()), real, namespace)
    assert found is not None
    assert found.place is difference.steps[-1]
    assert found.fake is not None
    assert found.real is not None
    assert (found.fake.code, found.real.code) == (difference.fake, difference.real)


async def last_code(real: Real, namespace: str, difference: Difference) -> int:
    """What the real server says to the last request, the namespace being there."""
    *before, last = difference.steps
    side = Side(real, namespace)
    for step in before:
        await side.take(step)
    side.replies.clear()
    await side.take(last)
    return side.replies[0].code
