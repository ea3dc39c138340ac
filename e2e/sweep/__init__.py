"""Every write can fail: each story again and again, with one fault at one write, must come to the same.

python -m e2e.sweep                                     # all of it: make sweep
python -m e2e.sweep --only first-rollout:scheduler:create:pods/binding:2:kill-after

scene       one namespace, and what the administrator does and sees there
stories     what happens: a rollout, a change of scale, a deletion
outcome     what a run came to: the end state, and a summary of the writes
points      which write of a story meets which fault
allowances  what a fault may change in the summary, and why
stage       the components, each behind a proxy
runs        one run: the story, the fault, the wait, the comparison
report      the figures
"""
