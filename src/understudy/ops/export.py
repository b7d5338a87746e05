"""Writing a place into a snapshot, with its knowledge if asked for; again brings it up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from understudy.config import Settings
from understudy.errors import (
    InterruptedRunError,
    LostAnswerError,
    OutputError,
    PlaceError,
    UsageError,
)
from understudy.model.fidelity import Fidelity
from understudy.model.knowledge import File, Held
from understudy.ops.listeners import log_events
from understudy.ops.places import PlaceLike, Places, unstoppable
from understudy.platforms.base import PlaceInfo, Platform, Wait
from understudy.platforms.knowledge import Content, read
from understudy.platforms.snapshot import Snapshot
from understudy.platforms.snapshot_knowledge import SnapshotKnowledge
from understudy.replicate.events import FileOutcome, FileStatus
from understudy.replicate.gather import gather
from understudy.replicate.hosting import furnished, read_environments
from understudy.replicate.knowledge.fetch import Fetcher, UnavailableError
from understudy.replicate.knowledge.holdings import Holdings, source_holdings
from understudy.replicate.knowledge.matching import Match, text_name
from understudy.replicate.knowledge.needs import KnowledgeOptions, Needs, needs_of
from understudy.replicate.knowledge.originals import Originals
from understudy.replicate.knowledge.plan import (
    FileAction,
    FileStep,
    Matched,
    indexed,
    plan_files,
    to_survey,
)
from understudy.replicate.knowledge.route import FIDELITY, Offer
from understudy.replicate.knowledge.routes import survey
from understudy.replicate.knowledge.transfer import AT_REST, outcome
from understudy.replicate.reading import each
from understudy.replicate.recorder import NoRecorder
from understudy.replicate.result import Exported
from understudy.replicate.selection import Selection


async def export(
    place: PlaceLike,
    out: Path,
    settings: Settings,
    *,
    selection: Selection | None = None,
    knowledge: KnowledgeOptions | None = None,
    files_dir: Path | None = None,
    stop: asyncio.Event | None = None,
    on_wait: Callable[[Wait], None] = log_events,
) -> Exported:
    """Write the selected assistants into a snapshot and return what came of it.

    May be repeated: a directory is brought up to date, what is gone from the place goes when
    everything was selected, and no byte that is there already is fetched again. Raises
    OutputError, and then an earlier file is as it was.
    """
    selection, knowledge = selection or Selection(), knowledge or KnowledgeOptions()
    stop = stop or asyncio.Event()
    places = Places(settings, stop=stop, on_wait=on_wait)
    try:
        source = places.open(place, must_exist=True)
        inventory = await gather(source)
        if knowledge.code_interpreter:
            # Agents have their files in environments; a snapshot keeps them as everybody's.
            inventory = furnished(inventory, await read_environments(source))
        chosen = selection.choose(inventory.assistants, place=inventory.info.name)
        _require_elsewhere(out, inventory.info)
        snapshot = Snapshot(out)
        done = Exported(inventory.info, chosen, unread=inventory.findings)
        # What could not be read is not gone.
        everything = selection.everything and inventory.whole
        if knowledge.wanted:
            shelf = _require_shelf(snapshot, out)
            if everything:
                snapshot.require_export_of(inventory.info)
            packer = _Packer(source, shelf, knowledge, Originals(files_dir), stop)
            done = await packer.pack(done, everything=everything)
        removed = snapshot.keep(chosen, inventory.info, prune=everything)
        return replace(done, removed=done.removed + removed)
    finally:
        await places.aclose()


class _Packer:
    """Brings the knowledge of some assistants into a snapshot, under the source's own ids."""

    def __init__(
        self,
        source: Platform,
        shelf: SnapshotKnowledge,
        options: KnowledgeOptions,
        originals: Originals,
        stop: asyncio.Event,
    ) -> None:
        self._source = source
        self._shelf = shelf
        self._options = options
        self._originals = originals
        self._stop = stop

    async def pack(self, done: Exported, *, everything: bool) -> Exported:
        """Return the result with the knowledge; raises PlaceError that ends the run."""
        needs = {one.id: needs_of(one.raw, self._options) for one in done.assistants}
        stores = dict.fromkeys(one for need in needs.values() for one in need.stores)
        files = dict.fromkeys(one for need in needs.values() for one in need.files)
        held = Holdings(absent=f"{done.place.name} holds definitions only")
        if self._source.knowledge is not None and (stores or files):
            held = await source_holdings(
                self._source.knowledge, stores=stores, files=files, everything=everything
            )
        steps = await self._plan(needs, held)
        outcomes = await self._carry_out(steps, held)
        contents = {one: tuple(indexed(inside)) for one, inside in held.contents.items()}
        self._shelf.keep_stores((held.stores[one], members) for one, members in contents.items())
        removed = self._shelf.prune(steps, stores) if everything else 0
        self._shelf.flush()
        problems = [
            f"vector store {one}: {held.absent}" for one in stores if one not in held.stores
        ]
        problems += [f"vector store {one}: {why}" for one, why in held.unreadable.items()]
        return replace(
            done,
            files=outcomes,
            stores=len(contents),
            removed=removed,
            problems=tuple(problems),
        )

    async def _plan(self, needs: Mapping[str, Needs], held: Holdings) -> dict[str, FileStep]:
        """Return what is to be done about each file; nothing that is here is fetched again."""
        here = {file.id: file for file in (await self._shelf.list_files()).items}
        matched = Matched(
            {
                one: Match(file, text=file.held is Held.TEXT)
                for one, file in here.items()
                if await self._shelf.downloadable(one)
            },
            {},
        )
        lacking = to_survey(needs, held, matched)
        offers: dict[str, Offer] = {}
        if self._source.knowledge is not None and lacking:
            offers = await survey(
                lacking, held, self._source.knowledge, self._originals, self._options, digests={}
            )
        limits = self._shelf.traits.limits
        return plan_files(needs, held, matched, offers, options=self._options, limits=limits)

    async def _carry_out(
        self, steps: Mapping[str, FileStep], held: Holdings
    ) -> tuple[FileOutcome, ...]:
        fetcher = None
        if self._source.knowledge is not None:
            fetcher = Fetcher(
                self._source.knowledge,
                held,
                self._originals,
                NoRecorder(),
                spool=None,
                in_one_piece=self._shelf.traits.limits.upload,
                closer=unstoppable(self._source).knowledge,
            )

        async def one(step: FileStep) -> FileOutcome:
            base = outcome(step, AT_REST.get(step.action, FileStatus.MISSING))
            file = held.files.get(step.source_id)
            if step.action is FileAction.MOVE and file is not None and fetcher is not None:
                return await self._fetch(file, step, base, fetcher)
            if file is not None and not step.to_be_had:
                self._shelf.keep_file(file, None)
            return base

        try:
            return tuple(await each(list(steps.values()), one))
        except Exception:
            self._shelf.flush()  # what arrived stays
            raise

    async def _fetch(
        self, file: File, step: FileStep, base: FileOutcome, fetcher: Fetcher
    ) -> FileOutcome:
        if self._stop.is_set():
            raise InterruptedRunError("Stopped on request.", hint="Run the same command again.")
        try:
            async with fetcher.best(step) as fetched:
                text = FIDELITY[fetched.route][0] is not Fidelity.EXACT
                record = replace(file, held=Held.TEXT, name=text_name(file)) if text else file
                record = replace(record, sha256="", bytes=fetched.content.size)
                kept = await self._keep(record, fetched.content)
        except UnavailableError as error:
            self._shelf.keep_file(file, None)
            return replace(base, status=FileStatus.MISSING, reason=error.message)
        except LostAnswerError as error:
            return replace(base, status=FileStatus.FAILED, reason=error.message)
        except PlaceError as error:
            if error.stops_run:
                raise
            return replace(base, status=FileStatus.FAILED, reason=error.message)
        return replace(
            base,
            status=FileStatus.MOVED,
            destination_id=file.id,
            bytes=kept.bytes,
            route=fetched.route,
            text=text or kept.held is Held.TEXT,
            sha256=kept.sha256,
            reason=fetched.reason,
        )

    async def _keep(self, record: File, content: Content) -> File:
        """Hand the bytes over as they come; the last one comes when all of them are right."""
        with self._shelf.incoming() as blob:
            async for piece in read(content, record.name):
                blob.write(piece)
            return self._shelf.keep_file(record, blob)


def _require_shelf(snapshot: Snapshot, out: Path) -> SnapshotKnowledge:
    if snapshot.knowledge is None:
        raise UsageError(
            f"{out} is a snapshot of one file, which can hold no other files.",
            hint="Give a directory: --out ./snapshot.",
        )
    return snapshot.knowledge


def _require_elsewhere(out: Path, place: PlaceInfo) -> None:
    if out.exists() and out.resolve() == Path(place.address).resolve():
        raise OutputError(f"{out} is the place itself; export into another path.")
