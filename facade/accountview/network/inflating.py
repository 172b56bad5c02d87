"""Compressed bodies, inflated without trust: never more than the cap, and only what is whole.

Nothing is asked for in compressed form, but what stands between us and a venue may compress all the same. httpx would
inflate any number of bytes at once, and take half of a stream for all of it.
"""

import zlib
from contextlib import suppress
from typing import final

from accountview.wire import MAX_BYTES, Malformed

_GZIP = 31
"""Window bits of zlib that mean gzip with its header and its checksum."""


@final
class Body:
    """The body of an answer as it arrives, part by part; what is more than `MAX_BYTES` is refused at once."""

    def __init__(self, encoding: str) -> None:
        """`encoding`: the header content-encoding. Raises Malformed for one that nobody asked for."""
        if encoding not in ("", "identity", "gzip"):
            raise Malformed("the answer is compressed in a way that was not asked for")
        self._inflater = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
        self._content = bytearray()

    def add(self, part: bytes) -> None:
        """Take in the next part. Raises Malformed."""
        self._content += self._inflated(part)
        if len(self._content) > MAX_BYTES:
            raise Malformed(f"the answer is larger than {MAX_BYTES} bytes")

    def whole(self) -> bytes:
        """All of it. Raises Malformed when a compressed body is not whole, which its checksum is a part of."""
        if self._inflater is not None and not self._inflater.eof:
            raise Malformed("the compressed answer is cut off")
        return bytes(self._content)

    def _inflated(self, part: bytes) -> bytes:
        if self._inflater is None:
            return part
        room = MAX_BYTES + 1 - len(self._content)
        inflated: bytes | None = None
        with suppress(zlib.error):  # and so no error of ours leads to it
            inflated = self._inflater.decompress(part, room)
        if inflated is None:
            raise Malformed("the compressed answer is damaged")
        if self._inflater.unused_data:
            raise Malformed("the compressed answer is followed by something else")
        return inflated
