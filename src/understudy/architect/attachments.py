"""Files that people attach: the text in them, read in a process with limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
import os
import stat
import sys
from errno import EINVAL
from pathlib import Path

from understudy.architect import extracting
from understudy.architect.extracting import MOST_CHARACTERS, READERS
from understudy.architect.inputs import Unreadable, Upload

_PATIENCE = 120.0  # seconds that reading one file may take, by the clock
_CHUNK = 65536
_MOST_SAID = MOST_CHARACTERS * 12 + 1000  # a character is at most twelve in JSON

#: How files begin, by their ending: others are not what they say.
_BEGINNINGS = {".pdf": (b"%PDF-",), ".docx": (b"PK\x03\x04",)}
_WITHIN = 1024  # bytes in which a PDF begins
#: An interpreter that looks for nothing in the folder where it is started, and its program.
_PYTHON = (sys.executable, "-I", extracting.__file__)

KINDS = tuple(READERS)


_HINTS = {
    "encrypted_file": "Save it without a password.",
    "damaged_file": "Open it and save it again.",
    "mislabelled_file": "Give it the ending of what it is.",
    "not_utf8": "Save it as UTF-8.",
    "no_text": "Give a file that holds text.",
    "no_reader": "pip install 'understudy[extract]'",
    "unknown_kind": f"Files ending in {', '.join(KINDS)} are read.",
}


async def read_upload(
    path: Path, *, name: str = "", patience: float = _PATIENCE
) -> Upload | Unreadable:
    """Return a file with its text, or why there is none. May be repeated; raises OSError.

    `name` is what it is called where it comes from. Reading takes a process of its own, with
    limits on memory, time and pages, which is ended when the caller is.
    """
    name = name or path.name
    kind = Path(name).suffix.casefold()
    if kind not in READERS:
        return _refused(name, "unknown_kind", "It is of no kind that is read.")
    place, size, begins = await asyncio.to_thread(_looked_at, path, kind)
    if not begins:
        return _refused(name, "mislabelled_file", f"It does not begin as a {kind} does.")
    told = await _told(kind, place, patience)
    if "text" in told:
        return Upload(name, size, told["text"], mimetypes.guess_type(name)[0] or "", path)
    return _refused(name, told["code"], told["message"])


def _refused(name: str, code: str, message: str) -> Unreadable:
    return Unreadable(name, code, message, _HINTS.get(code, ""))


def _looked_at(path: Path, kind: str) -> tuple[str, int, bool]:
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
        raise OSError(EINVAL, "it is no file", str(path))
    with path.open("rb") as file:
        beginning = file.read(_WITHIN)
        size = os.fstat(file.fileno()).st_size
    known = _BEGINNINGS.get(kind, ())
    return str(path.absolute()), size, not known or any(one in beginning for one in known)


#: Signals by which a process ends that has used up what it may.
_USED_UP = frozenset({-9, -24})


async def _told(kind: str, place: str, patience: float) -> dict[str, str]:
    process = await asyncio.create_subprocess_exec(
        *_PYTHON,
        kind,
        place,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(patience):
            said = await _said(process)
            code = await process.wait()
    except TimeoutError:
        return {"code": "too_slow", "message": f"Reading it took more than {patience:g} s."}
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if code == 0 and said is not None:
        return dict(json.loads(said))
    if said is None or code in _USED_UP:
        return {"code": "too_large", "message": "Reading it takes too much memory or time."}
    return {"code": "damaged_file", "message": "Its reader failed."}


async def _said(process: asyncio.subprocess.Process) -> bytes | None:
    """Return what it wrote, None for more than any text of a file takes."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    said = bytearray()
    while chunk := await process.stdout.read(_CHUNK):
        said += chunk
        if len(said) > _MOST_SAID:
            process.kill()
            return None
    return bytes(said)
