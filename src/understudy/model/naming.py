"""Names for folders and files, and names that are near to one that was mistyped."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

#: File systems allow 255 bytes; this leaves room for a suffix and an extension.
_SLUG_BYTES = 100

#: No file and no folder may have these names on Windows.
DEVICES = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}


def slug(text: str, *, fallback: str = "assistant") -> str:
    """Return a lower-case name that is safe as a folder anywhere: letters, digits, `-`, `_`.

    Letters of every script stay. The result is never empty, never starts with a dot or a
    dash, and holds at most 100 bytes of UTF-8.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.sub(r"[^\w]+", "-", folded).strip("-_")
    encoded = words.encode("utf-8", "ignore")[:_SLUG_BYTES]
    cut = encoded.decode("utf-8", "ignore").strip("-_") or fallback
    return f"{cut}-{fallback}" if cut in DEVICES else cut


def wire_name(name: str) -> str:
    """Return how a form field spells a file name: quotes and line breaks are escaped.

    Some servers keep the escaped form (WHATWG, multipart/form-data encoding algorithm).
    """
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def registry_key(name: str) -> str:
    """Return the key under which applications look an assistant up, empty for a name of symbols.

    Letters and digits of ASCII in upper case, words joined by one underscore; everything else
    goes. `"My AI Helper (v2)"` is `MY_AI_HELPER_V2`.
    """
    return "_".join(re.sub(r"[^A-Za-z0-9\s]", "", name).upper().split())


def unique(wanted: str, taken: set[str], *, hint: str = "", joint: str = "-") -> str:
    """Return `wanted`, or with a suffix from `hint` or a number; adds the result to `taken`.

    Compares without regard to case: some file systems do.
    """
    candidates = [wanted, f"{wanted}{joint}{hint}"] if hint else [wanted]
    number = 2
    while True:
        for candidate in candidates:
            if candidate.casefold() not in taken:
                taken.add(candidate.casefold())
                return candidate
        candidates = [f"{wanted}{joint}{number}"]
        number += 1


def near(wanted: str, names: Iterable[str], *, limit: int = 5) -> list[str]:
    """Return up to `limit` of the names that look like `wanted`, most alike first."""
    by_folded = {name.casefold(): name for name in names if name}
    plain = wanted.strip("*?/").casefold()
    close = difflib.get_close_matches(plain, by_folded, n=limit, cutoff=0.4)
    inside = [name for name in by_folded if plain and plain in name and name not in close]
    return [by_folded[name] for name in (close + inside)[:limit]]
