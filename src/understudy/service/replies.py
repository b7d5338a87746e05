"""Answers as bytes: nothing is spelt out for an answer that was spelt out before."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

#: Bytes of an answer; views of what is too large to be copied for each.
Piece: TypeAlias = bytes | memoryview
Header: TypeAlias = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")

#: Joining costs less than another system call up to this size, in bytes.
_JOIN = 1 << 16

_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time
_MOST_STORED = 0xFFFF  # bytes in one stored block (RFC 1951, 3.2.4)


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """One answer; `parts` follow each other."""

    status: int
    parts: tuple[Piece, ...]
    headers: tuple[Header, ...] = (JSON,)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it; ASGI's way of being called."""
        parts = self.parts
        size = sum(map(len, parts))
        if len(parts) > 1 and size <= _JOIN:
            parts = (b"".join(parts),)
        headers = list(self.headers)
        if self.status != 304:
            headers.append((b"content-length", str(size).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        for part in parts[:-1]:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": parts[-1] if parts else b""})

    def response(self) -> Response:
        """Return it as the framework's own routes and handlers do."""
        headers = {name.decode(): value.decode() for name, value in self.headers}
        return Response(b"".join(self.parts), self.status, headers)


def reply(fields: Mapping[str, Any], *, status: int = 200) -> Reply:
    """Return fields as a JSON answer that nobody keeps, with the time at its end."""
    body = json.dumps({**fields, "timestamp": now()}, separators=(",", ":")).encode()
    return Reply(status, (body,), (JSON, (b"cache-control", b"no-store")))


def now() -> str:
    """Return the time as the specification writes it: 2025-01-01T12:00:00.000Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


@dataclass(frozen=True, slots=True, repr=False)
class Squeezed:
    """A beginning of a body, compressed; what follows is added as it is, so that it may differ."""

    data: bytes
    checksum: int
    size: int

    def followed_by(self, rest: bytes) -> tuple[bytes, ...]:
        """Return the gzip file of the beginning and `rest`, at most 65,535 bytes (RFC 1952)."""
        length = len(rest)
        assert length <= _MOST_STORED  # noqa: S101 - the rest is a time and a brace
        lengths = length.to_bytes(2, "little") + (length ^ _MOST_STORED).to_bytes(2, "little")
        checksum = zlib.crc32(rest, self.checksum)
        size = (self.size + length) & 0xFFFFFFFF
        ending = checksum.to_bytes(4, "little") + size.to_bytes(4, "little")
        return (self.data, b"\x01" + lengths + rest + ending)


def squeeze(*parts: Piece) -> Squeezed:
    """Return bytes compressed so that more can follow; takes a second for 80 MB."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    data, checksum, size = [_GZIP], 0, 0
    for part in parts:
        data.append(deflate.compress(part))
        checksum = zlib.crc32(part, checksum)
        size += len(part)
    data.append(deflate.flush(zlib.Z_SYNC_FLUSH))
    return Squeezed(b"".join(data), checksum, size)
