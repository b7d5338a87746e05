"""Where saved JSON lies: a file, the files in a folder, or standard input; all bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from understudy.errors import SnapshotError, UsageError
from understudy.files import reading
from understudy.model.findings import Finding, error
from understudy.platforms.snapshot_form import HEADER, is_folder

#: The name of the place that is standard input.
STANDARD_INPUT = "-"

#: Bytes that are read of one dump, all its files together.
MOST_BYTES = 512_000_000
MOST_FILES = 100_000
DEEPEST = 16  # folders within folders

_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_LOOKS_LIKE_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*[\[{]\s*["{\[]')
_PIECE = 1 << 20


async def standard_input() -> bytes:
    """Return all of standard input; raises UsageError for a terminal, SnapshotError.

    A thread reads it, so that the program can be stopped while nothing comes.
    """
    number = _descriptor()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    read: list[bytes | SnapshotError] = []

    def work() -> None:
        read.append(_drained(number))
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=work, name="standard-input", daemon=True).start()
    await ended.wait()
    if isinstance(read[0], SnapshotError):
        raise read[0]
    return read[0]


def _descriptor() -> int:
    try:
        number = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError) as error:
        raise SnapshotError("Standard input is closed: there is nothing to read.") from error
    if os.isatty(number):
        raise UsageError(
            "Standard input is a terminal, no dump.",
            hint="Pipe one in: cat dump.json | understudy list -",
        )
    return number


def _drained(number: int) -> bytes | SnapshotError:
    """Return all that comes, or why it cannot be read."""
    try:
        return _all_of(number)
    except OSError as error:
        return SnapshotError(f"Standard input cannot be read: {error.strerror}.")
    except SnapshotError as error:
        return error


def _all_of(number: int) -> bytes:
    pieces, size = [], 0
    while piece := os.read(number, _PIECE):
        size += len(piece)
        if size > MOST_BYTES:
            raise SnapshotError(f"Standard input holds more than {MOST_BYTES:,} bytes.")
        pieces.append(piece)
    return b"".join(pieces)


def read_file(path: Path) -> bytes:
    """Return a file's content, also that of a pipe; raises SnapshotError."""
    with reading(path), path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SnapshotError(f"{path} has more than {MOST_BYTES:,} bytes; no more are read.")
    return content


class Folder:
    """The files in a folder that may be dumps, and what kept others from being read."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real = os.path.realpath(root)
        self._left = MOST_BYTES
        self.findings: list[Finding] = []

    def contents(self) -> Iterator[tuple[Path, bytes]]:
        """Yield each file and its bytes, sorted by path; raises SnapshotError for the root."""
        with reading(self._root):
            os.listdir(self._root)  # noqa: PTH208 - only to see that it can be
        for number, path in enumerate(self._paths(self._root, 0)):
            if number == MOST_FILES:
                said = f"{self._root} holds more than {MOST_FILES:,} files; the rest is left out."
                self._say("too-many-files", said, "Give a folder with fewer of them.")
                return
            content = self._content(path)
            if content is not None:
                yield path, content

    def _paths(self, folder: Path, depth: int) -> Iterator[Path]:
        if depth > DEEPEST:
            said = f"{folder} lies more than {DEEPEST} folders deep; it is left out."
            self._say("nested-too-deeply", said, "Give that folder itself.")
            return
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as broken:
            self._say("file-unreadable", f"{folder} cannot be read: {broken.strerror}.", "")
            return
        if is_folder(folder) or any(entry.name == HEADER for entry in entries):
            said = f"{folder} is (part of) a snapshot, which is no dump; it is left out."
            self._say("snapshot", said, "Give the path of the snapshot itself.")
            return
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(".") or (entry.is_symlink() and not self._inside(path)):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._paths(path, depth + 1)
            elif _is_file(entry):
                yield path

    def _inside(self, path: Path) -> bool:
        """Tell whether a link stays within the folder; what leads out is a finding."""
        real = os.path.realpath(path)
        if real == self._real or real.startswith(os.path.join(self._real, "")):  # noqa: PTH118
            return True
        if Path(real).is_dir() or path.suffix.lower() in _SUFFIXES:
            said = f"{path} leads out of {self._root}; it is not followed."
            self._say("leads-out", said, "Copy what it points to into the folder.")
        return False

    def _content(self, path: Path) -> bytes | None:
        """Return a file's bytes, None for one that is no dump or cannot be read."""
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                if path.suffix.lower() not in _SUFFIXES:
                    if not _LOOKS_LIKE_JSON.match(file.read(1024)):
                        return None
                    file.seek(0)
                content = file.read(self._left + 1) if size <= self._left else None
        except OSError as broken:
            self._say("file-unreadable", f"{path} cannot be read: {broken.strerror}.", "")
            return None
        if content is None or len(content) > self._left:
            said = f"{path} ({size:,} bytes) is left out: {MOST_BYTES:,} are read of one dump."
            self._say("file-too-large", said, "Split the dump, and copy one part after another.")
            return None
        self._left -= len(content)
        return content

    def _say(self, code: str, message: str, hint: str) -> None:
        self.findings.append(error(code, message, hint=hint))


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
