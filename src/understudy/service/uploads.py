"""Documents in requests: JSON bodies and files in multipart forms, read up to a bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from understudy.architect.limits import MOST_BYTES
from understudy.service.multipart import Parts, boundary_of
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
    told = parse_options_header(header)[0].decode("latin-1").lower()
    if boundary := boundary_of(header):
        return await _from_form(request, boundary)
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
    form = _OneFile()
    await form.read(request, boundary)
    if form.name is None:
        raise ProblemError(
            422, "invalid_request", "The form holds no file.", hint='Send it as "file".'
        )
    return Upload(bytes(form.content), form.name or "upload")


class _OneFile(Parts):
    """Takes the one file of a form; of everything else it keeps nothing."""

    def __init__(self) -> None:
        super().__init__(_MOST_PARTS)
        self.name: str | None = None
        self.content = bytearray()
        self._taking = False

    def begin(self) -> None:
        """Wait for what it says of itself."""

    def named(self, options: Mapping[bytes, bytes]) -> None:
        """Take it if it is the file."""
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

    def take(self, data: bytes) -> None:
        """Keep a piece of the file."""
        if not self._taking:
            return
        self.content += data
        if len(self.content) > MOST_BYTES:
            raise document_too_large()

    def end(self) -> None:
        """Keep no more of it."""
        self._taking = False
