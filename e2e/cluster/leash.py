"""Run a program that dies with its parent: `python leash.py PROGRAM ARGUMENT...`.

The kernel kills this process when its parent ends, also when the parent is killed with -9 and can do nothing itself;
then this process becomes the program. Linux only. As a file to run it imports nothing of ours: that takes milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def leashed(*argv: str) -> list[str]:
    """Return the command that runs `argv` on a leash held by the calling thread."""
    return [sys.executable, "-IS", __file__, *argv]


def main() -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return  # it died before the kernel was told
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main()
