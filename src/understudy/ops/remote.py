"""The registry of a service elsewhere: for programs with an event loop, and for all others."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from datetime import datetime
from pathlib import Path
from ssl import SSLContext
from typing import Any, Self, TypeVar

from pydantic import SecretStr

from understudy.errors import UsageError
from understudy.ops.remote_copy import CLOSED, SETTLED, RemoteCopy, SyncResult
from understudy.registry.entries import Entry

T = TypeVar("T")

_HINT = "get_assistant_names() returns all."


class _Client:
    """What both clients are: a copy, and what can be said of it."""

    def __init__(
        self,
        url: str,
        *,
        key: str | SecretStr | None = None,
        cache: str | Path | None = None,
        timeout: float = 5.0,
        fresh_for: float = 30.0,
        allow_http: bool = False,
        tls: SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._copy = RemoteCopy(
            url,
            key=key,
            cache=cache,
            timeout=timeout,
            fresh_for=fresh_for,
            allow_http=allow_http,
            tls=tls,
            clock=clock,
        )
        self._begin()

    def _begin(self) -> None:
        """Prepare what a client has beside its copy."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._copy!r})"

    @property
    def stale_since(self) -> datetime | None:
        """When the copy was last known to be right, in UTC; None while all is well."""
        return self._copy.stale_since

    @property
    def problem(self) -> str:
        """Why the copy cannot be renewed, empty while all is well."""
        return self._copy.problem


class AsyncRegistryClient(_Client):
    """Looks up assistants in the registry that a service holds; for the tasks of one event loop.

    Look-ups are answered from a copy, which is asked about at most every `fresh_for` seconds. While
    the service fails, for whatever reason, the last good copy is used: `problem` says why,
    `stale_since` since when, and a line is logged. `key` is that of the environment or `.env`
    unless given, `UNDERSTUDY_API_KEY`; `cache` is a file that keeps the copy across restarts;
    `timeout`, in seconds, is how long a look-up waits where there is a copy. Plain http goes to
    this machine only, unless `allow_http`. Raises UsageError for an address or a key that is none.
    """

    async def get_assistant_names(self) -> list[str]:
        """Return the keys of all assistants, in order. Raises PlaceError where there is no copy."""
        return (await self._copy.current()).names()

    async def get_assistant(self, name: str) -> Entry:
        """Return an assistant's entry, by its key, id, exact name or any spelling of the key.

        A key with the scope `read` alone gets id and name. Raises SelectionError naming what is
        near, PlaceError where there is no copy.
        """
        return await _looked_up(self._copy, name)

    async def sync_assistants(self, *, allow_removal: bool = False) -> SyncResult:
        """Let the service sync, and return what came of it; the copy is then up to date.

        Raises BusySyncError, RefusedSyncError, DeniedSyncError, LimitedError, PlaceError.
        """
        return await self._copy.sync(allow_removal=allow_removal)

    async def refresh(self) -> None:
        """Ask the service now. Raises PlaceError, a refused key's too; the copy is kept."""
        await self._copy.refresh()

    async def status(self) -> dict[str, Any]:
        """Return what the service says of itself. Raises PlaceError."""
        return await self._copy.status()

    async def aclose(self) -> None:
        """End what is going on; further calls raise UsageError. May be repeated."""
        await self._copy.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class RegistryClient(_Client):
    """`AsyncRegistryClient` for programs without an event loop, and for any number of threads.

    Requests are made by a thread of its own, which ends with `close` or with the client. Within a
    running event loop it works, but holds it up.
    """

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._end: Callable[[], object] = lambda: None
        self._closed = False

    def get_assistant_names(self) -> list[str]:
        """Return the keys of all assistants, in order. Raises PlaceError where there is no copy."""
        copy = self._copy.fresh()
        return (self._call(self._copy.current()) if copy is None else copy).names()

    def get_assistant(self, name: str) -> Entry:
        """Return an assistant's entry; see `AsyncRegistryClient.get_assistant`."""
        copy = self._copy.fresh()  # nearly always: nothing has to be asked, so no thread either
        entry = None if copy is None else copy.find(name)
        return self._call(_looked_up(self._copy, name)) if entry is None else entry

    def sync_assistants(self, *, allow_removal: bool = False) -> SyncResult:
        """Let the service sync; see `AsyncRegistryClient.sync_assistants`."""
        return self._call(self._copy.sync(allow_removal=allow_removal))

    def refresh(self) -> None:
        """Ask the service now. Raises PlaceError, a refused key's too; the copy is kept."""
        self._call(self._copy.refresh())

    def status(self) -> dict[str, Any]:
        """Return what the service says of itself. Raises PlaceError."""
        return self._call(self._copy.status())

    def close(self) -> None:
        """End what is going on, and the thread; further calls raise UsageError. May be repeated."""
        with self._lock:
            self._closed = True
            self._copy.shut()
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns on the client's own loop."""
        with self._lock:  # nothing comes after what ends the loop
            if self._closed:
                work.close()
                raise UsageError(CLOSED)
            future = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return future.result()
        except CancelledError:
            raise UsageError(CLOSED) from None
        finally:
            future.cancel()  # of whoever was interrupted while waiting

    def _running(self) -> asyncio.AbstractEventLoop:
        """Return the loop, begun by the first call, also by that of a forked process."""
        if self._loop is None or self._process != os.getpid():
            loop = self._loop = asyncio.new_event_loop()
            self._process = os.getpid()
            thread = threading.Thread(
                target=_run, args=(loop,), name="understudy-registry", daemon=True
            )
            thread.start()
            self._end = weakref.finalize(self, _end, loop, thread, self._process)
        return self._loop


async def _looked_up(copy: RemoteCopy, name: str) -> Entry:
    """Return an entry, after one more request where a copy that is not quite new lacks it."""
    found = await copy.current()
    entry = found.find(name)
    if entry is None:
        found = await copy.current(at_most=SETTLED)
        entry = found.find(name)
    if entry is None:
        raise await asyncio.to_thread(found.unknown, name, hint=_HINT)
    return entry


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run until stopped, and end what is still going on."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        if left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread, process: int) -> None:
    """Stop the loop and wait for its thread; a loop of a parent process is the parent's."""
    if os.getpid() != process or not thread.is_alive():
        return
    loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():
        thread.join()
