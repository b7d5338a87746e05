"""How file search cuts a file into chunks. A token counts as four bytes here."""

import codecs
from collections.abc import Iterator, Mapping
from typing import Any

from understudy.sandbox.disk import Content

AUTO: Mapping[str, Any] = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
}
BYTES_PER_TOKEN = 4
_SAMPLE = 64 * 1024


def strategy(asked: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the strategy that a store file shows when this one was asked for."""
    return AUTO if asked is None or asked.get("type") == "auto" else asked


def is_text(content: Content) -> bool:
    """Tell whether the bytes look like text in UTF-8."""
    sample = content.read(0, _SAMPLE)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=content.size <= _SAMPLE)
    except UnicodeDecodeError:
        return False
    return b"\0" not in sample


class Chunks:
    """A text in overlapping chunks, of which any can be read without the others."""

    def __init__(self, content: Content, asked: Mapping[str, Any]) -> None:
        static = asked.get("static") or AUTO["static"]
        self._content = content
        self._size = static["max_chunk_size_tokens"] * BYTES_PER_TOKEN
        self._step = self._size - static["chunk_overlap_tokens"] * BYTES_PER_TOKEN
        beyond = max(0, content.size - self._size)
        self.count = 1 + -(-beyond // self._step)

    def read(self, first: int, stop: int) -> Iterator[str]:
        """Yield the chunks of a range."""
        for number in range(first, min(stop, self.count)):
            start = number * self._step
            data = self._content.read(start, start + self._size + 3)
            # A chunk begins with the first character that begins in its bytes.
            begin = _next_character(data, 0)
            end = _next_character(data, self._size)
            yield data[begin:end].decode("utf-8", errors="replace")


def _next_character(data: bytes, index: int) -> int:
    """Return the first index from `index` on where a character begins."""
    while index < len(data) and data[index] & 0xC0 == 0x80:
        index += 1
    return min(index, len(data))
