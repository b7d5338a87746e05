"""Connections that take their time, take too much, or say what is not HTTP: each has its bounds."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy.service.front import HEADERS
from understudy.service.problems import ProblemError, plain, render
from understudy.service.replies import Header

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Protocol
else:  # whichever is installed
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Protocol

#: Seconds that a connection is kept on which nothing was ever asked.
SILENT = 75.0
#: Seconds from the first byte of a request to the end of its headers.
HEAD = 15.0
#: Bytes of them that are read, give or take what came at once.
MOST_HEAD = 1 << 16
#: Seconds in which something of an answer has to be read; systems tell of megabytes at a time.
STALLED = 60.0

_REASONS = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}


#: Where Linux says in a TCP_INFO how many bytes the other side has taken, and how long that is.
_ACKED = struct.Struct("@120xQ")


@dataclass(frozen=True, slots=True)
class Sent:
    """How an answer stands: bytes that are `left` to be sent, and that were `read`.

    `read` is None where the system does not tell.
    """

    left: int
    read: int | None


class Connection(Protocol):
    """A connection whose owner can make nobody wait for ever, and fill no memory."""

    _heard = 0  # bytes since the last request began that are none of its body
    _reading = False  # the latest request, whose headers were read, and whose end was not
    _deadline: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(SILENT, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        for timer in (self._deadline, self._writing):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless headers have no end."""
        before = self.cycle
        body = not self._answered() and before.more_body
        super().data_received(data)
        if self.cycle is not before:  # a request has begun
            self._heard = 0
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
            return
        if body:  # no more of it is read than is asked for
            return
        if not self._heard:
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = self.loop.call_later(HEAD, self._late)
        self._heard += len(data)
        if self._heard > MOST_HEAD and not self.transport.is_closing():
            most = f"A request's headers have at most {MOST_HEAD:,} bytes."
            self._refuse(ProblemError(431, "headers_too_large", most))

    def on_headers_complete(self) -> None:
        """Begin to ask, before it is known whether the rest can be read."""
        super().on_headers_complete()
        self._reading = True

    def on_message_complete(self) -> None:
        """Take note that a request was read to its end."""
        super().on_message_complete()
        self._reading = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours are other words
        """Refuse what is not HTTP in the shape that all errors have."""
        self._refuse(plain(400))

    def pause_writing(self) -> None:
        """Watch whether what was written is being read."""
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Watch no more: it was."""
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()

    def sent(self) -> Sent:
        """Return how what was written stands: the same twice, if nothing was read in between."""
        return Sent(self.transport.get_write_buffer_size(), _read(self.transport))

    def _answered(self) -> bool:
        """Tell whether there is no request that still waits for its answer."""
        cycle: Any = self.cycle  # None before the first one
        return cycle is None or bool(cycle.response_complete)

    def _late(self) -> None:
        if self._answered():
            self.transport.close()
        else:
            self._deadline = self.loop.call_later(HEAD, self._late)

    def _watch(self, left: int) -> None:
        self._writing = self.loop.call_later(STALLED, self._look, left)

    def _look(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left < before:
            self._watch(left)
        else:
            self.transport.abort()

    def _refuse(self, problem: ProblemError) -> None:
        """Answer, and end the connection; where another answer is due or has begun, end it."""
        if self._unanswered() if self._reading else self._answered():
            if self._reading:
                self.cycle.disconnected = True  # whoever was asked already writes nothing more
            self.transport.write(_spelt(problem, self.server_state.default_headers))
        self.transport.close()

    def _unanswered(self) -> bool:
        """Tell whether the request that is read has no answer, and is the next to get one."""
        queued: Any = self.pipeline  # behind others
        return not queued and not self.cycle.response_started


def _read(transport: asyncio.Transport) -> int | None:
    """Return how many bytes the other side has taken.

    The buffer of a transport alone tells of megabytes at a time: the system's is behind it.
    """
    if sys.platform != "linux":
        return None
    try:
        told = transport.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED.size
        )
    except OSError:
        return None
    return int(_ACKED.unpack(told)[0]) if len(told) == _ACKED.size else None


def _spelt(problem: ProblemError, defaults: list[Header]) -> bytes:
    request_id = secrets.token_hex(8)
    reply = render(problem, request_id)
    body = b"".join(reply.parts)
    more: list[Header] = [
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    headers = [*defaults, *reply.headers, *HEADERS, *more]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    status = b"HTTP/1.1 %d %s\r\n" % (problem.status, _REASONS[problem.status])
    return status + lines + b"\r\n" + body
