"""Free ports on loopback.

They come from below the range that the kernel gives to outgoing connections (from 32768 on): a port that is free here
is not taken by chance before its owner listens.
"""

import random
import socket
from collections.abc import Iterator
from typing import Final

FIRST: Final = 20000
LAST: Final = 29999
LOOPBACK: Final = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return that many different ports on which nobody listens."""
    found: list[int] = []
    for port in _candidates():
        if len(found) == count:
            break
        if _is_free(port):
            found.append(port)
    if len(found) < count:
        raise OSError(f"no {count} free ports between {FIRST} and {LAST}")
    return found


def _candidates() -> Iterator[int]:
    """Yield the range from a random point on: clusters that start at the same moment get different ports."""
    size = LAST - FIRST + 1
    start = random.SystemRandom().randrange(size)
    yield from (FIRST + (start + offset) % size for offset in range(size))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
