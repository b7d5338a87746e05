"""Bytes on their way that are kept: in memory while they are few, else in a file without a name."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from understudy.errors import OutputError, SnapshotError
from understudy.platforms.knowledge import PIECE

#: Bytes that stay in memory; thousands of small files never touch the disk.
IN_MEMORY = 1 << 20


class Spool:
    """Takes bytes (a Sink), counts and hashes them, gives them back (a Content).

    On disk the file has no name: it is gone when the process is, however that ends.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._digest = hashlib.sha256()
        self._size = 0
        # Closed by __exit__: a spool is a context manager itself.
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            IN_MEMORY, dir=None if folder is None else str(folder)
        )

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return self._size

    @property
    def sha256(self) -> str:
        """The digest of what was written, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def restart(self) -> None:
        """Forget what was written."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self._size = 0

    async def room(self) -> None:
        """Return at once: there is room until the disk is full."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raises OutputError for a full disk."""
        try:
            self._file.write(chunk)
            self._file.flush()  # a full disk shall be noticed here, not while it is read
        except OSError as error:
            where = self._folder or tempfile.gettempdir()
            raise OutputError(
                f"A file on its way cannot be kept in {where}: {error.strerror or error}.",
                hint="Make room there and run the same command again; what arrived is not moved "
                "again.",
            ) from error
        self._digest.update(chunk)
        self._size += len(chunk)

    async def available(self, end: int) -> None:
        """Return at once: all of it is there."""

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield what was written, in pieces."""
        yield from pieces(self._file, start, self._size - start if length is None else length)

    def close(self) -> None:
        """Give the room back; may be called twice."""
        with contextlib.suppress(OSError):  # bytes that no disk took are still in its buffer
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Local:
    """A file in a folder as content; raises SnapshotError when it is not what it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise SnapshotError(f"{path} cannot be read: {error.strerror or error}.") from error
        self._size = os.fstat(self._file.fileno()).st_size

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._size

    def sha256(self) -> str:
        """Return the digest of its bytes; reads them all."""
        try:
            self._file.seek(0)
            return hashlib.file_digest(self._file, "sha256").hexdigest()
        except OSError as error:
            where = f"{self._path} cannot be read"
            raise SnapshotError(f"{where}: {error.strerror or error}.") from error

    async def available(self, end: int) -> None:
        """Return at once: all of it is there."""

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield its bytes, in pieces."""
        yield from pieces(self._file, start, self._size - start if length is None else length)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


def pieces(file: IO[bytes], start: int, length: int) -> Iterator[bytes]:
    """Yield `length` bytes of a file from `start`; raises SnapshotError when it ends before."""
    position, left = start, length
    while left > 0:
        file.seek(position)  # two readers may share the file
        piece = file.read(min(PIECE, left))
        if not piece:
            raise SnapshotError("A file that is being sent became shorter meanwhile.")
        position += len(piece)
        left -= len(piece)
        yield piece
