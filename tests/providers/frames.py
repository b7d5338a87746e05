"""Amazon's binary event stream, from its description: prelude, headers, payload, two CRCs."""

from __future__ import annotations

import json
import struct
from typing import Any
from zlib import crc32

_TEXT = 7  # a header's value is a string


def frame(kind: str, payload: Any, *, as_exception: bool = False) -> bytes:
    """Return one message: an event, or an exception in the middle of the stream."""
    named = (
        {":message-type": "exception", ":exception-type": kind}
        if as_exception
        else {":message-type": "event", ":event-type": kind}
    )
    headers = b"".join(
        _header(name, value)
        for name, value in {**named, ":content-type": "application/json"}.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + body
    return message + struct.pack("!I", crc32(message))


def damaged(whole: bytes) -> bytes:
    """Return a message of which one bit is wrong, so that its CRC is."""
    return whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]


def _header(name: str, value: str) -> bytes:
    spelt, said = name.encode(), value.encode()
    return struct.pack("!B", len(spelt)) + spelt + struct.pack("!BH", _TEXT, len(said)) + said
