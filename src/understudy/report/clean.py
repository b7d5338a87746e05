"""Text from elsewhere, made harmless to show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from click import unstyle

from understudy.redact import hide

#: Spelt out: controls, lone surrogates, line separators, and format characters. Some of the last
#: make a line read as something else (CVE-2021-42574) or hide a difference.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

#: Format characters that writing needs: they join letters and emoji.
_JOINERS = frozenset("\u200c\u200d")

#: Marks that are put on one column before the rest counts as too wide to show.
_MARKS = 4


def clean(text: str) -> str:
    """Return one printable line without our keys; what cannot be seen is spelt out.

    Keys go first: cut or escaped, they would not be recognised any more.
    """
    return "".join(map(_visible, hide(text)))


def clean_lines(text: str) -> str:
    """Return the text with its line breaks and tabs, everything else as `clean` does."""
    return "".join(c if c in "\n\t" else _visible(c) for c in hide(text))


def width(text: str) -> int:
    """Return how many columns a line takes in a terminal."""
    from rich.cells import cell_len

    return cell_len(text)


def fit(text: str, columns: int) -> str:
    """Return the text cut or padded to that many columns of a terminal."""
    from rich.cells import cell_len

    shown: list[str] = []
    used = 0
    for character in text:
        columns_taken = cell_len(character)
        if used + columns_taken > columns or len(shown) >= _MARKS * columns:
            return _cut("".join(shown), columns)
        shown.append(character)
        used += columns_taken
    return text + " " * max(0, columns - width(text))


def wrapped(line: str, columns: int) -> Iterator[str]:
    """Yield a line, colours and all, in pieces that fit; they break at spaces, words stay whole."""
    plain = unstyle(line)
    if width(plain) <= columns:
        yield line
        return
    indent = " " * (len(plain) - len(plain.lstrip(" ")) + 2)
    shown = ""
    for word in re.findall(r" *[^ ]+", line):
        if shown and width(unstyle(shown + word)) > columns:
            yield shown
            shown = indent + word.lstrip(" ")
        else:
            shown += word
    yield shown


def cell(text: str) -> str:
    """Return the text for a cell of a Markdown table, without our keys."""
    escaped = re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", clean(text))
    return escaped.strip() or " "


def code(text: str) -> str:
    """Return an id for a cell of a Markdown table: as code, unless it would break out of it."""
    return f"`{text}`" if re.fullmatch(r"[\w.:-]+", text, re.ASCII) else cell(text)


def _cut(text: str, columns: int) -> str:
    while text and width(text) > columns - 1:
        text = text[:-1]
    return text + "…" + " " * max(0, columns - 1 - width(text))


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in _UNSEEN and character not in _JOINERS:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character
