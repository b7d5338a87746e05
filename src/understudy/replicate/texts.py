"""Putting a file's text together from the chunks of a vector store. Pure."""

from __future__ import annotations

#: Characters that must agree to count as an overlap: fewer do so by chance.
FEWEST = 16

#: Characters of what was written that are kept to be compared; the largest overlap a store knows
#: is 2,048 tokens.
TAIL = 1 << 16


class Joiner:
    """Joins chunks one after the other, leaving out what a chunk repeats of the one before."""

    def __init__(self) -> None:
        self._tail = ""

    def add(self, chunk: str) -> str:
        """Return what is new in a chunk."""
        fresh = chunk[overlap(self._tail, chunk) :]
        self._tail = (self._tail + fresh)[-TAIL:]
        return fresh


def overlap(before: str, after: str) -> int:
    """Return how many characters at the end of one text the other begins with.

    The longest such run counts; fewer than 16 characters are none, unless they are all that the
    other has. Linear in time.
    """
    if before.endswith(after):
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
    return lengths[-1] if lengths[-1] >= FEWEST else 0
