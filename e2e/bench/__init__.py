"""Benchmarks: each a program of its own that measures one thing and writes down what it found.

    python -m e2e.bench.contest      pods bound per second on a real control plane, beside Job and Deployment
    python -m e2e.bench.pod_path     CPU of the batch controller per pod, beside the client library's ordinary way
    python -m e2e.bench.footprint    CPU and memory of the suite while nothing happens, on a cluster with real kubelets

Read in this order:

    pod_path   the benchmark            ordinary   its rival: the same work as the client library's examples do it
    standin    the API server they met  objects    what that server says: nodes, a BatchFooSet, pods of a real size
    authority  its certificate          figures    commit, machine and result, written to docs/operations/figures/
    contest/   a package with a map of its own
"""
