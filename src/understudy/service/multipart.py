"""Multipart forms, taken apart while they arrive; what becomes of parts is for others to say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from understudy.service.problems import ProblemError


def boundary_of(header: str) -> bytes:
    """Return the boundary that the content type of a form names, empty for what is no form."""
    kind, options = parse_options_header(header)
    return options.get(b"boundary", b"") if kind.lower() == b"multipart/form-data" else b""


class Parts(ABC):
    """Takes the parts of one form, at most so many. Everything may raise ProblemError."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._ended = False
        self._header = bytearray()
        self._value = bytearray()

    @abstractmethod
    def begin(self) -> None:
        """Take note of a new part."""

    @abstractmethod
    def named(self, options: Mapping[bytes, bytes]) -> None:
        """Take what a part says of itself: `name`, and `filename` for a file."""

    @abstractmethod
    def take(self, data: bytes) -> None:
        """Take a piece of a part."""

    @abstractmethod
    def end(self) -> None:
        """Take note of a part's end."""

    @property
    def count(self) -> int:
        """The number of the present part, from 1."""
        return self._count

    async def read(self, request: Request, boundary: bytes) -> None:
        """Read a request's form to its end."""
        try:
            parser = MultipartParser(boundary, self._callbacks())
            async for piece in request.stream():
                parser.write(piece)
            parser.finalize()
        except FormParserError as error:
            raise ProblemError(
                400, "bad_request", "The form cannot be read.", hint="Is its boundary right?"
            ) from error
        if not self._ended:
            raise ProblemError(
                400, "bad_request", "The form breaks off.", hint="Its last boundary is missing."
            )

    def _callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_ended,
            "on_part_data": lambda data, start, end: self.take(data[start:end]),
            "on_part_end": self.end,
            "on_end": self._all_ended,
        }

    def _begin(self) -> None:
        self._count += 1
        if self._count > self._most:
            raise ProblemError(422, "invalid_request", "The form has too many parts.")
        self.begin()

    def _header_ended(self) -> None:
        name, value = bytes(self._header).lower(), bytes(self._value)
        self._header.clear()
        self._value.clear()
        if name == b"content-disposition":
            self.named(parse_options_header(value)[1])

    def _all_ended(self) -> None:
        self._ended = True
