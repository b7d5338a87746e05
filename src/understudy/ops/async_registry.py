"""The registry for programs with an event loop, which it never holds up for long."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from understudy.config import Settings
from understudy.files import stamp
from understudy.ops.beside import Joined
from understudy.ops.gating import Approval, Asked
from understudy.ops.places import PlaceLike
from understudy.ops.registry import LIST_HINT, Registry, Synced
from understudy.registry.entries import Entry
from understudy.registry.file import RegistryFile
from understudy.registry.lookup import Lookup
from understudy.registry.shelf import Shelf, shelve_entries


class AsyncRegistry:
    """`Registry` with coroutines: a local copy of a place's assistants under their registry keys.

    For any number of tasks of one event loop. However many look something up when the file has
    changed, it is read once, in a thread; an entry is parsed only when it is asked for, and belongs
    to whoever asked.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        source: PlaceLike | None = None,
        settings: Settings | None = None,
        gate: Approval = Asked.CONFIGURED,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._registry = Registry(path, source=source, settings=settings, gate=gate, clock=clock)
        self._file = RegistryFile(self._registry.path)
        self._seen: object = _UNSEEN
        self._lookup = _lookup(shelve_entries({}))
        self._reading = Joined(self._read)

    async def get_assistant_names(self) -> list[str]:
        """Return the keys of all assistants, in order. Raises SnapshotError."""
        return (await self._current()).names()

    async def get_assistant(self, name: str) -> Entry:
        """Return an assistant's entry, by its key, id, exact name or any spelling of the key.

        Raises SelectionError naming what is near, SnapshotError for a file that cannot be opened.
        """
        lookup = await self._current()
        entry = lookup.find(name)
        if entry is None:
            raise await asyncio.to_thread(lookup.unknown, name, hint=LIST_HINT)
        return entry

    async def sync_assistants(
        self, *, allow_removal: bool = False, stop: asyncio.Event | None = None
    ) -> Synced:
        """Bring the file up to date with the source, and return what came of it.

        May be repeated. Raises what `Registry.sync` raises; the file is then as it was.
        """
        return await self._registry.sync(allow_removal=allow_removal, stop=stop)

    async def _current(self) -> Lookup:
        if self._seen != stamp(self._file.path):
            await self._reading.done()
            # What was being read when this look-up began may be older than it.
            if self._seen != stamp(self._file.path):
                await self._reading.done()
        return self._lookup

    async def _read(self) -> None:
        self._lookup, self._seen = await asyncio.to_thread(self._read_file)

    def _read_file(self) -> tuple[Lookup, object]:
        seen = stamp(self._file.path)  # before: what is written meanwhile is read again
        found = _lookup(self._file.serve().shelf)
        _ = found.index  # made here rather than by the first question
        return found, seen


_UNSEEN = object()


def _lookup(shelf: Shelf) -> Lookup:
    return Lookup(shelf.slots, lambda: shelf.index, lambda key: _entry(shelf, key))


def _entry(shelf: Shelf, key: str) -> Entry:
    entry: Entry = json.loads(shelf.entry(key))
    return entry
