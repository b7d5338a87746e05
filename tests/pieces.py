"""Bytes to upload, and where downloaded ones go: in memory, for tests."""

from __future__ import annotations

from collections.abc import Iterator

PIECE = 256 * 1024


class Pieces:
    """A `Content`; `reads` counts how often it was read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads = 0

    @property
    def size(self) -> int:
        return len(self.data)

    async def available(self, end: int) -> None:
        assert end <= self.size

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.reads += 1
        end = self.size if length is None else start + length
        for at in range(start, end, PIECE):
            yield self.data[at : min(at + PIECE, end)]


class Bucket:
    """A `Sink`; what is in it before a download has to go."""

    def __init__(self) -> None:
        self.data = b"of an earlier attempt"
        self.restarts = 0

    def restart(self) -> None:
        self.data = b""
        self.restarts += 1

    async def room(self) -> None:
        pass

    def write(self, chunk: bytes) -> None:
        assert isinstance(chunk, bytes)
        self.data += chunk
