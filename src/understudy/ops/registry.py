"""The registry, wired: syncing from a place, looking up, history, restoring."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from understudy.config import Settings, load_here, text_of
from understudy.errors import (
    DeniedSyncError,
    ExitCode,
    RefusedSyncError,
    SelectionError,
    UnderstudyError,
    UsageError,
)
from understudy.files import stamp
from understudy.model.findings import Findings
from understudy.ops import collector
from understudy.ops.beside import in_thread
from understudy.ops.gates import decide
from understudy.ops.gating import Approval, Asked, approver, gate_seconds
from understudy.ops.listeners import log_events
from understudy.ops.places import PlaceLike, Places
from understudy.platforms.base import Wait
from understudy.registry.entries import Difference, Entries, Entry
from understudy.registry.file import DEFAULT, RegistryFile, Stored
from understudy.registry.gate import question
from understudy.registry.history import History, Record
from understudy.registry.lookup import Lookup
from understudy.registry.marks import Marks, Same, mark
from understudy.registry.names import Index
from understudy.registry.sync import Proposal, propose
from understudy.replicate.gather import gather
from understudy.replicate.inventory import Inventory

log = logging.getLogger("understudy.registry")

#: Every line that a sync logs begins with this.
PREFIX = "[AI-ASSISTANT-SYNC]"

DEFAULT_SOURCE = "default"

#: What to do about a name that nobody has, and that is like none.
LIST_HINT = "understudy registry list shows all."


@dataclass(frozen=True, slots=True, repr=False)
class Synced:
    """What a sync did. `written` tells whether the file's bytes changed.

    `problems` say what was wrong with the file before, `unread` what of the source could not be
    read, `aside` where a damaged file went.
    """

    source: str
    proposal: Proposal
    written: bool
    problems: tuple[str, ...] = ()
    unread: Findings = ()
    aside: Path | None = None

    @property
    def count(self) -> int:
        """How many assistants the registry has."""
        return len(self.proposal.entries)

    @property
    def exit_code(self) -> ExitCode:
        """What the process should tell its caller."""
        lacking = self.proposal.quarantined or any(finding.blocks for finding in self.unread)
        return ExitCode.PARTLY if lacking else ExitCode.DONE


class Registry:
    """A local copy of a place's assistants under their registry keys.

    Look-ups read the file, again only when it has changed. A sync never replaces the last good
    copy by something doubtful: it raises, and the file is as it was. A `gate` is asked before a
    difference is stored: a function that takes it as a dict and returns a bool or a Decision, also
    asynchronously, `CommandGate` or `ModelGate`. Unless one is given, the one is asked that the
    settings name; None asks nobody. They also name `path` and `source` unless those are given.
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
        if settings is None and (path is None or source is None):
            configured = load_here()
        else:
            configured = settings or Settings({}, {}, Path())
        self.path = Path(path or text_of(configured, "registry_file", str(DEFAULT)))
        self._file = RegistryFile(self.path)
        self._history = History(self.path)
        self._source = source or text_of(configured, "registry_source", DEFAULT_SOURCE)
        self._settings = settings
        self._gate = gate
        self._clock = clock
        self._seen: tuple[object, Stored] | None = None
        self._lookup: tuple[Entries, Lookup] | None = None

    def get_assistant_names(self) -> list[str]:
        """Return the keys of all assistants, in order."""
        return sorted(self.entries())

    def get_assistant(self, name: str) -> Entry:
        """Return an assistant's entry, by its key, id, exact name or any spelling of the key.

        Raises SelectionError naming what is near.
        """
        lookup = self._looked_up()
        entry = lookup.find(name)
        if entry is None:
            raise lookup.unknown(name, hint=LIST_HINT)
        return entry

    def _looked_up(self) -> Lookup:
        """Return what answers for the entries that were read last."""
        entries = self.entries()
        if self._lookup is None or self._lookup[0] is not entries:
            read = partial(_copied, entries)
            self._lookup = (entries, Lookup(entries.keys(), partial(_index, entries), read))
        return self._lookup[1]

    def sync_assistants(self, *, allow_removal: bool = False) -> Synced:
        """Sync as `sync` does, and return what came of it. UsageError in a running event loop."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.sync(allow_removal=allow_removal))
        raise UsageError(
            "Registry.sync_assistants() cannot be called where an event loop is running.",
            hint="There: await AsyncRegistry(...).sync_assistants(), or await registry.sync().",
        )

    def entries(self) -> Entries:
        """Return all entries under their keys; a missing or damaged file is an empty registry."""
        return self.stored().entries

    def stored(self) -> Stored:
        """Return what is in the file, with what is wrong with it; read again when it changed."""
        now, seen = stamp(self._file.path), self._seen
        if seen is None or seen[0] != now:
            seen = self._seen = (now, self._file.read())
        return seen[1]

    def history(self, *, most: int = 50) -> list[Record]:
        """Return the last syncs, newest first."""
        return self._history.records(most=most)

    async def sync(
        self,
        *,
        allow_removal: bool = False,
        stop: asyncio.Event | None = None,
        on_wait: Callable[[Wait], None] = log_events,
    ) -> Synced:
        """Bring the file up to date with the source, and return what came of it.

        May be repeated: without a change nothing is written. Raises BusySyncError when one is
        running, RefusedSyncError when most of what is there would go, DeniedSyncError when the
        gate does not approve, PlaceError when the source cannot be read; each time the file is as
        it was, and the history says so.
        """
        with self._file.locked(), collector.resting():
            try:
                done = await self._sync(allow_removal, stop, on_wait)
            except RefusedSyncError as error:
                denied = isinstance(error, DeniedSyncError)
                self._note("denied" if denied else "refused", reason=error.message)
                raise
            except UnderstudyError as error:
                self._note("failed", reason=error.message)
                log.warning("%s failed: %s", PREFIX, error.message)
                raise
            finally:
                collector.release()
        return done

    async def preview(
        self, *, stop: asyncio.Event | None = None, on_wait: Callable[[Wait], None] = log_events
    ) -> Synced:
        """Return what a sync would change; writes nothing. Raises PlaceError."""
        stored, proposal, name, unread = await self._propose(True, stop, on_wait)
        return Synced(name, proposal, written=False, problems=stored.problems, unread=unread)

    def restore(self, name: str) -> Entry:
        """Put back what a sync removed, as it was, and keep it until the source has it again.

        Raises SelectionError when it was never removed, or is there. May be repeated.
        """
        with self._file.locked():
            stored = self._file.read()
            pins = self._history.pins()
            if name in stored.entries and name not in pins:
                raise SelectionError(f"{name} is in the registry; there is nothing to restore.")
            entry = pins.get(name) or self._history.removed(name)
            if entry is None:
                raise SelectionError(
                    f"No sync on record removed {name}.", hint="See understudy registry history."
                )
            self._history.pin({**pins, name: entry})
            if self._file.write({**stored.entries, name: entry}, stored):
                self._note("restored", count=len(stored.entries) + 1, added=(name,))
        return entry

    async def _sync(
        self,
        allow_removal: bool,
        stop: asyncio.Event | None,
        on_wait: Callable[[Wait], None],
    ) -> Synced:
        log.info("%s started", PREFIX)
        settings = self._settings or load_here()
        gate = approver(self._gate, settings)  # before anything is read: it may be misspelt
        stored, proposal, name, unread = await self._propose(allow_removal, stop, on_wait)
        if proposal.refused:
            raise RefusedSyncError(
                f"The sync from {name} is not stored: {proposal.refused}.",
                hint="Look with: understudy registry diff. Then: understudy registry sync "
                "--allow-removal.",
            )
        if gate is not None and proposal.difference:
            asked = question(proposal, stored.entries, name)
            decision = await decide(gate, asked, seconds=gate_seconds(settings))
            log.info("%s gate: %s %s", PREFIX, decision.approved, decision.reason)
            if not decision.approved:
                raise DeniedSyncError(
                    f"The sync from {name} is not stored: {decision.reason}.",
                    hint="Look with: understudy registry diff.",
                )
        written, aside = await in_thread(lambda: self._store(stored, proposal, name))
        if aside is not None:
            log.warning("%s the damaged file is kept as %s", PREFIX, aside)
        result = "changed" if proposal.difference else "unchanged"
        log.info("%s %s: %d assistants", PREFIX, result, len(proposal.entries))
        return Synced(name, proposal, written, stored.problems, unread, aside)

    def _store(self, stored: Stored, proposal: Proposal, name: str) -> tuple[bool, Path | None]:
        """Write down a proposal; tell whether the file's bytes changed, and where damage went."""
        # Before the file: a crash in between must not lose what is removed.
        self._note(
            "changed" if proposal.difference else "unchanged",
            source=name,
            count=len(proposal.entries),
            difference=proposal.difference,
            removed={key: stored.entries[key] for key in proposal.difference.removed},
        )
        aside = self._file.set_aside() if stored.damaged else None
        # Nothing is spelt out again that is there already, and sound.
        same = not (proposal.difference or stored.problems or stored.content is None)
        written = not same and self._file.write(proposal.entries, stored)
        self._history.pin({key: proposal.entries[key] for key in proposal.pinned})
        if proposal.marks and not (proposal.quarantined or proposal.pinned):
            keys = {str(entry["id"]): key for key, entry in proposal.entries.items()}
            marked = {one: (keys[one], mark) for one, mark in proposal.marks.items()}
            self._file.mark(marked, proposal.shared, None if written else stored.content)
        return written, aside

    async def _propose(
        self,
        allow_removal: bool,
        stop: asyncio.Event | None,
        on_wait: Callable[[Wait], None],
    ) -> tuple[Stored, Proposal, str, Findings]:
        marks: dict[str, str] = {}
        knowing = asyncio.create_task(in_thread(self._file.marks))
        places = Places(self._settings or load_here(), stop=stop, on_wait=on_wait)
        try:
            inventory = await gather(
                places.open(self._source, must_exist=True),
                heard=lambda one: marks.update({one.id: mark(one)}),
            )
        finally:
            await asyncio.wait({knowing})
            await places.aclose()
        stored, proposal = await in_thread(
            lambda: self._decide(knowing.result(), marks, inventory, allow_removal)
        )
        return stored, proposal, inventory.info.name, inventory.findings

    def _decide(
        self, known: Marks | None, marks: Mapping[str, str], inventory: Inventory, allow: bool
    ) -> tuple[Stored, Proposal]:
        """Return what lies in the file and what to store; where nothing changed, without a look."""
        pins = self._history.pins()
        if known and known.fit(marks) and not (pins or inventory.findings):
            same = Same(known, inventory.by_id())
            return Stored(same, content=b""), Proposal(same, Difference(), shared=known.shared)
        stored = self._file.read()
        proposal = propose(
            stored.entries,
            inventory.assistants,
            pins=pins,
            complete=inventory.whole,
            allow_removal=allow,
        )
        return stored, replace(proposal, marks=marks if inventory.whole else {})

    def _note(
        self,
        result: str,
        *,
        source: str = "",
        count: int = 0,
        difference: Difference | None = None,
        added: tuple[str, ...] = (),
        removed: dict[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        now = self._clock().astimezone(UTC)
        self._history.add(
            Record(
                f"{now:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(2)}",
                now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                result,
                source or str(self._source),
                count,
                difference or Difference(added=added),
                removed or {},
                reason,
            )
        )


def _index(entries: Entries) -> Index:
    return Index({key: (str(e["id"]), str(e.get("name") or "")) for key, e in entries.items()})


def _copied(entries: Entries, key: str) -> Entry:
    return dict(entries[key])
