"""`{{variables}}` in texts: finding them, and the slugs by which outputs are named. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

#: One stretch between double braces. Braces and line breaks end it, so a search takes linear time.
BRACES = re.compile(r"\{\{([^{}\n]{0,300})\}\}")
DOLLAR = re.compile(r"\$\{[ ]?([A-Za-z_][A-Za-z0-9_-]{0,100})[ ]?\}")
OUTPUT = re.compile(r"prompt_([0-9]{1,16})_output")
_LIKE_A_NAME = re.compile(r"[\w.-]+")
_SEPARATORS = re.compile(r"[^a-z0-9]+")
#: Longer texts are no names; to put combining marks in order takes the square of their number.
_LONGEST = 300  # characters


def variables(text: str) -> Mapping[str, int]:
    """Return what stands in double braces, trimmed, with how often; in order of appearance."""
    counts: dict[str, int] = {}
    for name in BRACES.findall(text) if "{{" in text else ():
        trimmed = name.strip()
        counts[trimmed] = counts.get(trimmed, 0) + 1
    return counts


def like_a_name(text: str) -> bool:
    """Tell whether it looks like a variable: letters, digits, `_`, `.` and `-`."""
    return bool(_LIKE_A_NAME.fullmatch(text))


@lru_cache(maxsize=4096)
def slug(name: str) -> str:
    """Return a prompt name's slug: lower case, runs of other than a-z and 0-9 become one dash."""
    return _SEPARATORS.sub("-", name.lower()).strip("-")


def normal(name: str) -> str:
    """Return a name in Unicode normal form C: what looks the same is the same."""
    return name if name.isascii() or len(name) > _LONGEST else _composed(name)


@lru_cache(maxsize=4096)
def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Return the text with its variables replaced, once: what was put in is not looked at again.

    What `values` does not hold stays as it stands. Names are compared in normal form C.
    """

    def value(match: re.Match[str]) -> str:
        return values.get(normal(match[1].strip()), match[0])

    return BRACES.sub(value, text) if "{{" in text else text
