"""Ears: they hear soon that other processes have committed something, and call `heard`.

What is heard is a hint, never the news itself: whoever hears it looks at the database, and looks
now and then without having heard anything. A hint that is lost costs a moment, one too many a look.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import aclosing, closing
from pathlib import Path
from secrets import token_hex
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Protocol

from understudy.runs.database import Database
from understudy.runs.notices import ANY, CHANNEL, news
from understudy.store.failures import failure
from understudy.store.opening import options

if TYPE_CHECKING:
    from psycopg import AsyncConnection

log = logging.getLogger("understudy.runs")

_TICK = 0.008  # seconds between two looks whether a file has changed
_PATIENCE = 1.0  # seconds for a file that is locked for a moment
_ANSWER = 5.0  # seconds in which a notice of our own comes back
_TRUST = 30.0  # seconds until the next one: a connection may die in silence
_AGAIN = 0.5  # seconds before an ear that failed is tried again; doubled each time
_AGAIN_MOST = 60.0

#: Gets a run's id, or ANY. It is called in the loop.
Heard = Callable[[str], None]


class Ear(Protocol):
    """One for a loop. While it is not `sure`, things may happen that it does not hear of.

    It says ANY when it becomes sure, and when it ceases to be.
    """

    sure: bool

    def need(self, needed: bool, /) -> None:
        """Listen from now on, or rest if that saves anything."""

    async def aclose(self) -> None:
        """End what was begun, in whatever state."""


def ear(database: Database, heard: Heard) -> Ear:
    """Return what hears of other processes' commits; it begins when it is needed."""
    if database.address.path is not None:
        return FileEar(database.address.path, heard)
    return ServerEar(database, heard)


class FileEar:
    """Asks SQLite many times a second whether anybody has committed, in a thread."""

    def __init__(self, path: Path, heard: Heard) -> None:
        self.sure = False
        self._url = f"{path.absolute().as_uri()}?mode=rw"  # a file that is gone is not made anew
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._needed = Event()
        self._over = Event()
        self._thread: Thread | None = None

    def need(self, needed: bool, /) -> None:
        """Look, or rest."""
        if not needed:
            self._needed.clear()
            return
        self._needed.set()
        if self._thread is None:
            self._thread = Thread(target=self._listen, name="understudy-ear", daemon=True)
            self._thread.start()

    async def aclose(self) -> None:
        """End the thread."""
        self._over.set()
        self._needed.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _listen(self) -> None:
        pause = _AGAIN
        while not self._over.is_set():
            try:
                with closing(sqlite3.connect(self._url, uri=True, timeout=_PATIENCE)) as connection:
                    self._look(connection)
            except sqlite3.Error as error:  # those who read say so, too
                log.debug("No sign of other processes: %s", error)
                self._say(sure=False)
                self._over.wait(pause)
                pause = min(pause * 2, _AGAIN_MOST)

    def _look(self, connection: sqlite3.Connection) -> None:
        """Look until it is over; what was committed since the last look makes another number."""
        before: list[Any] = []
        while self._needed.wait() and not self._over.wait(_TICK):
            found = connection.execute("PRAGMA data_version").fetchall()
            if found != before:
                before = found
                self._say(sure=True)

    def _say(self, *, sure: bool) -> None:
        self.sure = sure
        if not self._over.is_set():
            self._loop.call_soon_threadsafe(self._heard, ANY)


class _DeafError(Exception):
    """Notices do not come."""


class ServerEar:
    """Listens to PostgreSQL's notifications, on a connection of its own."""

    def __init__(self, database: Database, heard: Heard) -> None:
        self.sure = False
        self._database = database
        self._heard = heard
        self._task: asyncio.Task[None] | None = None
        self._pause = _AGAIN

    def need(self, needed: bool, /) -> None:
        """Listen. A connection that only waits costs nothing, and is kept."""
        if needed and self._task is None:
            self._task = asyncio.create_task(self._listen())

    async def aclose(self) -> None:
        """End the connection."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self) -> None:
        """Listen for ever; what breaks is mended, and all is looked at quickly meanwhile."""
        while True:
            try:
                await self._connected()
            except Exception as error:  # runs are looked at all the same
                why = failure(str(error), self._database.address).message
                log.info("Notifications of runs are not heard: %s", why)
            if self.sure:
                self.sure = False
                self._heard(ANY)
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, _AGAIN_MOST)

    async def _connected(self) -> None:
        """Listen on a new connection until it breaks; raises what it breaks with."""
        from psycopg import AsyncConnection

        address = self._database.address
        _, arguments = address.url.get_dialect()().create_connect_args(address.url)
        arguments |= options(address)["connect_args"]
        connection = await AsyncConnection.connect(autocommit=True, **arguments)
        try:
            cursor = await connection.execute("SELECT pg_backend_pid()")
            if await cursor.fetchone() != (connection.info.backend_pid,):
                # A pooler gives the server's connections to others, and would leave them listening.
                raise _DeafError("it is reached through a pooler")
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            while True:
                await self._proven(connection)
                self.sure, self._pause = True, _AGAIN
                self._heard(ANY)  # what came before
                async with aclosing(connection.notifies(timeout=_TRUST)) as told:
                    async for one in told:
                        self._heard(one.payload)
        finally:
            await connection.close()

    async def _proven(self, connection: AsyncConnection[Any]) -> None:
        """Return once a notice comes that is sent on another connection; raises _DeafError."""
        token = token_hex(8)
        await asyncio.to_thread(self._send, token)
        async with aclosing(connection.notifies(timeout=_ANSWER)) as told:
            async for one in told:
                if one.payload == token:
                    return
        raise _DeafError("notifications do not come through")

    def _send(self, token: str) -> None:
        with self._database.writing() as connection:
            news(connection, (token,))
