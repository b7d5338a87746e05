"""Events of runs as server-sent events (WHATWG HTML, 9.2).

Each event is spelt out once, however many listen.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from understudy.architect.definition import Definition
from understudy.errors import UnderstudyError
from understudy.ops.running import Runs, definition_in
from understudy.report.architect_run import event_fields
from understudy.runs.records import ENDINGS, Kept, RunInfo
from understudy.service.front import Draining

log = logging.getLogger("understudy.service")

_FRAMES = 512  # of one run that are held while somebody listens
_LARGE = 16_384  # bytes of a frame that is not held
_TICK = 1.0  # seconds between two looks whether the service ends
_SILENCE = 15.0  # seconds after which a line is sent that says nothing, for proxies

_HEAD = b"retry: 1000\n\n"
_NOTHING = b": \n\n"


class _Heard:
    """A run that somebody listens to: its assistant, and its latest frames."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.listeners = 0
        self.making: dict[int, asyncio.Task[bytes]] = {}
        self._frames: OrderedDict[int, bytes] = OrderedDict()

    def find(self, number: int) -> bytes | None:
        """Return a frame that is held."""
        return self._frames.get(number)

    def hold(self, number: int, frame: bytes) -> None:
        """Hold a frame for others."""
        self._frames[number] = frame
        if len(self._frames) > _FRAMES:
            self._frames.popitem(last=False)


class Streams:
    """Makes frames of events; nothing is held of a run to which nobody listens."""

    def __init__(self, draining: Draining) -> None:
        self._draining = draining
        self._heard: dict[str, _Heard] = {}

    def response(self, runs: Runs, info: RunInfo, after: int) -> EventStream:
        """Return the answer that streams a run's events after a number, to its end."""
        return EventStream(self._told(runs, info, after), lambda: self._draining.now, info.id)

    async def _told(self, runs: Runs, info: RunInfo, after: int) -> AsyncGenerator[bytes, None]:
        if info.id not in self._heard:
            self._heard[info.id] = _Heard(definition_in(info))
        heard = self._heard[info.id]
        heard.listeners += 1
        try:
            async with aclosing(runs.raw(info.id, after)) as events:
                async for kept in events:
                    held = heard.find(kept[0])
                    yield held or await self._made_once(runs, heard, info.id, kept)
        finally:
            heard.listeners -= 1
            if heard.listeners == 0 and self._heard.get(info.id) is heard:
                del self._heard[info.id]

    async def _made_once(self, runs: Runs, heard: _Heard, run: str, kept: Kept) -> bytes:
        """Make a frame and hold it; who wants the last one meanwhile waits for the same.

        It is made of all answers, which are read for it.
        """
        number = kept[0]
        if kept[1] not in ENDINGS:
            return await self._made(runs, heard, run, kept)
        if number not in heard.making:
            making = asyncio.create_task(self._made(runs, heard, run, kept))
            making.add_done_callback(lambda _: heard.making.pop(number))
            heard.making[number] = making
        return await asyncio.shield(heard.making[number])  # others may wait for it, too

    async def _made(self, runs: Runs, heard: _Heard, run: str, kept: Kept) -> bytes:
        one = await runs.told(run, kept)
        kind, fields = event_fields(one.event, heard.definition, runs.player.cost)
        made = frame(kind, {"run": run, "number": one.number, **fields})
        if len(made) <= _LARGE or kind in ENDINGS:
            heard.hold(one.number, made)
        return made


def frame(kind: str, fields: dict[str, Any]) -> bytes:
    """Return one event; its number is its id."""
    data = json.dumps(fields, separators=(",", ":"))  # ASCII: no line ends within
    return f"id: {fields['number']}\nevent: {kind}\ndata: {data}\n\n".encode()


class EventStream(Response):
    """An answer that ends with its events, with the service, or when nobody listens any more."""

    def __init__(
        self, frames: AsyncGenerator[bytes, None], ending: Callable[[], bool], run: str
    ) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no", "x-run-id": run}
        super().__init__(None, 200, headers, media_type="text/event-stream")
        del self.headers["content-length"]
        self._stream = frames
        self._ending = ending

    async def _next(self) -> bytes:
        """Return the next event, nothing after the last."""
        return await anext(self._stream, b"")

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything that there is, and what comes."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        gone = asyncio.create_task(_disconnected(receive))
        tasks: set[asyncio.Task[Any]] = {gone}
        try:
            if await self._sent(send, _HEAD, tasks, gone) and await self._stream_on(
                send, tasks, gone
            ):
                await send({"type": "http.response.body", "body": b""})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stream.aclose()

    async def _stream_on(
        self, send: Send, tasks: set[asyncio.Task[Any]], gone: asyncio.Task[None]
    ) -> bool:
        """Send event by event; tell whether somebody is there who wants to know of the end."""
        silent = 0.0
        following: asyncio.Task[bytes] | None = None
        while not self._ending():
            if following is None:
                following = asyncio.create_task(self._next())
                tasks.add(following)
            done, _ = await asyncio.wait(
                {following, gone}, timeout=_TICK, return_when=asyncio.FIRST_COMPLETED
            )
            if gone in done:
                return False
            silent = 0.0 if done else silent + _TICK
            body = b""
            if following in done:
                tasks.discard(following)
                body, following = _frame_of(following), None
                if not body:
                    return True
            elif silent >= _SILENCE:
                body, silent = _NOTHING, 0.0
            if body and not await self._sent(send, body, tasks, gone):
                return False
        return True

    async def _sent(
        self, send: Send, body: bytes, tasks: set[asyncio.Task[Any]], gone: asyncio.Task[None]
    ) -> bool:
        """Send a piece; tell whether it was read, before the listener left or the service ends."""
        message = {"type": "http.response.body", "body": body, "more_body": True}
        sending: asyncio.Task[None] = asyncio.ensure_future(send(message))
        tasks.add(sending)
        while not sending.done():
            await asyncio.wait({sending, gone}, timeout=_TICK, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done() and (gone.done() or self._ending()):
                return False
        tasks.discard(sending)
        sending.result()
        return True


def _frame_of(following: asyncio.Task[bytes]) -> bytes:
    """Return what came, nothing for the end; who listens comes back after what failed."""
    try:
        return following.result()
    except UnderstudyError as error:
        log.warning("A stream of a run broke off: %s", error.message)
        return b""


async def _disconnected(receive: Receive) -> None:
    """Wait until the listener is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
