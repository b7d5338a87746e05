"""Which Architect files a command means: files, folders, standard input."""

from __future__ import annotations

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
    """Yield each source's document, checked; raises SnapshotError for what cannot be read.

    `-` is standard input, a folder means every .json file below it, in the order of the names.
    """
    for source in sources:
        if source == STDIN:
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
            yield architect.check_text(data, source="standard input")
            continue
        for path in _files(Path(source)):
            yield architect.check(path)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        found = sorted(each for each in path.rglob("*.json") if each.is_file())
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror}.") from error
    if not found:
        raise SnapshotError(f"{path} holds no .json file.", hint="Name the files themselves.")
    if len(found) > _MOST_FILES:
        raise SnapshotError(
            f"{path} holds {len(found):,} .json files; at most {_MOST_FILES:,} are checked at once."
        )
    return found
