"""A copy of a registry service's assistants, kept up to date for whoever looks something up."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLContext
from typing import Any

from pydantic import SecretStr

from understudy.config import load_here
from understudy.errors import OutputError, PlaceError, UnderstudyError, UsageError
from understudy.files import read_bytes, write_whole
from understudy.ops.beside import Joined, in_thread
from understudy.ops.remote_wire import Wire
from understudy.registry.file import RegistryFile
from understudy.registry.lookup import Lookup
from understudy.registry.mirror import Mirror, of_answer, of_file

log = logging.getLogger("understudy.registry")

VARIABLE = "UNDERSTUDY_API_KEY"

#: Seconds: a name that is not in a copy of that age is asked for once more.
SETTLED = 1.0

#: Seconds between two requests while the service fails: the first, and the longest ones.
_FIRST, _LAST, _ASKED_FOR = 1.0, 60.0, 3600.0

CLOSED = "This client of a registry is closed."


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync of the service came to: the keys that it has now, and what it could not read."""

    count: int
    names: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class RemoteCopy:
    """The last good copy, when it was right, and when to ask again.

    For one event loop at a time. `fresh` may be called from any thread.
    """

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
        if not (timeout > 0 and fresh_for >= 0):
            raise UsageError("timeout must be above 0 seconds, fresh_for not below.")
        self._wire = Wire(url, key=_key(key), timeout=timeout, allow_http=allow_http, tls=tls)
        self._cache = None if cache is None else Path(cache)
        self._timeout = timeout
        self._fresh_for = fresh_for
        self._clock = clock
        self._mirror: Mirror | None = None
        self._etag = ""
        self._confirmed: datetime | None = None  # when the copy was last known to be right
        self._asked: float | None = None
        self._retry_at = 0.0
        self._failures = 0
        self._error: UnderstudyError | None = None
        self._opened = self._cache is None
        self._closed = False
        self._opening = Joined(self._open)
        self._asking = Joined(self._ask)

    def __repr__(self) -> str:
        return f"{self._wire!r}"

    @property
    def stale_since(self) -> datetime | None:
        """When the copy was last right, as long as the service fails; None while all is well."""
        return self._confirmed if self._error is not None else None

    @property
    def problem(self) -> str:
        """What went wrong with the last request for the copy, empty while all is well."""
        return "" if self._error is None else str(self._error)

    def fresh(self) -> Lookup | None:
        """Return the copy if it can be used as it is; None where something is to be done first."""
        if self._closed or self._mirror is None or self._due(self._fresh_for):
            return None
        return self._mirror.lookup

    async def current(self, *, at_most: float | None = None) -> Lookup:
        """Return a copy that was right `at_most` seconds ago, or else the last good one.

        One that is to be renewed is waited for, for `timeout` seconds at most; as long as the
        service fails it is renewed behind, after ever longer pauses. Raises PlaceError only where
        there is no copy.
        """
        await self._open_once()
        if self._due(self._fresh_for if at_most is None else at_most):
            asking = self._asking.begin()
            if self._mirror is None:
                await asyncio.wait({asking})
            elif self._error is None:
                await asyncio.wait({asking}, timeout=self._timeout)
            _raise_unforeseen(asking)
        if self._mirror is None:
            raise self._again()
        return self._mirror.lookup

    async def refresh(self) -> None:
        """Ask now, whatever pause is due. Raises PlaceError; a copy that is there is kept."""
        await self._open_once()
        _raise_unforeseen(await self._asking.anew())
        if self._closed or self._error is not None:
            raise self._again()

    async def sync(self, *, allow_removal: bool) -> SyncResult:
        """Let the service sync, and bring the copy up to date. Raises UnderstudyError."""
        await self._open_once()
        body = b'{"allowRemoval":true}' if allow_removal else b""
        headers = {"Content-Type": "application/json"} if body else {}
        answer = await self._wire.ask("api/assistants/sync", headers, post=body)
        try:
            found = json.loads(answer.content)
            names, warnings = map(tuple, (found["assistantNames"], found.get("warnings", ())))
            done = SyncResult(found["count"], names, warnings)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise self._wire.broken("it does not say what the sync came to") from None
        await self._asking.anew()  # what goes wrong is known by `problem`: the sync is done
        return done

    async def status(self) -> dict[str, Any]:
        """Return how the service stands. Raises PlaceError."""
        answer = await self._wire.ask("api/status")
        try:
            return dict(json.loads(answer.content))
        except (ValueError, RecursionError, TypeError):
            raise self._wire.broken("it is no object in JSON") from None

    def shut(self) -> None:
        """Let every further question raise UsageError."""
        self._closed = True

    async def aclose(self) -> None:
        """End what is going on, and be shut. May be repeated."""
        self.shut()
        await self._opening.stop()
        await self._asking.stop()

    def _due(self, at_most: float) -> bool:
        if self._error is not None:
            return self._clock() >= self._retry_at
        return self._asked is None or self._clock() >= self._asked + at_most

    def _again(self) -> UnderstudyError:
        """Return what went wrong last, anew each time: many threads may raise it at once."""
        error = self._error
        if self._closed or error is None:
            return UsageError(CLOSED)
        if not isinstance(error, PlaceError):
            return type(error)(error.message, hint=error.hint)
        left = max(0.0, self._retry_at - self._clock()) if error.retry_after else None
        return type(error)(error.message, hint=error.hint, code=error.code, retry_after=left)

    async def _ask(self) -> None:
        """Ask the service, and take note of what came of it; raises nothing of a service."""
        if self._closed:
            return
        began = self._clock()
        try:
            tag = {"If-None-Match": self._etag} if self._etag else {}
            answer = await self._wire.ask("api/assistants", tag)
            found = None
            if answer.status != 304:
                found = await asyncio.to_thread(self._read, answer.content)
                await self._check_empty(found)
        except UnderstudyError as error:
            self._failed(error)
            return
        if self._error is not None:
            log.info("%s answers again.", self._wire)
        if found is not None:
            self._mirror, self._etag = found, answer.headers.get("ETag", "")
        self._confirmed, self._asked = datetime.now(UTC), began
        self._error, self._failures = None, 0
        if self._cache is not None:
            cache = self._cache
            await in_thread(lambda: _keep(cache, found, self._wire))

    def _read(self, content: bytes) -> Mirror:
        try:
            return of_answer(content)
        except ValueError as error:
            raise self._wire.broken(str(error)) from None

    async def _check_empty(self, mirror: Mirror) -> None:
        """Raise PlaceError where nothing is there because the service has not been filled yet."""
        if mirror.texts or self._mirror is None:
            return
        try:
            await self._wire.ask("readyz")
        except PlaceError as error:
            if error.code == "nothing_to_serve":
                raise

    def _failed(self, error: UnderstudyError) -> None:
        self._failures += 1
        pause = min(_FIRST * 2.0 ** min(self._failures - 1, 10), _LAST)
        pause *= 0.5 + random.random() / 2  # noqa: S311 - spreads clients, protects nothing
        wanted = getattr(error, "retry_after", None) or 0.0
        self._retry_at = self._clock() + max(pause, min(wanted, _ASKED_FOR))
        if self._error is None:
            has = "The last good copy is used." if self._mirror else "There is no copy yet."
            log.warning("%s %s", error.message, has)
        self._error = error

    async def _open_once(self) -> None:
        if self._closed:
            raise UsageError(CLOSED)
        if not self._opened:
            await self._opening.done()

    async def _open(self) -> None:
        if self._cache is None or self._opened:
            return
        found = await asyncio.to_thread(_opened, self._cache)
        if found is not None:
            self._mirror, self._confirmed = found
        self._opened = True


def _keep(path: Path, mirror: Mirror | None, wire: Wire) -> None:
    """Write the copy down, or, without one, just that what was written is still right."""
    if mirror is None:
        with suppress(OSError):
            os.utime(path)
        return
    try:
        write_whole(path, mirror.spelt(), private=True)
    except OutputError as error:
        log.warning("The copy of %s is not kept: %s", wire, error.message)


def _raise_unforeseen(task: asyncio.Task[None]) -> None:
    """Raise what only a mistake in here can have caused."""
    if task.done() and not task.cancelled():
        task.result()


def _opened(path: Path) -> tuple[Mirror, datetime] | None:
    """Return what was kept and when it was right; a damaged file is set aside."""
    if not path.exists():
        return None
    try:
        confirmed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return of_file(read_bytes(path)), confirmed
    except ValueError as error:
        why = f"{path} cannot be used: {error}."
        with suppress(UnderstudyError):
            why += f" It is kept as {RegistryFile(path).set_aside()}."
    except (OSError, UnderstudyError) as error:
        why = str(error)
    log.warning("%s", why)
    return None


def _key(given: str | SecretStr | None) -> SecretStr | None:
    """Return the given key, else that of the environment or `.env`."""
    if given is None:
        given = load_here().variables.get(VARIABLE)
    return SecretStr(given) if isinstance(given, str) else given
