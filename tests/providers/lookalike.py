"""Servers on loopback that answer as vendors do, piece by piece, from a script.

What a dialect looks like on the wire stands in `dialects.py`; nothing here knows the client.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True)
class Call:
    """A tool that the vendor runs in the middle of an answer, with what it gives."""

    tool: str


@dataclass(frozen=True)
class Function:
    """A call of the function by which JSON is asked for."""

    arguments: str


Piece = str | Call | Function


@dataclass
class Said:
    """An answer. `ending` is whole, length, filter or paused.

    `broken` says what comes in place of the ending: `cut` breaks the connection, `silence` ends
    the stream as if it were whole, `garbage` is no message, `trouble` is the vendor's own error.
    `held` is waited for after the first piece. With `endless` the last piece is repeated for ever,
    with `quiet` nothing comes after it.
    """

    pieces: tuple[Piece, ...] = ("Good ", "morning.")
    ending: str = "whole"
    broken: str = ""
    endless: bool = False
    quiet: bool = False
    held: asyncio.Event | None = None


@dataclass(frozen=True)
class Refused:
    """A status in place of an answer."""

    status: int
    message: str = "The harbour is closed."
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dialect:
    """How a vendor's API looks: what is asked where, and the bytes of an answer.

    `steps` yields the opening, then the bytes of each piece, then the ending.
    """

    path: str
    content_type: str
    steps: Callable[[Said], Iterator[bytes]]
    refusal: Callable[[Refused], tuple[Any, Mapping[str, str]]]
    garbage: bytes
    trouble: bytes


@dataclass
class Asked:
    """A request as it came."""

    headers: Mapping[str, str]
    path: str
    body: dict[str, Any]


class Lookalike:
    """A running server.

    `script` has one answer for each request, or what chooses it; the last one is repeated.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.script: list[Said | Refused | Callable[[Asked], Said | Refused]] = [Said()]
        self.asked: list[Asked] = []
        self.gone = asyncio.Event()  # the client hung up before the end
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.asked.append(Asked(dict(request.headers), request.raw_path, body))
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        said = said(self.asked[-1]) if callable(said) else said
        if isinstance(said, Refused):
            told, headers = self.dialect.refusal(said)
            return web.json_response(told, status=said.status, headers={**headers, **said.headers})
        reply = web.StreamResponse(headers={"Content-Type": self.dialect.content_type})
        await reply.prepare(request)
        try:
            await self._speak(said, reply, request)
        except (ConnectionError, asyncio.CancelledError):
            self.gone.set()
            raise
        return reply

    async def _speak(self, said: Said, reply: web.StreamResponse, request: web.Request) -> None:
        *most, ending = self.dialect.steps(said)
        for number, step in enumerate(most):
            if number == 2 and said.held is not None:
                await said.held.wait()
            await reply.write(step)
        while said.endless:
            await reply.write(most[-1])
            await asyncio.sleep(0)
        if said.quiet:
            await asyncio.Event().wait()
        if said.broken == "cut":
            assert request.transport is not None
            request.transport.abort()
        broken = {"garbage": self.dialect.garbage, "trouble": self.dialect.trouble}
        if said.broken in broken:
            await reply.write(broken[said.broken])
        elif not said.broken:
            await reply.write(ending)


@asynccontextmanager
async def running(dialect: Dialect) -> AsyncIterator[Lookalike]:
    """Run a server, which notices when a client hangs up."""
    made = Lookalike(dialect)
    app = web.Application()
    app.router.add_post("/{path:.*}", made.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=1)
    made.url = str(server.make_url("/")).rstrip("/")
    try:
        yield made
    finally:
        await server.close()
