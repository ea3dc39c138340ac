"""`kubectl foo`: questions about sets, asked from a person's machine with that person's rights.

Reads: FooSets, BatchFooSets, ServiceFooSets, FooQuotas and pods of one namespace: what the role `view` allows
Writes: -
Never: anything that changes a cluster

In reading order: `target` (what is asked about), `descent` (the way from the root to what is stuck), `levels` (an
object as a line), `advice` (what each reason means, and what to do), `steps` (advice as commands), `explanation`
(objects in, explanation out: pure, as all before it), `reading` (from the API server), `rendering` (for a terminal, or
as JSON), `command` (the command line), `__main__`.
"""
