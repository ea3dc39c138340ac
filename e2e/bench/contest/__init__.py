"""Pods bound per second, and what each cost whom: `make bench`.

    rivals     who competes: raw requests as the floor, FooSets, Job and Deployment with kube-scheduler
    pods       what all of them make                      generator  the raw requests, in a process of its own
    arena      the one cluster they all compete on
    race       one rival, once, in a namespace of its own recorder   when which pod was bound, alike for all
    cpu        who spent how much CPU time                requests   what was written to the API server
    quiet      until nothing is left of the run before
    overcommit whether the nodes can hold what was put on them
    report     medians, ratios, the page                  bars       the picture
    __main__   the options and the order of the runs

The rivals take turns, forwards in one round and backwards in the next, so that neither a machine that gets slower nor a
cluster that gets fuller favours one of them.
"""
