"""TCP keep-alive: a peer that vanished without a word is found by the system, even where we only listen."""

import socket
from typing import Any, Final

_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 25_000))
"""A dead peer is found in 30 s, idle (10 + 3 x 5 s) or with data under way (in ms); where the system has the option.

Its own clocks are coarse: Linux takes half a second more than it is told.
"""


def keep_alive_socket(address: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
    """Open a socket for an address as aiohttp gives it."""
    family, kind, protocol, *_ = address
    opened = socket.socket(family, kind, protocol)
    keep_alive(opened)
    return opened


def keep_alive(opened: socket.socket) -> None:
    """Have the system find out when the peer is gone."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ALIVE:
        if hasattr(socket, option):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
