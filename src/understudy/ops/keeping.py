"""What the service keeps going: the copy that it serves, the schedule, the webhooks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from understudy.config import Settings
from understudy.errors import (
    BusySyncError,
    DeniedSyncError,
    LimitedError,
    OutputError,
    RefusedSyncError,
    SnapshotError,
    UnderstudyError,
)
from understudy.files import stamp
from understudy.ops.notifying import Notifier
from understudy.ops.places import Places
from understudy.ops.registry import DEFAULT_SOURCE, PREFIX
from understudy.ops.replicas import identity
from understudy.ops.syncing import Job, Outcome, sync_apart
from understudy.ops.watching import Watch, Worker
from understudy.platforms.catalog import KEYED
from understudy.profile import SPECIFIED, Profile
from understudy.registry.file import DEFAULT, RegistryFile, Served
from understudy.registry.history import History, Record
from understudy.registry.outbox import HookState
from understudy.registry.schedule import DEFAULT as SCHEDULE
from understudy.registry.shelf import Shelf, shelve_entries

log = logging.getLogger("understudy.registry")

#: Seconds between two looks at the file, which another process may have written.
_LOOK = 0.25


@dataclass(frozen=True, slots=True)
class Copy:
    """What is served, since when, and what was wrong with its file, in words.

    `confirmed` is when a sync last found it right, None where none did yet.
    """

    shelf: Shelf
    problems: tuple[str, ...] = ()
    confirmed: datetime | None = None
    missing: bool = True


#: Takes a moment of a schedule on, and tells whether no other process had; raises nothing.
Ticks: TypeAlias = Callable[[str, datetime], Awaitable[bool]]


class Keeper:
    """Serves one registry file, syncs it on a schedule in processes of their own.

    `limited` says why it cannot sync, empty if it can. Nothing runs before `start`. Raises
    UsageError for a source, a schedule or a webhook that cannot be.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        path: Path = DEFAULT,
        source: str = DEFAULT_SOURCE,
        schedule: str = SCHEDULE,
        config: Path | None = None,
        json_logs: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Ticks | None = None,
    ) -> None:
        self.source = source
        self.schedule = schedule
        self.path = path
        self.limited = limitation(settings, source)
        self._file = RegistryFile(path)
        self._history = History(path)
        self._config = config
        self._json_logs = json_logs
        self._clock = clock
        self._copy = Copy(shelve_entries({}))
        self._stamp: object = None
        self._looked = float("-inf")
        self._loading: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[Outcome] | None = None
        self._worker = Worker()
        self._notifier = Notifier(path, settings, clock=clock)
        self._ending = asyncio.Event()
        self._ticks = ticks
        self._watch = Watch(self.sync, schedule=schedule, clock=clock, take=self._take)
        self._tasks: list[asyncio.Task[None]] = []
        #: Hears of each sync that ended: changed, unchanged, refused, failed or skipped.
        self.on_synced: Callable[[str], None] = lambda _: None

    async def start(self) -> None:
        """Read the file, keep a damaged one aside, and begin the schedule."""
        await self._load(first=True)
        try:
            await asyncio.to_thread(self._notifier.prepare)
        except UnderstudyError as error:
            log.warning("%s webhooks: %s", PREFIX, error.message)
        # Also in limited mode: others may sync this file.
        self._tasks.append(asyncio.create_task(self._notifier.run(self._ending)))
        if self.limited:
            log.warning("%s limited mode: %s Reads work, syncs do not.", PREFIX, self.limited)
            return
        self._tasks.append(asyncio.create_task(self._keep_syncing()))

    async def stop(self) -> None:
        """Begin no other sync, let one that is running end."""
        self._watch.stop()
        if self._syncing is not None:
            await asyncio.wait({self._syncing})
        self._ending.set()
        for task in self._tasks:
            await task
        if self._loading is not None:
            await asyncio.wait({self._loading})

    def copy(self) -> Copy:
        """Return what is served now; looks whether the file has changed, and reads it behind."""
        now = time.monotonic()
        if now - self._looked > _LOOK:
            self._looked = now
            # A sync of our own has it read when it is done.
            busy = self._loading is not None or self._syncing is not None
            if not busy and stamp(self.path) != self._stamp:
                self._loading = asyncio.create_task(self._load())
        return self._copy

    async def sync(self, *, allow_removal: bool = False) -> Outcome:
        """Sync, and serve what came of it. Raises as `Registry.sync` does, and LimitedError.

        A caller that goes away does not end the sync.
        """
        if self.limited:
            raise LimitedError(f"There is nothing to sync from: {self.limited}")
        if self._syncing is not None:
            raise BusySyncError(f"Another sync of {self.path} is running.")
        self._syncing = asyncio.create_task(self._sync(allow_removal))
        self._syncing.add_done_callback(self._synced)
        return await asyncio.shield(self._syncing)

    async def records(self, most: int) -> list[Record]:
        """Return the last syncs, newest first."""
        return await asyncio.to_thread(self._history.records, most=most)

    def workers(self) -> Mapping[str, Worker]:
        """Return how each worker stands."""
        worker, planned = self._worker, self._watch.worker.next
        running = self._syncing is not None
        return {
            "registry-sync": Worker(
                None if self.limited else planned, worker.last, running, worker.result
            )
        }

    def hooks(self) -> Mapping[str, HookState]:
        """Return how each webhook stands; raises SnapshotError, OutputError."""
        return self._notifier.state()

    async def _keep_syncing(self) -> None:
        """Follow the schedule; a registry that has nothing is filled at once."""
        if not self._copy.shelf.slots:
            try:
                await self.sync()
            except UnderstudyError as error:
                log.warning("%s the first one failed: %s", PREFIX, error.message)
            except Exception:  # the schedule is to begin whatever this one met
                log.exception("%s the first one failed: internal error", PREFIX)
        await self._watch.run()

    async def _take(self, at: datetime) -> bool:
        """Tell whether this process syncs at that moment, not another one with the same file."""
        if self._ticks is None:
            return True
        name = await asyncio.to_thread(identity, self.path)
        return await self._ticks(f"registry {name} {self.source}", at)

    async def _sync(self, allow_removal: bool) -> Outcome:
        level = logging.getLogger().getEffectiveLevel()
        job = Job(
            str(self.path),
            self.source,
            str(self._config) if self._config else None,
            allow_removal,
            level,
            self._json_logs,
        )
        done = await sync_apart(job)
        self._copy = Copy(self._copy.shelf, self._copy.problems, self._clock(), self._copy.missing)
        if self._loading is not None:
            await asyncio.wait({self._loading})
        if stamp(self.path) != self._stamp:
            await self._load()
        if done.changed:
            self._notifier.wake()
        return done

    def _synced(self, task: asyncio.Task[Outcome]) -> None:
        self._syncing = None
        error = None if task.cancelled() else task.exception()
        if isinstance(error, BusySyncError):
            kind, result = "skipped", "skipped: another sync was running"
        elif isinstance(error, UnderstudyError):
            kind = "refused" if isinstance(error, RefusedSyncError) else "failed"
            kind = "denied" if isinstance(error, DeniedSyncError) else kind
            result = f"{kind}: {error.message}"
        elif error is not None or task.cancelled():
            kind, result = "failed", f"failed: {type(error).__name__}"
        else:
            kind = "changed" if task.result().changed else "unchanged"
            result = f"{task.result().count} assistants"
        self._worker = Worker(None, self._clock(), False, result)
        self.on_synced(kind)

    async def _load(self, *, first: bool = False) -> None:
        """Read the file, and keep serving the last good copy where it cannot be."""
        seen = stamp(self.path)
        try:
            found = await asyncio.to_thread(self._file.serve)
            problems = found.problems
            if first and found.damaged:
                problems += (await asyncio.to_thread(self._set_aside),)
        except SnapshotError as error:
            found, problems = Served(shelve_entries({}), damaged=True), (error.message,)
        except Exception as error:  # a file of a form that nobody foresaw
            log.exception("%s %s cannot be read: internal error", PREFIX, self.path)
            problem = f"{self.path} cannot be read: {type(error).__name__}."
            found, problems = Served(shelve_entries({}), damaged=True), (problem,)
        if found.missing:
            problems = (f"{self.path} is not there.",)
        for problem in problems:
            log.warning("%s %s", PREFIX, problem)
        # Where nothing of it is left to be served, and not because it says so, it is no good one.
        good = not (found.damaged or found.missing) and bool(found.shelf.slots or not problems)
        shelf = found.shelf if good else self._copy.shelf
        confirmed = self._copy.confirmed or await asyncio.to_thread(self._confirmed)
        self._copy = Copy(shelf, problems, confirmed, not good and self._copy.missing)
        self._stamp = seen
        self._loading = None

    def _set_aside(self) -> str:
        """Keep a damaged file under another name, and say what came of that."""
        try:
            with self._file.locked():
                if self._file.serve().damaged:  # a sync may have mended it meanwhile
                    return f"It is kept as {self._file.set_aside()}."
        except UnderstudyError as error:
            return f"It cannot be kept aside: {error.message}"
        return "A sync has mended it."

    def _confirmed(self) -> datetime | None:
        """Return when a sync last ended well, by the history."""
        try:
            records = self._history.records()
        except OutputError as error:
            log.warning("%s %s", PREFIX, error.message)
            return None
        good = (one for one in records if one.result in ("changed", "unchanged"))
        return next((datetime.fromisoformat(one.at) for one in good), None)


def limitation(settings: Settings, source: str) -> str:
    """Return why a source cannot be read at all, as a sentence, or an empty text.

    Raises UsageError for a source that is neither a profile nor a path.
    """
    profile = settings.profile(source) or (Profile(source) if source in SPECIFIED else None)
    if profile is None:
        Places(settings).open(source, must_exist=True)
    elif profile.platform in KEYED and not profile.has_key:
        return f"{profile.key_name} is not set."
    return ""
