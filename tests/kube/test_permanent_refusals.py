"""A server that refuses for ever is asked at most once a second by each watch, whatever it says."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from aiohttp import web

from foosets.kube.transport import connect
from foosets.kube.watch import Reflector
from tests.kube.loopback import EXPIRED, PodServer, PodSink, event, kubeconfig, pod, serve, status
from tests.kube.test_watch import SOURCE
from tests.virtualtime import in_virtual_time

MINUTES = 10
WINDOW_SECONDS = 10
"""A burst of a few after a first failure is welcome: most do not last."""

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def refuse(code: int, reason: str = "", **details: int) -> Answer:
    """Answer everything with this status."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:  # noqa: ARG001 - a handler
        return status(code, reason, "never", **details)

    return answer


def refuse_watches(watched: Answer) -> Answer:
    """List the pods, and answer watches so."""
    server = PodServer()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await (watched if request.query.get("watch") else server.handle)(request)

    return answer


def say(*parts: bytes, after: float = 0.0) -> Answer:
    """Begin a reply, and end it after these parts, in good order."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await anyio.sleep(after)
        for part in parts:
            await response.write(part)
        return response

    return answer


async def cut(request: web.BaseRequest) -> web.StreamResponse:
    """Break the connection instead of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def redirect(request: web.BaseRequest) -> web.StreamResponse:
    """Send the client back to where it is."""
    return web.Response(status=302, headers={"Location": str(request.url)})


def second_page_expires() -> Answer:
    server = PodServer(page_size=1)
    server.put("a")
    server.put("b")

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await (refuse(410, "Expired") if request.query.get("continue") else server.handle)(request)

    return answer


REFUSALS: dict[str, Answer] = {
    "401": refuse(401, "Unauthorized"),
    "403": refuse(403, "Forbidden"),
    "404": refuse(404, "NotFound"),
    "410": refuse(410, "Expired"),
    "429": refuse(429, "TooManyRequests"),
    "429 that says to come back at once": refuse(429, "TooManyRequests", retryAfterSeconds=0),
    "500": refuse(500, "InternalError"),
    "a redirect": redirect,
    "no answer but an end": cut,
    "a list that is none": say(b"<html>"),
    "410 for the second page": second_page_expires(),
    "401 for watches": refuse_watches(refuse(401, "Unauthorized")),
    "403 for watches": refuse_watches(refuse(403, "Forbidden")),
    "410 for watches": refuse_watches(refuse(410, "Expired")),
    "410 in watches": refuse_watches(say(event("ERROR", EXPIRED))),
    "410 in watches that were sound for a while": refuse_watches(say(event("ERROR", EXPIRED), after=5)),
    "500 for watches": refuse_watches(refuse(500, "InternalError")),
    "watches that end at once": refuse_watches(say()),
    "watches that end once they were sound": refuse_watches(say(after=5)),
    "watches that are cut": refuse_watches(cut),
    "watches of the past": refuse_watches(say(event("ADDED", pod("a", 1)))),
    "watches of no events": refuse_watches(say(b"<html>\n")),
}


@pytest.mark.parametrize("jitter", [0.0, 1.0], ids=["shortest pauses", "longest pauses"])
@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS.keys())
def test_who_refuses_for_ever_is_asked_once_a_second_at_most(tmp_path: Path, answer: Answer, jitter: float) -> None:
    asked: list[float] = []

    async def counted(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(anyio.current_time())
        return await answer(request)

    async def main() -> None:
        async with serve(counted) as url:
            await reflect(kubeconfig(tmp_path, url), jitter)

    in_virtual_time(main)
    assert len(asked) >= MINUTES, "it has not given up"
    assert most_in_a_window(asked) <= WINDOW_SECONDS


def test_a_token_that_is_renewed_and_refused_for_ever_is_sent_once_a_second_at_most(tmp_path: Path) -> None:
    asked: list[str] = []
    times: list[float] = []
    token = tmp_path / "token"
    token.write_text("0")

    async def rotate(request: web.BaseRequest) -> web.StreamResponse:
        times.append(anyio.current_time())
        asked.append(request.headers["Authorization"])
        token.write_text(str(len(asked)))
        return status(401, "Unauthorized")

    async def main() -> None:
        async with serve(rotate) as url:
            await reflect(kubeconfig(tmp_path, url, user={"tokenFile": str(token)}), 0.0)

    in_virtual_time(main)
    assert len(set(asked)) > MINUTES
    assert most_in_a_window(times) <= WINDOW_SECONDS


def test_a_port_that_nobody_listens_on_is_tried_once_a_second_at_most(tmp_path: Path) -> None:
    tried: list[float] = []

    async def main() -> None:
        async with serve(cut) as url:
            pass
        await reflect(kubeconfig(tmp_path, url), 0.0, lambda: tried.append(anyio.current_time()))

    in_virtual_time(main)
    assert len(tried) >= MINUTES
    assert most_in_a_window(tried) <= WINDOW_SECONDS


async def reflect(config: str, jitter: float, report: Callable[[], None] = lambda: None) -> None:
    """Reflect for ten minutes; `report` is told of every failure."""
    async with connect(config) as transport:
        told = lambda _: report()  # noqa: E731
        reflector = Reflector(transport, SOURCE, PodSink(), report=told, jitter=lambda: jitter)
        with anyio.move_on_after(MINUTES * 60):
            await reflector.run()


def most_in_a_window(times: list[float]) -> int:
    """Return how many of these times, which are in order, lie within any `WINDOW_SECONDS`."""
    return max(sum(start <= time < start + WINDOW_SECONDS for time in times) for start in times)
