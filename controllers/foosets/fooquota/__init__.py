"""The fooquota controller: what a namespace's sets may hold between them, given to each as a whole.

Reads: FooQuotas, FooSets, BatchFooSets, ServiceFooSets, PriorityClasses, the pods of sets.
Writes: FooQuota status.
Never: anything else.

In reading order: `state` (what a plan looks at), `children` (what a set asks for, part by part), `plan` (who is given
what), `status` (what to report), `controller` (the shell around them).
"""
