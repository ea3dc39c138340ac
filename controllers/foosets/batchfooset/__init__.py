"""The batch controller: a BatchFooSet becomes pods, on nodes that the controller chooses itself.

Reads: BatchFooSets, all bound pods, nodes.
Writes: pods (create with nodeName, delete), BatchFooSet status, Events.
Never: bindings, other kinds.

In reading order: `state` (what a plan looks at), `plan` (what to do), `status` (what to report), `spans` (what to
trace), `children` (what a pod is made of), `controller` (the shell around them).
"""
