"""A compressed body is taken when all of it came and its checksum is right, however it was cut into parts."""

import gzip
import itertools
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accountview.network import inflating
from accountview.network.inflating import Body
from accountview.wire import MAX_BYTES, Malformed

CONTENT = b'{"good":true}'


def inflated(*parts: bytes, encoding: str = "gzip") -> bytes:
    body = Body(encoding)
    for part in parts:
        body.add(part)
    return body.whole()


def cut(content: bytes, places: list[int]) -> list[bytes]:
    """The same in parts."""
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(edges)]


@given(st.binary(max_size=3000), st.lists(st.integers(0, 5000), max_size=20), st.integers(0, 9))
def test_whatever_the_parts_all_of_it_is_taken(content: bytes, places: list[int], level: int) -> None:
    assert inflated(*cut(gzip.compress(content, level), places)) == content
    assert inflated(*cut(content, places), encoding="") == content
    assert inflated(*cut(content, places), encoding="identity") == content


@given(st.binary(max_size=500), st.data())
def test_what_is_cut_off_is_refused_wherever_it_is(content: bytes, data: st.DataObject) -> None:
    whole = gzip.compress(content)
    kept = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(Malformed, match="cut off"):
        inflated(whole[:kept])


@given(st.binary(max_size=500), st.data())
def test_what_is_damaged_is_refused_or_the_same(content: bytes, data: st.DataObject) -> None:
    whole = bytearray(gzip.compress(content))
    # Bytes 4 to 9 hold the time and where it was made, which nothing depends on.
    place = data.draw(st.sampled_from([*range(4), *range(10, len(whole))]))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        taken = inflated(bytes(whole))
    except Malformed:
        return
    assert taken == content


@pytest.mark.parametrize("place", range(-8, 0))
def test_checksum_and_length_are_held_against_it(place: int) -> None:
    whole = bytearray(gzip.compress(CONTENT))
    whole[place] ^= 1
    with pytest.raises(Malformed, match="damaged"):
        inflated(bytes(whole))


@given(st.lists(st.integers(0, 200), max_size=6), st.sampled_from([b"\0", b"{}", gzip.compress(CONTENT)]))
def test_what_follows_is_refused_also_a_second_body(places: list[int], more: bytes) -> None:
    with pytest.raises(Malformed, match="followed by something else"):
        inflated(*cut(gzip.compress(CONTENT) + more, places))
    with pytest.raises(Malformed, match="followed by something else"):
        inflated(gzip.compress(CONTENT), more)


@pytest.mark.parametrize(
    "encoding", ["deflate", "br", "zstd", "x-gzip", "gzip, gzip", "identity, gzip", "GZIP "]
)
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(Malformed, match="not asked for"):
        Body(encoding)


def test_a_zlib_stream_is_no_gzip() -> None:
    with pytest.raises(Malformed, match="damaged"):
        inflated(zlib.compress(CONTENT))


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("more", [0, 1])
def test_the_cap_is_exact(more: int, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "MAX_BYTES", 100_000)
    content = random.Random(0).randbytes(100_000 + more)  # noqa: S311 - so that a run can be run again
    sent = gzip.compress(content) if encoding else content
    parts = [sent[start : start + 4096] for start in range(0, len(sent), 4096)]
    if more:
        with pytest.raises(Malformed, match="larger than 100000"):
            inflated(*parts, encoding=encoding)
    else:
        assert inflated(*parts, encoding=encoding) == content


def test_a_bomb_is_never_inflated_beyond_the_cap() -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(squeezer.compress(bytes(2**20)) for _ in range(64)) + squeezer.flush()
    assert len(bomb) < 100_000
    body = Body("gzip")
    with pytest.raises(Malformed, match="larger than"):
        body.add(bomb)
    assert len(body._content) == MAX_BYTES + 1  # pyright: ignore[reportPrivateUsage]
