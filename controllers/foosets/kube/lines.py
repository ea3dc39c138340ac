"""Splits a byte stream into lines of any length, each byte copied at most twice."""


class LineSplitter:
    """Feed it chunks as they come; it gives the lines that became complete.

    A line has no upper limit (a watch event can carry an object of several MiB) and costs linear time however it
    was cut up. Empty lines are left out. What follows the last line feed stays inside: a stream that ends there was
    cut, and half a line is no line.
    """

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk completes, without their line feeds."""
        *lines, rest = chunk.split(b"\n")
        if lines and self._unfinished:
            lines[0] = b"".join((*self._unfinished, lines[0]))
            self._unfinished.clear()
        if rest:
            self._unfinished.append(rest)
        return [line for line in lines if line]
