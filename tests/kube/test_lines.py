from hypothesis import given
from hypothesis import strategies as st

from foosets.kube.lines import LineSplitter

stream = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"{}"])).map(b"".join)


@given(stream, st.lists(st.integers(1, 5), min_size=1))
def test_lines_do_not_depend_on_how_the_stream_was_cut_up(content: bytes, sizes: list[int]) -> None:
    splitter = LineSplitter()
    lines: list[bytes] = []
    at = step = 0
    while at < len(content):
        size = sizes[step % len(sizes)]
        lines += splitter.feed(content[at : at + size])
        at, step = at + size, step + 1
    assert lines == [line for line in content.split(b"\n")[:-1] if line]


def test_a_line_of_many_mebibytes_in_small_chunks_is_one_line() -> None:
    splitter = LineSplitter()
    chunk = b"x" * 1024
    assert [line for _ in range(64 * 1024) for line in splitter.feed(chunk)] == []
    assert splitter.feed(b"\nrest") == [chunk * 64 * 1024]


def test_half_a_line_at_the_end_is_no_line() -> None:
    assert LineSplitter().feed(b'{"type":"ADDED"') == []
