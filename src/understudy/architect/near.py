"""The name that somebody meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

_LONGEST = 80  # characters: comparing longer ones costs more than it tells
#: Names that are compared with one.
MOST_COMPARED = 100


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the nearest name, empty where none is near; upper case and `-` or `_` do not count."""
    if len(name) > _LONGEST:
        return ""
    # Only what is short is kept: names of strangers may have megabytes.
    short = tuple([one for one in islice(names, MOST_COMPARED) if len(one) <= _LONGEST])
    return _nearest(name, short)


@lru_cache(maxsize=256)
def _nearest(name: str, names: tuple[str, ...]) -> str:
    folded: dict[str, str] = {}
    for one in names:
        folded.setdefault(_fold(one), one)
    mine = _fold(name)
    if mine in folded:
        return folded[mine]
    close = difflib.get_close_matches(mine, folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def _fold(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "").replace(" ", "")
