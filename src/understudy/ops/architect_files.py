"""Which Architect files a command means: files, folders, standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from understudy.architect.document import Document
from understudy.architect.limits import MOST_BYTES
from understudy.errors import SnapshotError
from understudy.ops.architect import Architect

STDIN = "-"

_MOST_FILES = 10_000


def documents(architect: Architect, sources: Sequence[str]) -> Iterator[Document]:
    """Yield each source's document, checked; one that cannot be read has that as its finding.

    `-` is standard input, a folder means every .json file below it, in the order of the names.
    """
    for source in sources:
        if source == STDIN:
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
            yield architect.check_text(data, source="standard input")
        elif Path(source).is_dir():
            yield from _in_folder(architect, Path(source))
        else:
            yield _of_file(architect, Path(source))


def _of_file(architect: Architect, path: Path) -> Document:
    try:
        return architect.check(path)
    except SnapshotError as error:
        return Document.unreadable(str(path), error.message)


def _in_folder(architect: Architect, folder: Path) -> Iterator[Document]:
    closed: list[OSError] = []
    found: list[Path] = []
    for place, _, names in os.walk(folder, onerror=closed.append):
        found += [Path(place) / name for name in names if name.endswith(".json")]
        if len(found) > _MOST_FILES:
            raise SnapshotError(f"{folder} holds more than {_MOST_FILES:,} .json files.")
    for error in closed:
        why = f"{error.filename} cannot be read: {error.strerror}."
        yield Document.unreadable(str(error.filename), why)
    if not found and not closed:
        yield Document.unreadable(str(folder), f"{folder} holds no .json file.")
    for path in sorted(found):
        yield _of_file(architect, path)
