"""The service controller: a ServiceFooSet becomes pods that are kept running, and that a scheduler places.

Reads: ServiceFooSets, its own pods, and namespaces' labels where no policy names the scheduler.
Writes: pods (create without nodeName, delete), ServiceFooSet status, Events.
Never: nodeName, bindings, nodes, other kinds.

In reading order: `state` (what a plan looks at), `plan` (what to do), `status` (what to report), `spans` (what to
trace), `children` (what a pod is made of), `controller` (the shell around them).
"""
