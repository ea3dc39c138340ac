"""The scheduler: gives a node to every waiting pod that names it, and says why one has to wait.

In reading order: `state` (what a plan looks at), `plan` (what to do about one pod), `spans` (its part of the trace),
`controller` (the shell: caches, choice of nodes, actions).

Reads: waiting pods that name it, bound pods, nodes.
Writes: bindings, with the stamps annotation of the pods it binds; the pod condition PodScheduled while it is False.
Never: creates or deletes a pod, or touches the suite's own kinds.
"""
