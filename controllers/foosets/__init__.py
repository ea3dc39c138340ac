"""FooSets: controllers that refine an application, level by level, into placed pods.

The map, in reading order:

    api            what the CRDs say                        pure
    planning       shared vocabulary and arithmetic         pure
    kube           the way to the API server                the only room with a client
    runtime        the engine: watch -> store -> queue -> plan -> actions -> status
    placement      what both placers share: which node fits, and which of those to take
    fooset         FooSet -> BatchFooSet and ServiceFooSet
    batchfooset    BatchFooSet -> pods with a node
    servicefooset  ServiceFooSet -> pods that wait for a scheduler
    scheduler      waiting pods -> bindings
    fooquota       FooQuota -> reservations for whole sets
    proof          a set of its own, down to pods and back as one complete trace: what `helm test` runs
    cli            `kubectl foo`: a person's questions, with that person's rights
    __main__       `foosets run ROOM`, `foosets prove FOOSET`

Imports point up this list only, and rooms never import each other: they meet in the API server.
"""
