"""Listens to runs over many raw sockets, and notes what came when: as little as can be done.

listeners PORT RUN...: a listener for each run named; prints `{}` once all of them are answered.
When all runs have ended, the next line says for each listener which events came, and when.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import cast

from serving_runs import asking

_NUMBER = re.compile(rb"\nid: (\d+)\n")
_LONGEST = 120.0  # seconds


class Listener(asyncio.Protocol):
    """One listener; what came is looked at when all is over."""

    def __init__(self, run: str) -> None:
        loop = asyncio.get_running_loop()
        self.run = run
        self.answered = loop.create_future()
        self.ended = loop.create_future()
        self._came: list[tuple[float, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast(asyncio.Transport, transport).write(asking(self.run))

    def data_received(self, data: bytes) -> None:
        """Note the time; the last chunk of an answer is empty."""
        self._came.append((time.time(), data))
        if not self.answered.done():
            assert data.startswith(b"HTTP/1.1 200")
            self.answered.set_result(None)
        if data.endswith(b"0\r\n\r\n") and not self.ended.done():
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail, unless all is over."""
        for one in (self.answered, self.ended):
            if not one.done():
                one.set_exception(exc or ConnectionError("the service hung up"))

    def events(self) -> list[tuple[float, int]]:
        """Return when each event was whole, and its number."""
        found, text = [], b""
        for at, data in self._came:
            text += data
            whole = text.rfind(b"\n\n") + 1
            found += [(at, int(number)) for number in _NUMBER.findall(text[:whole])]
            text = text[whole:]
        return found


async def main() -> None:
    port, *runs = sys.argv[1:]
    loop = asyncio.get_running_loop()
    listeners = [Listener(run) for run in runs]
    for one in listeners:
        await loop.create_connection(lambda one=one: one, "127.0.0.1", int(port))  # type: ignore[misc]
    await asyncio.gather(*[one.answered for one in listeners])
    print("{}", flush=True)
    async with asyncio.timeout(_LONGEST):
        await asyncio.gather(*[one.ended for one in listeners])
    print(json.dumps([[one.run, one.events()] for one in listeners]))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
