"""What must hold whatever fails, judged from a recording: the invariants, by number.

    I1   nothing is lost       every wanted index has one pod that lives or has succeeded     at rest
    I2   nothing is doubled    never two pods that have not ended for one index of a set      always
    I3   no orphans            whatever has an owner has one that is there                    at rest
    I4   placed once           a pod's node never changes, and the pod fitted when it came    always
    I5   quiet                 no write after the rest                                        at rest
    I6   same work             creations and deletions equal those of a reference             at rest, with a reference
    I7   nothing stale         no write was computed from an older version than the last      always
    I9   no theft              deletions name the uid, of what is the writer's own            always
    I10  honest status         observedGeneration and counters never go back or tell too much always
    I12  bounded cost          no hot loop, no storm of pods or of status writes              always
    I15  reserved              quotas give no more than there is, once, and pods keep to it   always

Four are not told by a recording: I8, that who does not hold the Lease does not write (tests/e2e/test_leases.py; two
replicas are one user with one User-Agent to the API server); I11, that no policy is passed by
(tests/chart/test_pod_policies.py and its neighbours); I13, that a poison object delays no other key
(tests/runtime/test_loop.py); I14, that telemetry is inert (tests/runtime, with a collector that is down). Of I12,
memory, tasks and sockets are bench figures.

Everything here is pure but `recorder`: a `History` in, `Violation`s out. Whoever judges says in `At` how the recording
came to be: at what moment all was at rest, if at all, and how far a cache may have been behind.
"""
