"""Responses over the OpenAI wire, event by event as they come; and conversations."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from understudy.errors import LostAnswerError, MissingError
from understudy.platforms.openai_wire import WireClient, read_whole

#: Seconds without a byte: models think.
PATIENCE = 600.0

_PATH = "/responses"
_MOST_BYTES = 1 << 26  # of one event; the last one holds the whole answer
_REFUSAL_BYTES = 1 << 20

#: A 404 that is about something which the request names, not about the endpoint.
_NAMED = re.compile(r"\bid\b|No such|'[\w-]+' not found", re.IGNORECASE)


class ResponsesClient(WireClient):
    """Sends one request per call."""

    async def stream_response(
        self, arguments: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the events of a new response; must not be repeated by itself.

        Raises PlaceError; LostAnswerError when the connection breaks before the last event. That
        one has arrived is for the caller to see.
        """
        import aiohttp

        what, parser = f"POST {_PATH}", EventParser()
        try:
            async with self._connect().request(
                "POST",
                self.wire.base_url + _PATH,
                params=self.wire.query,
                data=json.dumps({**arguments, "stream": True}).encode(),
                headers={"Accept": "text/event-stream"},
                allow_redirects=False,
                timeout=self._timeout(None),
            ) as reply:
                if reply.status >= 300:
                    content = await reply.content.read(_REFUSAL_BYTES)
                    self._turned_down(reply.status, reply.headers, content, what)
                if reply.content_type == "application/json":  # a server that knows no streams
                    yield _at_once(self._parse(await read_whole(reply), what))
                    return
                async for chunk in reply.content.iter_any():
                    for event in parser.feed(chunk):
                        yield event
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            self._broken(error, what)

    async def create_conversation(self) -> str:
        """Create a conversation and return its id."""
        reply = await self.request("POST", "/conversations", body={}, collection=True)
        if not isinstance(found := reply.get("id"), str):
            raise self.malformed("a conversation without an id")
        return found

    def _turned_down(self, status: int, headers: Any, content: bytes, what: str) -> None:
        """Raise what a refusal means; a 404 that names nothing is about the endpoint itself."""
        try:
            self._refused(status, headers, content, what, collection=False)
        except MissingError as error:
            if error.code or error.param or _NAMED.search(error.message.partition(": ")[2]):
                raise
            self._refused(status, headers, content, what, collection=True)


class EventParser:
    """Server-sent events out of bytes, however they are cut; a byte is looked at once."""

    def __init__(self) -> None:
        self._rest = bytearray()  # of a line that has no end yet
        self._data = bytearray()  # of an event that has no end yet: each line behind a line break

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Yield the events that are complete now; raises LostAnswerError for what is none."""
        head, *tail = chunk.split(b"\n")
        self._rest += head
        lines: list[bytes] = []
        if tail:
            lines = [bytes(self._rest), *tail[:-1]]
            self._rest = bytearray(tail[-1])
        if len(self._rest) + len(self._data) > _MOST_BYTES:
            raise LostAnswerError("The answer is no stream of events: one of them has no end.")
        for line in lines:
            text = line.rstrip(b"\r")
            if text.startswith(b"data:"):
                self._data += b"\n" + text[5:].removeprefix(b" ")
            elif not text:
                data, self._data = bytes(self._data[1:]), bytearray()
                if data and data != b"[DONE]":
                    yield _event(data)


def _event(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise LostAnswerError("The answer broke off: an event in it is not JSON.") from error
    if not isinstance(value, dict):
        raise LostAnswerError("The answer broke off: an event in it is no object.")
    return value


def _at_once(response: dict[str, Any]) -> dict[str, Any]:
    """Return a whole response as the event that would have been its last one."""
    status = response.get("status")
    return {"type": f"response.{status or 'completed'}", "response": response}
