"""Bytes on disk: a folder of its own for each sandbox, and what lies in it."""

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from io import BytesIO, FileIO
from itertools import count
from pathlib import Path
from typing import IO

BLOCK = 1024 * 1024

#: Bytes that stay in memory: making a file for a few of them takes longer than all the rest.
SMALL = 64 * 1024


class Folder:
    """A temporary directory, made when the first byte arrives, gone with this object.

    It goes at the end of the process too, unless that is killed.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._numbers = count()
        self._path: Path | None = None
        self._finalizer: weakref.finalize[..., Folder] | None = None

    @property
    def path(self) -> Path | None:
        """Where it is; None as long as nothing was written."""
        return self._path

    def new(self) -> "Draft":
        """Return a file to write to."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="understudy-sandbox-", dir=self._parent))
            self._finalizer = weakref.finalize(self, shutil.rmtree, self._path, True)
        return Draft(self._path / str(next(self._numbers)))

    def keep(self, content: bytes | Path) -> "Content":
        """Write bytes, or copy a file."""
        draft = self.new()
        if isinstance(content, Path):
            with content.open("rb") as source:
                shutil.copyfileobj(source, draft, BLOCK)
        else:
            draft.write(content)
        return draft.done()

    def remove(self) -> None:
        """Remove it with all that is in it. May be repeated; what is written later starts anew."""
        if self._finalizer is not None:
            self._finalizer()
        self._path = self._finalizer = None


class _Piece:
    """A file on disk that goes with the last object that refers to it; a small one in memory."""

    def __init__(self, path: Path | None, data: bytes = b"") -> None:
        self.size = len(data)
        self._path = path
        self._data = data
        if path is not None:
            weakref.finalize(self, path.unlink, missing_ok=True).atexit = False

    def open(self) -> IO[bytes]:
        """Open it for reading."""
        return BytesIO(self._data) if self._path is None else self._path.open("rb", buffering=0)


class Content:
    """Bytes that never change, of any number of pieces. They last as long as this does."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self._pieces = tuple(pieces)
        self.size = sum(piece.size for piece in self._pieces)

    def __add__(self, other: "Content") -> "Content":
        return Content(self._pieces + other._pieces)

    def blocks(self, block: int = BLOCK) -> Iterator[bytes]:
        """Yield the bytes, at most `block` at a time."""
        for piece in self._pieces:
            with piece.open() as file:
                while data := file.read(block):
                    yield data

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes of a range, cut off at the end."""
        found = b""
        for piece in self._pieces:
            if start < piece.size and stop > 0:
                with piece.open() as file:
                    file.seek(max(0, start))
                    found += file.read(max(0, min(stop, piece.size) - max(0, start)))
            start, stop = start - piece.size, stop - piece.size
        return found

    def digest(self, algorithm: str) -> str:
        """Return the hash of the bytes, in hexadecimal digits."""
        hash_ = hashlib.new(algorithm, usedforsecurity=False)
        for block in self.blocks():
            hash_.update(block)
        return hash_.hexdigest()


NOTHING = Content(())


class Draft:
    """A file that is being written. Dropping it leaves nothing behind."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._path = path
        self._small = bytearray()
        self._file: FileIO | None = None
        self._piece: _Piece | None = None

    def write(self, data: bytes) -> int:
        """Append; raises `OSError` when the disk is full."""
        if self._file is None and self.size + len(data) <= SMALL:
            self._small += data
        else:
            self._append(data)
        self.size += len(data)
        return len(data)

    def done(self) -> Content:
        """Close it and return what was written."""
        if self._file is None or self._piece is None:
            return Content((_Piece(None, bytes(self._small)),))
        self._file.close()
        self._piece.size = self.size
        return Content((self._piece,))

    def _append(self, data: bytes) -> None:
        if self._file is None:
            self._file = FileIO(self._path, "xb")
            self._piece = _Piece(self._path)
            weakref.finalize(self, self._file.close).atexit = False
            data, self._small = bytes(self._small) + data, bytearray()
        done = 0
        while done < len(data):  # a write to a file may be short
            done += self._file.write(memoryview(data)[done:] if done else data) or 0
