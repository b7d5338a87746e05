"""Files read with bounds and written whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from understudy.errors import OutputError, SnapshotError

#: How the names of files begin that are not complete yet.
TEMPORARY = ".understudy-"

#: No JSON file that we read may be larger; 10,000 assistants of 8 KB are 80 MB.
MOST_BYTES = 1 << 30

_STALE = 3600.0  # seconds: nobody writes one file for that long


def read_bytes(path: Path) -> bytes:
    """Return a file's content; raises SnapshotError naming the file and the reason."""
    with reading(path):
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise SnapshotError(f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are read.")
        return path.read_bytes()


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text, line ends as they are; raises SnapshotError."""
    content = read_bytes(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SnapshotError(
            f"{path}, line {line}: this is not UTF-8 (byte 0x{content[error.start]:02x}).",
            hint="Save the file as UTF-8.",
        ) from error


def read_json(path: Path) -> Any:
    """Return a file's JSON value; raises SnapshotError with line and column."""
    return parse_json(read_text(path), str(path))


def parse_json(text: str, name: str) -> Any:
    """Return the JSON value in a text; raises SnapshotError with line and column."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SnapshotError(
            f"{name}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}.",
        ) from error
    except RecursionError as error:
        raise SnapshotError(f"{name}: nested too deeply to be read.") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise SnapshotError(f"{name}: {error}.") from error


def write_whole(
    path: Path, content: str | bytes, *, sync: bool = True, private: bool = False
) -> None:
    """Replace a file, or leave it as it was; raises OutputError.

    The content goes to a neighbour first, so a full disk or a crash never leaves a torn file.
    Devices and pipes are written to as they are. Who may read it stays as it was; `private` keeps
    it from other users. May be repeated.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = ""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if not private:
            os.chmod(temporary, _mode(path))  # noqa: PTH101 - mkstemp gives 0600
        os.replace(temporary, path)  # noqa: PTH105
    except (OSError, ValueError) as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written: {_reason(error)}.",
            hint="Nothing was left half-written there.",
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """Give a file to write UTF-8 into, which replaces another once it is whole.

    Raises OutputError; whatever is raised within leaves the file as it was.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, _mode(path))  # noqa: PTH101 - mkstemp gives 0600
            os.replace(temporary, path)  # noqa: PTH105
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written there; what others are writing stays.

    Raises OutputError.
    """
    with writing(folder):
        for path in folder.glob(f"{TEMPORARY}*"):
            with suppress(FileNotFoundError):  # put into its place meanwhile
                if time.time() - path.stat().st_mtime > _STALE:
                    path.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate what the file system says while something is changed there to OutputError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be written: {_reason(error)}.") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Translate what the file system says while something is read there to SnapshotError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise SnapshotError(f"{path} cannot be read: {_reason(error)}.") from error


def write_if_changed(path: Path, content: str | bytes) -> bool:
    """Replace a file unless it already has this content; returns whether it was written."""
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return False
    write_whole(path, data, sync=False)
    return True


def stamp(path: Path) -> object:
    """Return what tells one state of a file from the next, None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _reason(error: OSError | ValueError) -> str:
    """Return what the system said; a ValueError is about a path that it cannot even spell."""
    if isinstance(error, UnicodeError):
        return "this locale cannot spell the name; set PYTHONUTF8=1"
    return getattr(error, "strerror", "") or str(error)


def _mode(path: Path) -> int:
    """Return the permissions of a file, of one that is not there yet the usual ones."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o777
    except FileNotFoundError:
        return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
