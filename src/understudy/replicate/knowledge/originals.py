"""The owner's originals in a folder: found by name and byte size, told apart by digest.

Only names that a walk through the folder shows are ever opened: what a file is called in the
source cannot lead anywhere else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import UsageError
from understudy.model.knowledge import File

_PIECE = 1 << 20

#: A folder of more files than that is surely not one of originals (a home directory, a disk).
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Original:
    """A path relative to the folder, or why there is none."""

    path: str = ""
    reason: str = ""


class Originals:
    """An index of a folder; without one, nothing is found."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._index: dict[tuple[str, int], list[str]] | None = None

    def path(self, relative: str) -> Path:
        """Return where an original lies; raises UsageError for a path that leads out."""
        folder = self._folder or Path()
        whole = Path(os.path.realpath(folder / relative))
        if not whole.is_relative_to(os.path.realpath(folder)):
            raise UsageError(f"{relative} leads out of {folder}; it is not followed.")
        return whole

    def find(self, file: File, sha256: str = "") -> Original:
        """Return the original of a file; of several that differ none, unless a digest decides.

        Raises UsageError when the folder cannot be read.
        """
        if self._folder is None:
            return Original(reason="no --files-dir was given")
        if not file.name:
            return Original(reason="it has no name to look for in --files-dir")
        if file.bytes is None:
            return Original(reason="its size is not known, so no original can be told by it")
        # Some keep the whole path as the name: an original is called like its last part.
        name = file.name.replace("\\", "/").rsplit("/", 1)[-1]
        found = self._indexed().get((name, file.bytes), [])
        if not found:
            return Original(reason=f"no {name!r} of {file.bytes:,} bytes in {self._folder}")
        if len(found) == 1 and not sha256:
            return Original(found[0])
        digests = {path: self._digest(path) for path in found}
        if sha256:
            same = [path for path in found if digests[path] == sha256]
            if same:
                return Original(same[0])
            return Original(reason=f"{found[0]} has that name and size, but other bytes")
        if len(set(digests.values())) > 1:
            return Original(
                reason=f"{len(found)} files of that name and size differ: {', '.join(found)}"
            )
        return Original(found[0])

    def _indexed(self) -> dict[tuple[str, int], list[str]]:
        if self._index is None:
            assert self._folder is not None  # noqa: S101 - find() has looked
            index: dict[tuple[str, int], list[str]] = defaultdict(list)
            for number, (relative, name, size) in enumerate(_walk(self._folder)):
                if number == _MOST:
                    raise UsageError(
                        f"{self._folder} holds more than {_MOST:,} files.",
                        hint="Give the folder of the originals alone as --files-dir.",
                    )
                index[name, size].append(relative)
            self._index = {key: sorted(paths) for key, paths in index.items()}
        return self._index

    def _digest(self, relative: str) -> str:
        digest = hashlib.sha256()
        try:
            with self.path(relative).open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        except OSError as error:
            raise UsageError(f"{relative} cannot be read: {error.strerror}.") from error
        return digest.hexdigest()


def _walk(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Yield relative path, name and size of each plain file; links that lead out are left out."""
    if not folder.is_dir():
        raise UsageError(f"--files-dir {folder} is no folder.")
    root = os.path.realpath(folder)

    def fail(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}.") from error

    for directory, folders, names in os.walk(root, onerror=fail):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)  # noqa: PTH118 - a Path for each is slow
            if os.path.islink(path) and not Path(os.path.realpath(path)).is_relative_to(root):  # noqa: PTH114
                continue
            if os.path.isfile(path):  # noqa: PTH113
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    size = os.path.getsize(path)  # noqa: PTH202
                    yield os.path.relpath(path, root), name, size
