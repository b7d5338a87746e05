"""Bytes over the OpenAI wire, both ways in pieces: a file never lies in memory as a whole.

Imported when the first file is moved, since it needs all of aiohttp.
"""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aiohttp.payload import Payload

from understudy.errors import LostAnswerError
from understudy.model.naming import wire_name
from understudy.platforms.knowledge import Content, Sink, read

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

    from understudy.platforms.openai_wire import WireClient

#: What a name may not hold raw inside quotes, as browsers write it (RFC 7578, section 2; HTML).

_UNKNOWN_TYPE = "application/octet-stream"


async def receive(
    client: WireClient, path: str, sink: Sink, *, size: int | None, most: int
) -> None:
    """Write the body of a reply into a sink that was restarted.

    Raises LostAnswerError when it ends early, is not `size` bytes, or is more than `most`.
    """
    bound = most if size is None else size
    place = client.wire.place
    async with client.stream(path, bytes_expected=bound) as reply:
        # Compressed on the way, although we ask for it as it is: then the length says nothing.
        told = None if "Content-Encoding" in reply.headers else reply.content_length
        if told is not None and (told > bound or (size is not None and told != size)):
            raise _unlike(place, path, f"{told:,} bytes", size, most)
        sink.restart()
        got = 0
        async for chunk in reply.content.iter_any():
            got += len(chunk)
            if got > bound:
                raise _unlike(place, path, f"more than {bound:,} bytes", size, most)
            await sink.room()
            sink.write(chunk)
    if size is not None and got != size:
        raise _unlike(place, path, f"{got:,} bytes", size, most)


def _unlike(place: str, path: str, came: str, size: int | None, most: int) -> LostAnswerError:
    wanted = f"at most {most:,}" if size is None else f"{size:,}"
    return LostAnswerError(f"{place}: GET {path} brought {came} and not {wanted}.")


class Form(Payload):
    """A multipart form with one file, read piece by piece while it is sent.

    Its length is known beforehand, so it is never sent in chunks. `failure` is what went wrong
    while reading the content, None if nothing did. To be sent once.
    """

    _autoclose = True  # it holds nothing open

    def __init__(
        self,
        field: str,
        name: str,
        content: Content,
        *,
        start: int = 0,
        length: int | None = None,
        fields: Mapping[str, str] | None = None,
        stall: float = 60.0,
    ) -> None:
        boundary = f"understudy-{secrets.token_hex(16)}"
        super().__init__(None, content_type=f"multipart/form-data; boundary={boundary}")
        self.failure: Exception | None = None
        self._name = name
        self._content = content
        self._start = start
        self._length = content.size - start if length is None else length
        self._stall = stall
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in (fields or {}).items()
        ]
        parts.append(
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{field}"; filename="{wire_name(name)}"\r\n'
            f"Content-Type: {media_type(name)}\r\n\r\n"
        )
        self._head = _encoded("".join(parts))
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._size = len(self._head) + self._length + len(self._tail)

    @property
    def length(self) -> int:
        """How many bytes are sent altogether."""
        return len(self._head) + self._length + len(self._tail)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse to be put into memory as a whole."""
        raise TypeError(f"{type(self).__name__} is only ever sent ({encoding}, {errors}).")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send head, content and tail; a server that takes nothing for too long is given up."""
        await writer.write(self._head)
        async for piece in self._pieces():
            async with asyncio.timeout(self._stall):
                await writer.write(piece)
        await writer.write(self._tail)

    async def _pieces(self) -> AsyncIterator[bytes]:
        """Yield the content; what goes wrong while reading it is kept, aiohttp would wrap it."""
        try:
            async for piece in read(
                self._content, self._name, start=self._start, length=self._length
            ):
                yield piece
        except Exception as error:
            self.failure = error
            raise


def _encoded(text: str) -> bytes:
    """Return the text as UTF-8, with U+FFFD for lone surrogates, which it cannot hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def media_type(name: str) -> str:
    """Return the media type that a file's name suggests."""
    # The ending alone: the whole name might look like a URL.
    kind, encoding = mimetypes.guess_type(f"x{PurePosixPath(name).suffix}")
    return _UNKNOWN_TYPE if kind is None or encoding else kind
