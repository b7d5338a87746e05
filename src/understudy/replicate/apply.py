"""Carrying out a plan: at most N writes at a time, each outcome recorded, the rest goes on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from understudy.errors import (
    InterruptedRunError,
    LostAnswerError,
    PlaceError,
    UnderstudyError,
)
from understudy.model.assistant import CLONED_FROM, Assistant
from understudy.platforms.base import Platform
from understudy.platforms.knowledge import Knowledge
from understudy.replicate.deleting import delete_all
from understudy.replicate.events import (
    ChangeDone,
    FileOutcome,
    Listener,
    Outcome,
    RunFinished,
    RunStarted,
    Status,
    StoreOutcome,
    silent,
)
from understudy.replicate.halt import Halt
from understudy.replicate.hosting import Hosting, settled
from understudy.replicate.knowledge.carrier import Carrier, Provided
from understudy.replicate.knowledge.fetch import Fetcher
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.originals import Originals
from understudy.replicate.knowledge.plan import FileAction, KnowledgePlan
from understudy.replicate.knowledge.stocking import Stocking
from understudy.replicate.knowledge.transfer import Transfer
from understudy.replicate.lost import SETTLE_SECONDS, Finder
from understudy.replicate.outcomes import (
    failed,
    outcome,
    unsettled,
    untouched,
    with_ids,
    with_knowledge,
    withheld,
)
from understudy.replicate.plan import Action, Change, Plan
from understudy.replicate.recorder import NoRecorder, Recorder
from understudy.replicate.result import RunResult
from understudy.replicate.shelves import Assistants, fingerprint
from understudy.replicate.slots import Slots
from understudy.replicate.tolerant import Tolerant

log = logging.getLogger("understudy.replicate")


@dataclass(frozen=True, slots=True)
class Luggage:
    """What carrying knowledge takes: both places' knowledge, and what was read of it.

    `finisher` is the destination for what has to be asked even after a stop, `closer` the source;
    `spool` is the folder that large files pass through, None for the system's own.
    """

    source: Knowledge
    destination: Knowledge
    finisher: Knowledge
    held: Holdings
    there: Holdings
    originals: Originals = field(default_factory=lambda: Originals(None))
    spool: Path | None = None
    index_seconds: float = 600.0
    closer: Knowledge | None = None


async def apply_plan(
    plan: Plan,
    destination: Platform,
    *,
    before: Collection[str],
    concurrency: int,
    luggage: Luggage | None = None,
    stop: asyncio.Event | None = None,
    finisher: Platform | None = None,
    settle: float = SETTLE_SECONDS,
    recorder: Recorder | None = None,
    hosting: Hosting | None = None,
    listener: Listener = silent,
) -> RunResult:
    """Carry out the plan and return what happened to each assistant; raises nothing of a place.

    `before` are the ids that the destination held when the plan was made. Setting `stop` lets
    the writes in flight end and begins no new one; `finisher` is the same destination for what
    has to be asked even then. `settle` bounds, in seconds, the wait for a list that lags.
    `luggage` is needed for a plan with knowledge, `hosting` where agents run code on files.
    """
    halt = Halt(stop or asyncio.Event(), listener)
    recorder = recorder or NoRecorder()
    slots = Slots(concurrency)
    finder = Finder(Assistants(finisher or destination), before=before, settle=settle)
    carrier = None
    if plan.knowledge is not None:
        carrier = _carrier(plan.knowledge, luggage, slots, halt, recorder, settle, listener)
    run = _Run(plan, destination, finder, halt, slots, recorder, hosting, listener)
    return await run.execute(concurrency, carrier)


def _carrier(
    plan: KnowledgePlan,
    luggage: Luggage | None,
    slots: Slots,
    halt: Halt,
    recorder: Recorder,
    settle: float,
    listener: Listener,
) -> Carrier:
    if luggage is None:
        return Carrier(plan, None, None, slots, halt, listener)
    fetcher = Fetcher(
        luggage.source,
        luggage.held,
        luggage.originals,
        recorder,
        spool=luggage.spool,
        in_one_piece=luggage.destination.traits.limits.upload,
        closer=luggage.closer,
        listener=listener,
    )
    transfer = Transfer(
        fetcher,
        luggage.destination,
        luggage.finisher,
        recorder,
        halt,
        before=luggage.there.files.keys(),
        settle=settle,
    )
    stocking = Stocking(
        luggage.destination,
        luggage.finisher,
        recorder,
        halt,
        slots,
        before=luggage.there.stores.keys(),
        settle=settle,
        index_seconds=luggage.index_seconds,
        listener=listener,
    )
    return Carrier(plan, transfer, stocking, slots, halt, listener)


class _Run:
    def __init__(
        self,
        plan: Plan,
        destination: Platform,
        finder: Finder[Assistant],
        halt: Halt,
        slots: Slots,
        recorder: Recorder,
        hosting: Hosting | None,
        listener: Listener,
    ) -> None:
        self._plan = plan
        self._destination = destination
        self._hosting = hosting
        self._finder = finder
        self._halt = halt
        self._slots = slots
        self._recorder = recorder
        self._listener = listener
        self._done: dict[int, Outcome] = {}
        self._provided: dict[int, Provided] = {}
        self._require = plan.knowledge.require if plan.knowledge else False
        files = plan.knowledge.files if plan.knowledge else ()
        self._names = {step.source_id: step.name for step in files}
        # Without a marker, content is identity: equal payloads must not be in flight together.
        self._one_at_a_time: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def execute(self, concurrency: int, carrier: Carrier | None) -> RunResult:
        started = time.monotonic()
        writes = [(i, c) for i, c in enumerate(self._plan.changes) if c.writes]
        moving, size = self._moving()
        self._listener(
            RunStarted(self._plan.source, self._plan.destination, len(writes), moving, size)
        )
        ready: asyncio.Queue[tuple[int, Change] | None] = asyncio.Queue()
        for each in writes:
            if carrier is None or not each[1].needs:
                ready.put_nowait(each)
        workers = [
            asyncio.create_task(self._work(ready)) for _ in range(min(concurrency, len(writes)))
        ]
        files: tuple[FileOutcome, ...] = ()
        stores: tuple[StoreOutcome, ...] = ()
        try:
            if carrier is not None:
                carrier.start()
                await self._provide(carrier, ready)
                files, stores = await carrier.finish()
            for _ in workers:
                ready.put_nowait(None)
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            if carrier is not None:
                await carrier.cancel()
        deleted = await delete_all(
            self._plan.deletions, self._destination, self._recorder, self._halt
        )
        await self._flush()
        seconds = time.monotonic() - started
        self._listener(RunFinished(seconds))
        outcomes = tuple(
            self._done.get(i) or self._rest(i, c) for i, c in enumerate(self._plan.changes)
        )
        return RunResult(outcomes, self._halt.reason(), seconds, files, stores, deleted)

    async def _provide(
        self, carrier: Carrier, ready: asyncio.Queue[tuple[int, Change] | None]
    ) -> None:
        """Hand each assistant over to the workers as soon as its own knowledge is there."""

        async def one(index: int, change: Change) -> None:
            self._provided[index] = await carrier.provide(change.needs)
            if change.writes:
                ready.put_nowait((index, change))

        async with asyncio.TaskGroup() as tasks:
            for index, change in enumerate(self._plan.changes):
                if change.needs and change.action is not Action.CONFLICT:
                    tasks.create_task(one(index, change))

    async def _work(self, ready: asyncio.Queue[tuple[int, Change] | None]) -> None:
        while (each := await ready.get()) is not None:
            index, change = each
            if self._halt.reached:
                continue
            async with self._slots.turn():
                done = await self._one(index, change)
            if done is not None:
                self._done[index] = done
                self._listener(ChangeDone(done))

    async def _one(self, index: int, change: Change) -> Outcome | None:
        """Return what became of a change, None when nothing was begun."""
        provided = self._provided.get(index, Provided())
        if provided.lacks and self._require:
            return withheld(change, provided)
        try:
            payload = await self._at_home(change, with_ids(change, provided), provided)
            if change.action is Action.CREATE:
                done = await self._create(change, payload)
            else:
                done = await self._update(change, payload)
        except InterruptedRunError:
            return None
        except LostAnswerError as error:
            return failed(change, f"{error.message} The next run looks whether it arrived.")
        except PlaceError as error:
            self._halt.note(error)
            return failed(change, f"{error.message} {error.hint}".strip())
        except UnderstudyError as error:
            # A journal or a snapshot that cannot be written: the others would fail the same way.
            self._halt.end(error)
            return failed(change, f"{error.message} {error.hint}".strip())
        except Exception as error:  # one assistant's surprise must not cost the others their report
            log.exception("internal error with %s", change.source_id)
            return failed(change, f"Internal error: {type(error).__name__}: {error}")
        return with_knowledge(done, provided) if change.needs else done

    async def _at_home(
        self, change: Change, payload: Mapping[str, Any], provided: Provided
    ) -> Mapping[str, Any]:
        """Return the payload as it is written now: its knowledge, and others' metadata, in it."""
        replaces = self._destination.capabilities.replaces_metadata
        if not replaces or not payload.keys() & {"metadata", "tool_resources"}:
            return payload
        if change.destination_id is not None:
            now = (await self._destination.retrieve(change.destination_id)).metadata
            payload = {**payload, "metadata": _merged(now, payload.get("metadata"), change)}
        if self._hosting is None:
            return settled(payload)
        ids = provided.ids.items()
        known = {there: self._names[one] for one, there in ids if one in self._names}
        self._hosting.names.update(known)
        return await self._hosting.settle_in(
            change.source_id, payload, recorder=self._recorder, stop=lambda: self._halt.reached
        )

    async def _update(self, change: Change, payload: Mapping[str, Any]) -> Outcome:
        assert change.destination_id is not None  # noqa: S101 - an update has a target
        target = change.destination_id
        write = Tolerant(payload)
        ticket = await self._recorder.intend("update assistant", change.source_id, id=target)
        try:
            got = await write.send(lambda fields: self._destination.update(target, fields))
        except PlaceError as error:
            self._recorder.record(ticket, error=error.message)
            raise
        self._recorder.record(ticket, id=got.id)
        steps = f"update {', '.join(payload)}"
        return outcome(change, Status.UPDATED, got, (steps,), write)

    async def _create(self, change: Change, payload: Mapping[str, Any]) -> Outcome:
        if CLONED_FROM in (payload.get("metadata") or {}):
            return await self._create_once(change, payload)
        async with self._one_at_a_time[fingerprint(payload)]:
            return await self._create_once(change, payload)

    async def _create_once(self, change: Change, payload: Mapping[str, Any]) -> Outcome:
        write = Tolerant(payload)
        ticket = await self._recorder.intend("create assistant", change.source_id)
        try:
            made = await self._finder.create(
                lambda: write.send(self._destination.create),
                lambda: write.payload,
                lambda: self._halt.reached,
            )
        except LostAnswerError:
            raise  # it may be there: the intent stays open
        except (PlaceError, InterruptedRunError) as error:
            self._recorder.record(ticket, error=error.message)
            raise
        self._recorder.record(ticket, id=made.one.id)
        done = outcome(change, Status.CREATED, made.one, made.steps, write)
        if made.settled or done.error:
            return done
        return replace(done, error=unsettled(made.one))

    async def _flush(self) -> None:
        """Make writes durable; where that fails, none of them is reported as done."""
        try:
            await self._destination.flush()
        except UnderstudyError as error:
            for index, done in self._done.items():
                if done.destination_id and done.status is not Status.FAILED:
                    self._done[index] = replace(
                        done,
                        status=Status.FAILED,
                        destination_id=self._plan.changes[index].destination_id,
                        ledger=(),
                        error=f"Not written: {error.message}",
                    )

    def _moving(self) -> tuple[int, int]:
        plan = self._plan.knowledge
        return (plan.count(FileAction.MOVE), plan.moved_bytes) if plan else (0, 0)

    def _rest(self, index: int, change: Change) -> Outcome:
        """Return the outcome of a change that was not begun."""
        rest = untouched(change)
        if change.action is Action.UNCHANGED and index in self._provided:
            return with_knowledge(rest, self._provided[index])
        return rest


def _merged(now: Mapping[str, Any], planned: Any, change: Change) -> dict[str, Any]:
    """Return the metadata to send: whoever set a key since the plan was made finds it again."""
    if not isinstance(planned, Mapping):  # only what the copy leans on changes
        return dict(now)
    ours = {key: value for key, value in planned.items() if key not in change.others}
    return {**{k: v for k, v in now.items() if k not in change.owned}, **ours}
