"""Faults on the way between one component and a real API server.

component ── http ── FaultProxy ── https ── API server
                         │
                      Traffic: which faults wait at which point, and which writes went by

points    what a request is, and which requests a fault waits for
faults    what can happen to a request, and to a line of a watch: data, nothing more
traffic   counts what passes, says which fault is due, and keeps a journal of the writes
lines     what becomes of a watch's line
proxy     passes everything on, and does what is due
"""
