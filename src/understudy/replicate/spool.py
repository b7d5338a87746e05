"""Bytes on their way: a file without a name, so that no crash leaves one behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from understudy.errors import LostAnswerError, OutputError

PIECE = 1 << 18

#: Bytes that stay in memory; thousands of small files never touch the disk.
IN_MEMORY = 1 << 20


class Spool:
    """Takes bytes (a Sink), counts and hashes them, gives them back (a Content).

    With `expected`, it may be read while it is written: a reader waits for what is to come, and
    gets the last byte only after `finish`, so nothing that turns out wrong is ever complete. On
    disk the file has no name: it is gone when the process is, however that ends.
    """

    def __init__(self, folder: Path | None = None, *, expected: int | None = None) -> None:
        self._folder = folder
        self._expected = expected
        self._digest = hashlib.sha256()
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._written = 0
        self._finished = False
        self._failure: BaseException | None = None
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def size(self) -> int:
        """How many bytes it has, or will have."""
        return self._written if self._expected is None else self._expected

    @property
    def sha256(self) -> str:
        """The digest of what was written, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def restart(self) -> None:
        """Forget what was written."""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
        self._memory.clear()
        self._digest = hashlib.sha256()
        self._written = 0

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raises OutputError for a full disk."""
        try:
            self._put(chunk)
        except OSError as error:
            where = self._folder or tempfile.gettempdir()
            raise OutputError(
                f"A file on its way cannot be kept in {where}: {error.strerror or error}.",
                hint="Make room there and run the same command again; what arrived is not moved "
                "again.",
            ) from error
        self._digest.update(chunk)
        self._written += len(chunk)
        self._wake()

    def finish(self) -> None:
        """Say that everything was written and is right."""
        self._finished = True
        self._wake()

    def fail(self, error: BaseException) -> None:
        """Say that no more comes: readers get this error."""
        self._failure = error
        self._wake()

    @property
    def failed(self) -> bool:
        """Whether no more comes."""
        return self._failure is not None

    async def begun(self) -> None:
        """Wait until there is anything to read, or nothing more comes."""
        while not (self._written or self._finished or self._failure):
            await self._change()

    async def available(self, end: int) -> None:
        """Wait until the bytes before `end` can be read; raises what keeps them from coming."""
        while True:
            if self._failure is not None:
                raise self._failure
            complete = self._expected is None or self._finished
            if self._written >= end and (complete or end < self.size):
                return
            if complete:
                raise LostAnswerError(
                    f"A file on its way has {self._written:,} bytes, not {self.size:,}."
                )
            await self._change()

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield what was written, in pieces; what is to come has to be awaited before."""
        left = self.size - start if length is None else length
        if self._file is not None:
            yield from pieces(self._file, start, left)
            return
        for at in range(start, start + left, PIECE):
            if self._file is not None:  # it outgrew the memory meanwhile
                yield from pieces(self._file, at, start + left - at)
                return
            yield bytes(self._memory[at : min(at + PIECE, start + left)])

    def close(self) -> None:
        """Give the room back; may be called twice."""
        if self._file is not None:
            self._file.close()
        self._memory.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _put(self, chunk: bytes) -> None:
        if self._file is None:
            if self._written + len(chunk) <= IN_MEMORY:
                self._memory += chunk
                return
            # Closed by close(); without a buffer, since pieces are large and reads come between.
            self._file = tempfile.TemporaryFile(  # noqa: SIM115
                buffering=0, dir=self._folder
            )
            _write_all(self._file, 0, bytes(self._memory))
            self._memory.clear()
        _write_all(self._file, self._written, chunk)

    async def _change(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class Local:
    """A file in a folder as content; raises OutputError when it is not what it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise OutputError(f"{path} cannot be read: {error.strerror or error}.") from error
        self._size = os.fstat(self._file.fileno()).st_size

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._size

    def sha256(self) -> str:
        """Return the digest of its bytes; reads them all."""
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()

    async def available(self, end: int) -> None:
        """Return at once: all of it is there."""

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield its bytes, in pieces."""
        yield from pieces(self._file, start, self._size - start if length is None else length)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


def pieces(file: IO[bytes], start: int, length: int) -> Iterator[bytes]:
    """Yield `length` bytes of a file from `start`; raises OutputError when it ends before."""
    position, left = start, length
    while left > 0:
        file.seek(position)  # others may read and write it, too
        piece = file.read(min(PIECE, left))
        if not piece:
            raise OutputError("A file that is being sent became shorter meanwhile.")
        position += len(piece)
        left -= len(piece)
        yield piece


def _write_all(file: IO[bytes], position: int, chunk: bytes) -> None:
    file.seek(position)
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]
