"""Whether two processes, on whatever machines, work on the very same file."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from understudy.files import TEMPORARY

log = logging.getLogger("understudy")


def identity(path: Path) -> str:
    """Return what is the same for all who have this very file, wherever its folder is mounted.

    It stands in a file of its own beside it, which is made where there is none. Where it cannot
    be, everybody counts as somebody else.
    """
    beside = path.with_name(f".{path.name}.id")
    try:
        if not beside.exists():
            _made(beside)
        return beside.read_text(encoding="ascii").strip() or token_hex(8)
    except (OSError, UnicodeError) as error:
        log.warning("%s cannot be kept: %s", beside, error)
        return token_hex(8)


def _made(path: Path) -> None:
    """Make the file, whole, unless somebody else just did."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{token_hex(8)}\n")
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        Path(temporary).unlink(missing_ok=True)
