"""A Kubernetes cluster for trying things, from nothing and back to nothing, by one of three providers.

    python -m e2e.cluster up | down | status | env | image

    local      real control plane processes and simulated nodes: no container, no root
    kind       nodes that are containers, with real kubelets: the suite runs in it as a user installs it
    existing   a cluster of the user's, to which he points

Read in this order:

    cli          the commands                     provider     which of the three, and why
    cluster      what all of them give            state        the directory that is a cluster
    toolchain    what is pinned, how it is built   binaries     where a program comes from; build: `go build`
    downloads    official ones; releases: where they are, transfer: how they come; places: whole files only
    client       kubectl and helm                 chart        a chart of ours, installed

    local        the provider, and with it        processes    finding and ending what belongs to a cluster
    controlplane etcd to KWOK, through kwokctl     nodes        simulated nodes; stages/: their pods' lives
    supervisor   keeps programs up                supervision  its client; programs: what they tell each other
    rendered     how the chart's Deployments say that a component starts
    components   that, as a process, under the component's own ServiceAccount

    inside       what the other two share         kind, existing   the providers
    engine       docker                           images       the suite's image, and Jaeger's
"""
