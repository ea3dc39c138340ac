"""A Kubernetes cluster for trying things: real control plane processes, simulated nodes, no container, no root.

    python -m e2e.cluster up | down | status | env

Read in this order:

    cli          the commands                     local        `LocalCluster`: what tests and the demo use
    toolchain    what is pinned, how it is built   binaries     where a program comes from; build: `go build`
    downloads    official ones; releases: where they are, transfer: how they come; places: whole files only
    state        the directory that is a cluster   processes    finding and ending what belongs to it
    controlplane etcd to KWOK, through kwokctl     nodes        simulated nodes; stages/: their pods' lives
    supervisor   keeps Jaeger and components up    supervision  its client; programs: what they tell each other
    chart        our chart, installed              rendered     how its Deployments say that a component starts
    components   that, as a process, under the component's own ServiceAccount
"""
