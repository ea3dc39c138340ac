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
        lines: list[bytes] = []
        start, end = 0, chunk.find(b"\n")  # `find` looks at many bytes at a time, `split` at one
        while end >= 0:
            line = chunk[start:end]
            if self._unfinished:
                line = b"".join((*self._unfinished, line))
                self._unfinished.clear()
            if line:
                lines.append(line)
            start, end = end + 1, chunk.find(b"\n", end + 1)
        if start < len(chunk):
            self._unfinished.append(chunk[start:])
        return lines
