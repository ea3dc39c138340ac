"""The way to the API server, and the only room that imports kubernetes_asyncio and aiohttp.

    credentials ──▶ transport ──▶ client                     verbs, one request each
        │           │       ├───▶ lease                      one Lease, compared and set
        │           │       └───▶ lists ──▶ watch ──▶ a sink  what the server has, kept up to date
   kubernetes_asyncio                └─ codec ─┘
                    │
                    ├──▶ exchange ──┐                         one request, one reply
                    ├──▶ stream ────┴─▶ connection, reply     a reply that goes on, as lines
                    └──▶ proxied ─────▶ aiohttp               both, where a kubeconfig names a proxy

In reading order: `errors` (what can go wrong), `connection` (TLS), `reply` (HTTP), `exchange`, `stream`, `transport`
(bytes), `client` (verbs), `lease`, `codec` (rows), `lists`, `watch` (the reflector). The library gives configuration,
credentials and what TLS needs; calls, time-outs, watches, their recovery and Leases are ours.
"""
