"""The loop: workers take keys, look at them, and one place judges what went wrong.

Conflict: soon again, since the cache is about to learn why, and ever later, since its watch may lag. Throttled: as
told. Transient: back off. Another refusal by the API server (a right taken away, say): back off and log. A bug: log it
with the key and back off; no other key suffers.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from foosets.api.meta import Key
from foosets.kube.errors import ApiError, Conflict, ServerFault, Throttled, Unreachable
from foosets.runtime.backoff import Backoff
from foosets.runtime.logs import logger
from foosets.runtime.metrics import Metrics
from foosets.runtime.queue import KeyQueue

CONFLICT_SECONDS: Final = 0.05
"""The watch usually brings the other's write within this time. When it brings it later, it asks for the look itself."""

_log = logger(__name__)


class Loop:
    """Workers over one queue."""

    def __init__(self, queue: KeyQueue, reconcile: Callable[[Key], Awaitable[None]], backoff: Backoff) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._backoff = backoff

    async def run(self, workers: int, metrics: Metrics) -> None:
        """Work until cancelled."""
        async with anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(self._work, metrics)

    async def _work(self, metrics: Metrics) -> None:
        while True:
            key = await self._queue.take()
            try:
                with metrics.reconciling():
                    again_in = await self._look(key, metrics)
            finally:
                self._queue.done(key)
            if again_in is not None:
                self._queue.add_after(key, again_in)

    async def _look(self, key: Key, metrics: Metrics) -> float | None:
        """Look at one key; return in how many seconds to look again, or None when all went well."""
        try:
            await self._reconcile(key)
        except Conflict:
            metrics.failed("conflict")
            return self._backoff.failed(key, CONFLICT_SECONDS)
        except Throttled as error:
            metrics.failed("throttled")
            return max(error.retry_after or 0.0, self._backoff.failed(key))
        except (ServerFault, Unreachable) as error:
            metrics.failed("transient")
            _log.warning("the API server did not answer as hoped", key=str(key), error=str(error))
            return self._backoff.failed(key)
        except ApiError as error:
            metrics.failed("refused")
            _log.warning("the API server refused a request", key=str(key), error=str(error))
            return self._backoff.failed(key)
        except Exception:  # noqa: BLE001 - a bug belongs to its key; the other keys are served on
            metrics.failed("bug")
            _log.exception("a look at this object failed", key=str(key))
            return self._backoff.failed(key)
        self._backoff.succeeded(key)
        return None
