"""What is entered for a run, as it is sent: JSON, or a form with files, which go to the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from understudy.service.multipart import Parts, boundary_of
from understudy.service.problems import ProblemError

MOST_FILE = 32 * 1024 * 1024  # bytes of one file
MOST_BODY = 64 * 1024 * 1024  # bytes of a request
_MOST_TEXT = 16 * 1024 * 1024  # bytes of everything that is not a file
_MOST_PARTS = 100
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file in a form: where it lies now, and what it is called where it comes from."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Form:
    """What was entered, by the fields' names."""

    texts: Mapping[str, list[str]]
    files: Mapping[str, list[SentFile]]


async def entered(request: Request, folder: Path) -> Form:
    """Return what a request enters; files are written into a folder while they arrive.

    Raises ProblemError. Nothing beyond the bounds is read.
    """
    header = request.headers.get("content-type", "")
    told = parse_options_header(header)[0].decode("latin-1").lower()
    try:
        if boundary := boundary_of(header):
            return await _from_form(request, boundary, folder)
        if told == "application/json" or (not told and _is_empty(request)):
            return await _from_json(request)
    except ClientDisconnect as error:  # nobody reads the answer, and it is no fault of ours
        raise ProblemError(400, "bad_request", "The request's body broke off.") from error
    raise ProblemError(
        415,
        "unsupported_media_type",
        "What is entered is sent as JSON, or as a form.",
        hint='Content-Type: application/json with {"inputs": {...}}, or multipart/form-data.',
    )


def _is_empty(request: Request) -> bool:
    return request.headers.get("content-length", "0") == "0"


async def _from_json(request: Request) -> Form:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > _MOST_TEXT:
            raise _too_large("The texts", _MOST_TEXT)
    try:
        value = json.loads(content or b"{}")
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "bad_request", "The body is not JSON.") from error
    inputs = value.get("inputs", {}) if isinstance(value, dict) else None
    if not isinstance(inputs, dict) or set(value) - {"inputs"}:
        raise ProblemError(
            422,
            "invalid_request",
            'The body must be {"inputs": {FIELD: VALUE}}.',
            hint="Parameters such as draft=true stand in the address.",
        )
    return Form({name: _texts(name, one) for name, one in inputs.items()}, {})


def _texts(name: str, value: object) -> list[str]:
    """Return a field's values: a text, or a list of texts."""
    listed: list[object] = value if isinstance(value, list) else [value]
    texts = [one for one in listed if isinstance(one, str)]
    if len(texts) < len(listed) or len(texts) > _MOST_PARTS * 10:
        raise ProblemError(
            422,
            "invalid_request",
            f'The field "{name[:80]}" must be a text, or a list of texts.',
            hint="Put numbers in quotes; send files in a form.",
        )
    return texts


async def _from_form(request: Request, boundary: bytes, folder: Path) -> Form:
    taking = _Fields(folder)
    try:
        await taking.read(request, boundary)
    except OSError as error:
        words = f"A file could not be kept here: {error.strerror}."
        raise ProblemError(503, "no_room", words) from error
    finally:
        taking.close()
    texts = {
        name: [bytes(one).decode("utf-8", "surrogateescape") for one in parts]
        for name, parts in taking.texts.items()
    }
    return Form(texts, taking.files)


class _Fields(Parts):
    """Takes every field of a form; files go to the disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(_MOST_PARTS)
        self.texts: dict[str, list[bytearray]] = {}
        self.files: dict[str, list[SentFile]] = {}
        self._folder = folder
        self._text_size = self._size = 0
        self._is_named = False
        self._text: bytearray | None = None
        self._file: IO[bytes] | None = None

    def close(self) -> None:
        """Let go of a file that did not end."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def begin(self) -> None:
        """Wait for its name."""
        self._is_named = False

    def named(self, options: Mapping[bytes, bytes]) -> None:
        """Begin a text, or a file."""
        if self._is_named:
            raise ProblemError(400, "bad_request", "A part of the form is named twice.")
        self._is_named = True
        name = options.get(b"name", b"").decode("utf-8", "replace")[:_LONGEST_NAME]
        if not name:
            raise _nameless()
        if b"filename" not in options:
            self._text = bytearray()
            self.texts.setdefault(name, []).append(self._text)
        elif told := options[b"filename"]:  # browsers send an empty one for a field left empty
            # What it is called is said again in messages, and opened nowhere.
            called = told.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
            path = self._folder / f"{self.count}"
            self._file = path.open("xb")
            self._size = 0
            kept = SentFile(path, called[:_LONGEST_NAME] or "upload")
            self.files.setdefault(name, []).append(kept)

    def take(self, data: bytes) -> None:
        """Keep a piece of it."""
        if self._file is not None:
            self._size += len(data)
            if self._size > MOST_FILE:
                raise _too_large("A file", MOST_FILE)
            self._file.write(data)
        elif self._text is not None:
            self._text_size += len(data)
            if self._text_size > _MOST_TEXT:
                raise _too_large("The texts", _MOST_TEXT)
            self._text += data

    def end(self) -> None:
        """Close it."""
        if not self._is_named:
            raise _nameless()
        self.close()
        self._text = None


def _nameless() -> ProblemError:
    return ProblemError(422, "invalid_request", "A part of the form has no name.")


def _too_large(what: str, most: int) -> ProblemError:
    many = "have" if what == "The texts" else "has"
    return ProblemError(
        413,
        "file_too_large",
        f"{what} of a run {many} at most {most:,} bytes.",
        hint="Send less, or split it.",
        headers={"Connection": "close"},
    )
