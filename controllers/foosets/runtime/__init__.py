"""The engine; it knows no kind.

    reflector ──▶ store ──▶ queue ──▶ loop ──▶ controller: observe -> plan -> writers -> tracing -> status
                    ▲                              │
                    └──────── expectations ◀───────┘

In reading order: `store`, `queue`, `controller` (one look at one key), `apply` (actions become requests), `writers`
(many at once, within a window), `expectations` (never plan from a cache older than our own writes), `obstruction`
(what stands in the way), `events` (what is told of it), `loop` (errors are judged there), `leader` (who works),
`manager` (the process), `probes`, `metrics`, `telemetry`, `settings`, `logs`.
"""
