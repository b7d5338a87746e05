"""Forms with files in them, written to disk while they arrive."""

import math
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from aiohttp import web
from aiohttp.streams import StreamReader

from understudy.sandbox.disk import Content, Folder
from understudy.sandbox.wire import ApiError

MAX_TEXT = 64 * 1024
_KIND = "multipart/form-data"
# A parameter of a header, and what stands in quotes in it, escaped with backslashes.
_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;\s]*))', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
# Browsers write quotes and control characters like this, and nothing else.
_FORM_ESCAPED = re.compile(r"%(?:22|0[0-9A-F]|1[0-9A-F])")


@dataclass(frozen=True, slots=True)
class Received:
    """A file that came with a form."""

    name: str
    content: Content


@dataclass(slots=True)
class Form:
    """What came in. `moved` counts the bytes of the file, whether or not they were kept.

    `left` means that the client broke off.
    """

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Received] = field(default_factory=dict)
    moved: int = 0
    problem: ApiError | None = None
    left: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """Which field of a form is a file, of how many bytes, and where it goes: nowhere for None.

    Reading stops after `enough` bytes of it.
    """

    file_field: str
    limit: int
    folder: Folder | None
    enough: float = math.inf


def is_form(headers: Mapping[str, str]) -> bool:
    """Tell whether the request brings a form."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower() == _KIND


async def receive(request: web.BaseRequest, order: Order) -> Form:
    """Read a form; what is wrong with it is its problem.

    A form that is wrong is read to its end, so that the client can hear about it.
    """
    form = Form()
    try:
        await _fill(form, request, order)
    except OSError:
        form.left = True
        form.files.clear()
    except ValueError as error:
        form.files.clear()
        message = f"We could not parse the multipart form of your request: {error}."
        form.problem = form.problem or ApiError(400, message)
        while await request.content.readany():
            pass
    return form


async def _fill(form: Form, request: web.BaseRequest, order: Order) -> None:
    reader = _Reader(request.headers.get("Content-Type", ""), request.content)
    while (disposition := await reader.next_part()) is not None:
        name = disposition.get("name", "")
        if name == order.file_field or "filename" in disposition:
            await _take_file(reader, disposition, order, form)
        else:
            form.fields[name] = await _take_text(reader)
        if form.moved >= order.enough:
            return


async def _take_file(
    reader: "_Reader", disposition: Mapping[str, str], order: Order, form: Form
) -> None:
    name = disposition.get("name", "")
    draft = order.folder.new() if order.folder and name == order.file_field else None
    size = 0
    try:
        async for data in reader.body():
            size += len(data)
            form.moved += len(data)
            if size > order.limit:
                draft = None
            if draft is not None:
                draft.write(data)
            if form.moved >= order.enough:
                return
        if draft is not None:
            form.files[name] = Received(disposition.get("filename") or name, draft.done())
    finally:
        draft = None  # whoever keeps the exception must not keep the file
    if size > order.limit:
        message = f"Maximum content size limit ({order.limit}) exceeded ({size} bytes read)"
        form.problem = form.problem or ApiError(413, message)


async def _take_text(reader: "_Reader") -> str:
    text = b""
    async for data in reader.body():
        text += data
        if len(text) > MAX_TEXT:
            raise ValueError(f"a field is longer than {MAX_TEXT} bytes")
    return text.decode("utf-8")  # a UnicodeDecodeError is a ValueError


class _Reader:
    """Takes a form apart. What is not as it should be raises `ValueError`."""

    def __init__(self, content_type: str, source: StreamReader) -> None:
        boundary = _parameters(content_type).get("boundary", "")
        if not boundary:
            raise ValueError("its content type names no boundary")
        self._source = source
        self._delimiter = b"\r\n--" + boundary.encode()
        self._buffer = b"\r\n"  # so that a boundary at the very start is found as well
        self._begun = False

    async def next_part(self) -> dict[str, str] | None:
        """Return what Content-Disposition says of the next part, None after the last."""
        if not self._begun:
            async for _ in self.body():
                pass
            self._begun = True
        while len(self._buffer) < 2:
            await self._more()
        if self._buffer.startswith(b"--"):
            while await self._source.readany():
                pass
            return None
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_TEXT:
                raise ValueError("the headers of a part are too long")
            await self._more()
        headers = self._buffer[:end].decode("utf-8")
        self._buffer = self._buffer[end + 4 :]
        for line in headers.split("\r\n"):
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-disposition":
                return _parameters(value)
        raise ValueError("a part has no Content-Disposition")

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the part, as they come."""
        hold = len(self._delimiter) - 1
        while (end := self._buffer.find(self._delimiter)) < 0:
            if len(self._buffer) > hold:
                yield self._buffer[:-hold]
                self._buffer = self._buffer[-hold:]
            await self._more()
        if end:
            yield self._buffer[:end]
        self._buffer = self._buffer[end + len(self._delimiter) :]

    async def _more(self) -> None:
        data = await self._source.readany()
        if not data:
            raise ValueError("it ends too early")
        self._buffer += data


def _parameters(header: str) -> dict[str, str]:
    """Return the parameters of a header; file names as browsers and RFC 5987 write them."""
    found = {}
    for name, quoted, plain in _PARAMETER.findall(header):
        value = _ESCAPED.sub(r"\1", quoted) if quoted else plain
        if name == "filename*":
            found["filename"] = unquote(value.split("'", 2)[-1])
        elif name == "boundary":
            found[name] = value
        else:
            found[name] = _FORM_ESCAPED.sub(lambda match: unquote(match[0]), value)
    return found
