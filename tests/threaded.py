"""Servers that tests talk to from their own thread: on loopback, with an event loop elsewhere."""

from __future__ import annotations

import asyncio
from ssl import SSLContext
from threading import Thread
from typing import Self

from aiohttp import web


class Threaded:
    """A server as a plain context manager; one that derives from it says what it runs."""

    tls: SSLContext | None = None
    port: int

    def runner(self) -> web.BaseRunner:
        """Return what answers; called once, in the server's own loop."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._runner = self.runner()
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.tls).start()
        self.port = int(self._runner.addresses[0][1])
