"""Text from elsewhere as Python: literals, docstrings and names that compile whatever they hold."""

from __future__ import annotations

import builtins
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Iterator

from understudy.report.clean import clean_lines

#: Names that a linter takes for digits.
_AMBIGUOUS = frozenset({"l", "O", "I"})

_BUILTINS = frozenset(dir(builtins))
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST = 80  # characters of a name


def literal(text: str) -> str:
    """Return a string literal that stands for exactly this text, all of it visible."""
    return '"' + "".join(map(_spelt, text)) + '"'


def docstring(text: str, indent: str, *, columns: int = 100) -> Iterator[str]:
    """Yield the lines of a docstring: wrapped, without our keys, nothing in it but text."""
    lines: list[str] = []
    for paragraph in clean_lines(text).expandtabs(4).split("\n"):
        shown = paragraph.rstrip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        lines += textwrap.wrap(
            shown,
            columns - len(indent),
            break_long_words=False,
            break_on_hyphens=False,
            subsequent_indent=" " * (len(shown) - len(shown.lstrip())),
        ) or [""]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    if not lines:
        return
    lines[0] = lines[0].lstrip()
    if lines[-1].endswith('"'):
        lines[-1] = lines[-1][:-1] + '\\"'
    one_line = len(lines) == 1 and len(lines[0]) + len(indent) + 6 <= columns
    lines[0] = f'"""{lines[0]}'
    lines = [*lines[:-1], f'{lines[-1]}"""'] if one_line else [*lines, '"""']
    yield from (f"{indent}{line}".rstrip() for line in lines)


def named(wanted: str, taken: set[str], *, fallback: str = "function") -> str:
    """Return an identifier like `wanted` that nobody has taken, nor the language; takes it."""
    name = _identifier(wanted) or fallback
    if is_reserved(name) or name in _BUILTINS:
        name = f"{name}_"
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


def camel(*words: str) -> str:
    """Return a class name made of these words."""
    parts = [part for word in words for part in re.split(r"[\W_]+", word) if part]
    return "".join(part[:1].upper() + part[1:] for part in parts)


def is_plain(name: str) -> bool:
    """Tell whether a name can stand in a program as it is, and still means itself."""
    return (
        name.isidentifier()
        and unicodedata.normalize("NFKC", name) == name
        and not is_reserved(name)
        and not name.startswith("__")
        and len(name) <= _LONGEST
    )


def is_reserved(name: str) -> bool:
    """Tell whether a name is the language's own, or one that linters refuse."""
    return keyword.iskeyword(name) or name in _AMBIGUOUS


def _identifier(text: str) -> str:
    folded = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", text)).strip("_")[:_LONGEST]
    if folded[:1].isdigit():
        folded = f"_{folded}"
    if folded.isidentifier() and unicodedata.normalize("NFKC", folded) == folded:
        return folded
    plain = re.sub(r"[^A-Za-z0-9_]+", "", folded).strip("_")
    return f"_{plain}" if plain[:1].isdigit() else plain


def _spelt(character: str) -> str:
    if character in ('"', "\\"):
        return f"\\{character}"
    if unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
