"""Choosing nodes, for every component that may write `nodeName`: pure decisions over a private copy of the cell.

In reading order: `requests` (what a pod asks for), `nodes` (the table: what the cell has left), `filters` (which nodes
will not do, and why), `scores` (which of the others are better), `choose` (one node after the other, quickly),
`decisions` (bindings that were sent and are not seen back yet).

Whoever writes `nodeName` takes over a scheduler's duties, so the filters honour what kube-scheduler would: cordon,
taints, node selector and required node affinity, host ports, every requested resource and the number of pods. Nothing
here reads or writes the API server; the callers feed the table from their watches and perform what was decided.
"""
