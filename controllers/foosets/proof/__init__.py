"""`foosets prove`: a FooSet of its own, from the API server to pods and back as one complete trace.

It is what `helm test` runs inside the cluster, and it is a user: it creates a set, reads what became of it, asks
Jaeger, and removes the set. No component depends on it.

Reads: its FooSet, the pods of that set, Jaeger's query API
Writes: its FooSet, which it creates and deletes
Never: anything that it did not create

In reading order: `trace` (what a complete trace is, pure), `prove` (what is done).
"""
