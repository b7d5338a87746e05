"""Texts that both engines can hold: PostgreSQL has no NUL, and neither has half characters."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> bool:
    """Tell whether a text can be stored as it is."""
    return _UNSTORABLE.search(text) is None


def cleaned(text: str) -> str:
    """Return a text that people read, with U+FFFD for what cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text)
