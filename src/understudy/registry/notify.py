"""What a webhook says of a change, and how a receiver tells that it is ours. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time

from understudy.errors import SignatureError
from understudy.registry.history import Record

FORMAT_VERSION = 1

#: The header that carries the time and the signature, and the one that carries the record's id.
SIGNATURE = "Understudy-Signature"
DELIVERY = "Understudy-Delivery"

#: Results of syncs that are told.
TOLD = frozenset({"changed", "restored"})

#: Seconds: how far a receiver's clock and the time of a signature may lie apart.
WINDOW = 300.0

_PART = re.compile(r"([a-z][a-z0-9]{0,15})=([0-9a-f]{1,128})")


def body_of(record: Record) -> bytes:
    """Return what is told of a record: keys and names of fields, never contents.

    The same record gives the same bytes.
    """
    fields = {
        "type": "registry.changed",
        "format_version": FORMAT_VERSION,
        "id": record.id,
        "at": record.at,
        "source": record.source,
        "count": record.count,
        "added": list(record.difference.added),
        "changed": {key: list(names) for key, names in record.difference.changed.items()},
        "removed": list(record.difference.removed),
    }
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def signature(secret: str, body: bytes, *, at: float) -> str:
    """Return the header `Understudy-Signature` for a body that is sent now, in Unix seconds."""
    stamp = str(int(at))
    return f"t={stamp},v1={_digest(secret, stamp, body)}"


def verify(
    secret: str, header: str, body: bytes, *, now: float | None = None, window: float = WINDOW
) -> None:
    """Raise SignatureError unless the header was made for this body with this secret, and lately.

    `body` are the bytes as they came, `now` Unix seconds (the clock's unless given). Within the
    window a delivery may come twice: its id is then the same.
    """
    stamp, given = _parts(header)
    expected = _digest(secret, stamp, body)
    # All are compared, each in constant time: the time taken tells nothing.
    if not sum(hmac.compare_digest(expected, one) for one in given):
        raise SignatureError("The signature does not fit the body and the secret.")
    off = (time.time() if now is None else now) - int(stamp)
    if not abs(off) <= window:  # also where `now` is no number
        word = "old" if off > 0 else "early"
        raise SignatureError(
            f"The signature is {abs(off):.0f} seconds {word}; {window:.0f} are allowed.",
            hint="It was sent again by somebody, or one of the two clocks is wrong.",
        )


def _digest(secret: str, stamp: str, body: bytes) -> str:
    key = secret.encode("utf-8", "surrogateescape")
    return hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


def _parts(header: str) -> tuple[str, list[str]]:
    """Return the time and all signatures of the version that we know; raises SignatureError."""
    found = [_PART.fullmatch(part.strip()) for part in header.split(",")]
    pairs = [(match[1], match[2]) for match in found if match]
    stamps = [value for name, value in pairs if name == "t"]
    given = [value for name, value in pairs if name == "v1"]
    if len(stamps) != 1 or not re.fullmatch(r"[0-9]{1,12}", stamps[0]) or not given:
        raise SignatureError(f"This is no signature: {SIGNATURE} is t=SECONDS,v1=HEX.")
    return stamps[0], given
