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
from understudy.runs.records import Kept, RunInfo
from understudy.service.front import Draining

log = logging.getLogger("understudy.service")

_FRAMES = 4096  # that are held
_LARGE = 16_384  # bytes of a frame that is not held
_DEFINITIONS = 256
_TICK = 1.0  # seconds between two looks whether the service ends
_SILENCE = 15.0  # seconds after which a line is sent that says nothing, for proxies

_HEAD = b"retry: 1000\n\n"
_NOTHING = b": \n\n"


class Streams:
    """Makes frames of events."""

    def __init__(self, draining: Draining) -> None:
        self._draining = draining
        self._frames: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._definitions: OrderedDict[str, Definition] = OrderedDict()

    def response(self, runs: Runs, info: RunInfo, after: int) -> EventStream:
        """Return the answer that streams a run's events after a number, to its end."""
        return EventStream(self._told(runs, info, after), lambda: self._draining.now, info.id)

    async def _told(self, runs: Runs, info: RunInfo, after: int) -> AsyncGenerator[bytes, None]:
        if info.id not in self._definitions:
            self._definitions[info.id] = definition_in(info)
            if len(self._definitions) > _DEFINITIONS:
                self._definitions.popitem(last=False)
        definition = self._definitions[info.id]
        async with aclosing(runs.raw(info.id, after)) as events:
            async for kept in events:
                key = (info.id, kept[0])
                if key not in self._frames:
                    frame = await self._made(runs, definition, info.id, kept)
                    if len(frame) > _LARGE:
                        yield frame
                        continue
                    self._frames[key] = frame
                    if len(self._frames) > _FRAMES:
                        self._frames.popitem(last=False)
                yield self._frames.get(key) or await self._made(runs, definition, info.id, kept)

    async def _made(self, runs: Runs, definition: Definition, run: str, kept: Kept) -> bytes:
        one = await runs.told(run, kept)
        kind, fields = event_fields(one.event, definition, runs.player.cost)
        return frame(kind, {"run": run, "number": one.number, **fields})


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
        await send({"type": "http.response.body", "body": _HEAD, "more_body": True})
        gone = asyncio.create_task(_disconnected(receive))
        following: asyncio.Task[bytes] | None = None
        silent = 0.0
        try:
            while not self._ending():
                following = following or asyncio.create_task(self._next())
                waiting: set[asyncio.Task[Any]] = {following, gone}
                done, _ = await asyncio.wait(
                    waiting, timeout=_TICK, return_when=asyncio.FIRST_COMPLETED
                )
                if gone in done:
                    break
                silent = 0.0 if done else silent + _TICK
                body = b""
                if following in done:
                    try:
                        body = following.result()
                    except UnderstudyError as error:  # the listener comes back, and learns more
                        log.warning("A stream of a run broke off: %s", error)
                    if not body:
                        break
                    following = None
                elif silent >= _SILENCE:
                    body, silent = _NOTHING, 0.0
                if body:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        finally:
            tasks: list[asyncio.Task[Any]] = [gone] if following is None else [gone, following]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stream.aclose()
        await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    """Wait until the listener is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
