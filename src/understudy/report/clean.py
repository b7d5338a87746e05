"""Text from elsewhere, made harmless to show."""

from __future__ import annotations

import re
import unicodedata

#: Bidirectional overrides can make a line read as something else (CVE-2021-42574).
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Return one printable line: control characters and direction overrides are spelt out."""
    return "".join(map(_visible, text))


def clean_lines(text: str) -> str:
    """Return the text with its line breaks and tabs, everything else as `clean` does."""
    return "".join(c if c in "\n\t" else _visible(c) for c in text)


def width(text: str) -> int:
    """Return how many columns a line takes in a terminal."""
    from rich.cells import cell_len

    return cell_len(text)


def fit(text: str, columns: int) -> str:
    """Return the text cut or padded to that many columns of a terminal."""
    if width(text) > columns:
        while text and width(text) > columns - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (columns - width(text))


def cell(text: str) -> str:
    """Return the text for a cell of a Markdown table."""
    escaped = re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", clean(text))
    return escaped.strip() or " "


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTION:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character
