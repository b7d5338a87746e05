"""JSON with one spelling: for digests, and for files that people compare."""

from __future__ import annotations

import hashlib
import json
import marshal
from typing import Any

import rfc8785


def canonical_bytes(value: Any) -> bytes:
    """Return the RFC 8785 form of a JSON value.

    What the RFC cannot spell (integers above 2^53, NaN, lone surrogates) gets a sorted plain
    form behind a tag, so that it never equals the canonical form of anything else.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return b"not-rfc8785:" + plain.encode("ascii")


def identical(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are the same; unlike with `==`, true is not 1.

    Numbers are compared by value (1 is 1.0), objects without regard to the order of their keys.
    """
    if left is right:
        return True
    if not isinstance(left, dict | list):
        return _identical(left, right)
    # Nearly always the same bytes settle it at once; `==` is as fast where they differ.
    return _same_bytes(left, right) or (left == right and _identical(left, right))


def _same_bytes(left: Any, right: Any) -> bool:
    try:
        # Version 2 writes no references: they would depend on who else holds a string.
        return marshal.dumps(left, 2) == marshal.dumps(right, 2)
    except ValueError:  # too deep, or no JSON
        return False


def _identical(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            _identical(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_identical, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def digest(value: Any) -> str:
    """Return the sha256 of the canonical form, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def pretty(value: Any, *, sort_keys: bool = True) -> str:
    """Return JSON for people and for git: indented by two, sorted, with a final newline.

    Text stays readable (no escapes) unless it holds lone surrogates, which no UTF-8 file can.
    """
    text = json.dumps(value, indent=2, sort_keys=sort_keys, ensure_ascii=False)
    if not is_utf8(text):
        text = json.dumps(value, indent=2, sort_keys=sort_keys, ensure_ascii=True)
    return text + "\n"


def is_utf8(text: str) -> bool:
    """Tell whether the text can be written as UTF-8 (it has no lone surrogates)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
