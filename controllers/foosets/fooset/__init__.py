"""The fooset controller: a FooSet becomes BatchFooSets and ServiceFooSets, and learns from them how it goes.

Reads: FooSets, BatchFooSets, ServiceFooSets.
Writes: its children (server-side apply, delete), FooSet status, Events.
Never: pods, nodes.

In reading order: `state` (what a plan looks at), `plan` (what to do), `children` (what a child is made of), `status`
(what to report), `spans` (what to trace), `controller` (the shell around them).
"""
