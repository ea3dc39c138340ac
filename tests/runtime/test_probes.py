import time
import urllib.error
import urllib.request

from foosets.runtime.metrics import Metrics
from foosets.runtime.probes import STALE_HEARTBEAT_SECONDS, Health, serving


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_ready_only_when_the_caches_are_synced() -> None:
    health = Health()
    with serving("127.0.0.1", 0, health, Metrics()) as port:
        assert get(port, "/readyz") == (503, "the caches have not synced yet\n")
        health.ready = True
        assert get(port, "/readyz") == (200, "ok\n")


def test_ready_only_when_the_lease_can_be_had() -> None:
    trouble = ["the lease cannot be had: 403 Forbidden"]
    health = Health(ready=True, preparations=[lambda: trouble[0]])
    with serving("127.0.0.1", 0, health, Metrics()) as port:
        assert get(port, "/readyz") == (503, "the lease cannot be had: 403 Forbidden\n")
        assert get(port, "/livez") == (200, "ok\n")
        trouble[0] = ""
        assert get(port, "/readyz") == (200, "ok\n")


def test_alive_only_while_the_loop_runs_and_every_check_holds() -> None:
    complaints = [""]
    health = Health(checks=[lambda: complaints[0]])
    with serving("127.0.0.1", 0, health, Metrics()) as port:
        assert get(port, "/livez") == (200, "ok\n")

        complaints[0] = "no sign of life of pods for 400 s"
        assert get(port, "/livez") == (503, "no sign of life of pods for 400 s\n")

        complaints[0] = ""
        health.beat = time.monotonic() - STALE_HEARTBEAT_SECONDS - 1
        status, text = get(port, "/livez")
        assert status == 503
        assert "the event loop has not run" in text


def test_figures_of_long_lived_parts_are_read_when_asked_for() -> None:
    figures = {"rows": 1}
    metrics = Metrics()
    metrics.add("store_pods_0", lambda: figures)
    with serving("127.0.0.1", 0, Health(), metrics) as port:
        figures["rows"] = 7
        assert 'foosets_store_pods_0{figure="rows"} 7.0' in get(port, "/metrics")[1]


def test_a_part_may_come_while_the_page_is_made() -> None:
    metrics = Metrics()

    def figures() -> dict[str, int]:
        metrics.add("queue", dict)
        return {"leading": 1}

    metrics.add("leader", figures)
    with serving("127.0.0.1", 0, Health(), metrics) as port:
        status, text = get(port, "/metrics")

    assert (status, 'foosets_leader{figure="leading"} 1.0' in text) == (200, True)


def test_other_paths_are_not_found() -> None:
    with serving("127.0.0.1", 0, Health(), Metrics()) as port:
        assert get(port, "/") == (404, "not found\n")
