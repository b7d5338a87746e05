"""Putting a file's text together from the chunks of a vector store. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Characters that must agree to count as an overlap: fewer do so by chance.
FEWEST = 16

#: Characters of what was written that are kept to be compared; the largest overlap a store knows
#: is 2,048 tokens.
TAIL = 1 << 16


class Joiner:
    """Joins chunks one after the other, leaving out what a chunk repeats of the one before.

    `share` is the part of a chunk that was to be repeated, None where nobody knows: text that
    repeats itself overlaps in many ways, of which it tells the right one.
    """

    def __init__(self, share: float | None = None) -> None:
        self._tail = ""
        self._share = share
        self._longest = 0

    def add(self, chunk: str) -> str:
        """Return what is new in a chunk."""
        self._longest = max(self._longest, len(chunk))
        expected = None if self._share is None else round(self._share * self._longest)
        fresh = chunk[overlap(self._tail, chunk, expected) :]
        self._tail = (self._tail + fresh)[-TAIL:]
        return fresh


def share_of(chunking: Mapping[str, Any] | None) -> float | None:
    """Return which part of each chunk repeats the one before, None where nobody knows."""
    static = (chunking or {}).get("static")
    if not isinstance(static, Mapping):
        return None
    size, repeated = static.get("max_chunk_size_tokens"), static.get("chunk_overlap_tokens")
    if not isinstance(size, int) or not isinstance(repeated, int) or size <= 0:
        return None
    return repeated / size


def overlap(before: str, after: str, expected: int | None = None) -> int:
    """Return how many characters at the end of one text the other begins with.

    Of several such runs the one counts whose length is nearest to what is `expected`, without
    that the longest; fewer than 16 characters are none, unless they are all that the other has.
    Linear in time.
    """
    if expected == 0:
        return 0
    if before.endswith(after) and (expected is None or len(after) < FEWEST):
        return len(after)
    most = min(len(before), len(after))
    if most < FEWEST:
        return 0
    # The prefix function of after + separator + end of before (Knuth, Morris, Pratt).
    text = [*after[:most], None, *before[-most:]]
    lengths = [0] * len(text)
    for index in range(1, len(text)):
        length = lengths[index - 1]
        while length and text[index] != text[length]:
            length = lengths[length - 1]
        lengths[index] = length + 1 if text[index] == text[length] else 0
    found = []
    length = lengths[-1]
    while length >= FEWEST:
        found.append(length)
        length = lengths[length - 1]
    if not found:
        return 0
    return found[0] if expected is None else min(found, key=lambda one: abs(one - expected))
