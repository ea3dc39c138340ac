"""Shared vocabulary and arithmetic of the plans. Pure: no clock, no randomness, no client, no logging.

Identity: `naming`, `revision`, `indexes`, `children`. Pods of a set: `members`, `troubles`. What to do: `actions`,
`obstacles`, `rules`, `quantity`. What quotas allow: `reservations`, `allowance`. What to report: `conditions`,
`causes`, `reports`. What to trace: `trace`, `stamps`, `episodes`, `podspans`, `setspans`.
"""
