"""Documents in requests: JSON bodies and files in multipart forms, read up to a bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from understudy.architect.limits import MOST_BYTES
from understudy.service.problems import ProblemError, document_too_large

#: Bytes of a multipart body around its file: boundaries, headers, small fields.
AROUND = 64 * 1024
_JSON = frozenset({"application/json", "text/json"})
_MOST_PARTS = 20


@dataclass(frozen=True, slots=True, repr=False)
class Upload:
    """A document's bytes as they were sent, and what the sender called it."""

    data: bytes
    name: str


async def document(request: Request) -> Upload:
    """Return the document of a request; raises ProblemError. Nothing beyond the bound is read."""
    try:
        return await _document(request)
    except ClientDisconnect as error:  # nobody reads the answer, and it is no fault of ours
        raise ProblemError(400, "bad_request", "The request's body broke off.") from error


async def _document(request: Request) -> Upload:
    header = request.headers.get("content-type", "")
    kind, options = parse_options_header(header)
    told = kind.decode("latin-1").lower()
    if told == "multipart/form-data" and options.get(b"boundary"):
        return await _from_form(request, options[b"boundary"])
    if told in _JSON or told.endswith("+json"):
        content = bytearray()
        async for piece in request.stream():
            content += piece
            if len(content) > MOST_BYTES:
                raise document_too_large()
        return Upload(bytes(content), "request")
    raise ProblemError(
        415,
        "unsupported_media_type",
        "A document is sent as JSON, or as a file in a form.",
        hint="Content-Type: application/json, or multipart/form-data with a file.",
    )


async def _from_form(request: Request, boundary: bytes) -> Upload:
    form = _Form()
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for piece in request.stream():
            parser.write(piece)
        parser.finalize()
    except FormParserError as error:
        raise ProblemError(
            400, "bad_request", "The form cannot be read.", hint="Is its boundary right?"
        ) from error
    if not form.ended:
        raise ProblemError(
            400, "bad_request", "The form breaks off.", hint="Its last boundary is missing."
        )
    if form.name is None:
        raise ProblemError(
            422, "invalid_request", "The form holds no file.", hint='Send it as "file".'
        )
    return Upload(bytes(form.content), form.name or "upload")


@dataclass(slots=True)
class _Form:
    """Takes the one file of a form; of everything else it keeps nothing."""

    name: str | None = None
    content: bytearray = field(default_factory=bytearray)
    ended: bool = False
    _parts: int = 0
    _taking: bool = False
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)

    def callbacks(self) -> Any:
        """Return what the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_ended,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._all_ended,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise ProblemError(422, "invalid_request", "The form has too many parts.")

    def _header_ended(self) -> None:
        name, value = bytes(self._header).lower(), bytes(self._value)
        self._header.clear()
        self._value.clear()
        if name != b"content-disposition":
            return
        options: Mapping[bytes, bytes] = parse_options_header(value)[1]
        # Browsers send a field for files that was left empty with an empty name.
        if options.get(b"filename") or options.get(b"name") == b"file":
            if self.name is not None:
                raise ProblemError(
                    422,
                    "invalid_request",
                    "The form holds more than one file.",
                    hint="Send one at a time: each is an import of its own.",
                )
            self._taking = True
            self.name = options.get(b"filename", b"").decode("utf-8", "replace")[:255]

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._taking:
            return
        self.content += data[start:end]
        if len(self.content) > MOST_BYTES:
            raise document_too_large()

    def _end(self) -> None:
        self._taking = False

    def _all_ended(self) -> None:
        self.ended = True
