"""Whatever happens to lists and watches, the sink ends up equal to the server."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kube.loopback import PodServer, bookmark
from tests.kube.test_watch import Reflection, reflecting

STEPS = {
    "put": lambda it, name: it.server.put(name),
    "put what cannot be decoded": lambda it, name: it.server.put(name, containers="none"),
    "remove": lambda it, name: it.server.remove(name),
    "bookmark": lambda it, _: it.server.send(bookmark(it.server.version)),
    "end": lambda it, _: it.server.end(),
    "cut": lambda it, _: it.server.cut(),
    "garble": lambda it, _: it.server.send(b"<html>\n"),
    "forget": lambda it, _: it.server.forget(),
    "refuse": lambda it, _: setattr(it.server, "refusals", 2),
    "relist": lambda it, _: it.reflector.request_relist(),
}
steps = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from("abc"), st.booleans()), max_size=12)


@settings(max_examples=30, deadline=None)
@given(steps=steps, in_stream=st.booleans(), page_size=st.integers(1, 3))
def test_the_sink_ends_up_equal_to_the_server(
    steps: list[tuple[str, str, bool]],
    in_stream: bool,  # noqa: FBT001 - drawn
    page_size: int,
) -> None:
    async def main(folder: Path) -> None:
        server = PodServer(gone_in_stream=in_stream, page_size=page_size)
        async with reflecting(server, folder) as it:
            for step, name, settle in steps:
                STEPS[step](it, name)
                if settle:
                    await mend(it, name)
            for name in "abc":
                server.put(name)
            await it.holds_what_the_server_has()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder)))


async def mend(it: Reflection, name: str) -> None:
    """Let it catch up once everything can be decoded."""
    it.server.put(name)
    for other, thing in it.server.pods.items():
        if thing["spec"]:
            it.server.put(other)
    await it.holds_what_the_server_has()
