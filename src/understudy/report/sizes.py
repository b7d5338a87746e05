"""Sizes and counts in words."""

from __future__ import annotations

_UNITS = ("B", "KB", "MB", "GB", "TB")


def size(number: int | None) -> str:
    """Return a size for people, in powers of 1,000; a question mark where nobody knows it."""
    if number is None:
        return "? B"
    value = float(number)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{number:,} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def many(number: int, one: str, more: str = "") -> str:
    """Return a number of things in words."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"
