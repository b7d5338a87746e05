"""Carrying the knowledge: every file and store once, as soon as what it needs is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from understudy.errors import InterruptedRunError, UnderstudyError
from understudy.model.fidelity import Ledger
from understudy.replicate.events import (
    FileDone,
    FileOutcome,
    FileStatus,
    Listener,
    Status,
    StoreDone,
    StoreOutcome,
)
from understudy.replicate.halt import Halt
from understudy.replicate.knowledge.ledger import knowledge_ledger, lack_entries
from understudy.replicate.knowledge.needs import Needs
from understudy.replicate.knowledge.plan import FileAction, FileStep, KnowledgePlan, Lack
from understudy.replicate.knowledge.stocking import Stocking, unwritten
from understudy.replicate.knowledge.store_plan import StoreStep
from understudy.replicate.knowledge.transfer import AT_REST, Transfer, failed, outcome
from understudy.replicate.slots import Slots

log = logging.getLogger("understudy.replicate")

T = TypeVar("T")

#: Files come last when a slot is free: somebody may wait for the others already.
_FILES = 2


@dataclass(frozen=True, slots=True)
class Provided:
    """What an assistant got: the destination's ids under the source's, and what it lacks.

    `ledger` is the fate of its knowledge as it came out, which may be another than planned.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    lacks: tuple[Lack, ...] = ()
    ledger: Ledger = ()


class Carrier:
    """Runs from `start` to `finish`; `provide` waits for what one assistant needs."""

    def __init__(
        self,
        plan: KnowledgePlan,
        transfer: Transfer | None,
        stocking: Stocking | None,
        slots: Slots,
        halt: Halt,
        listener: Listener,
    ) -> None:
        self._plan = plan
        self._transfer = transfer
        self._stocking = stocking
        self._slots = slots
        self._halt = halt
        self._listener = listener
        self._files: dict[str, asyncio.Task[FileOutcome]] = {}
        self._stores: dict[str, asyncio.Task[StoreOutcome]] = {}
        self._steps = {step.source_id: step for step in plan.stores}

    def start(self) -> None:
        """Begin with everything; what is done at a time is up to the slots."""
        for file in self._plan.files:
            self._files[file.source_id] = asyncio.create_task(self._file(file))
        for store in self._plan.stores:
            self._stores[store.source_id] = asyncio.create_task(self._store(store))

    async def provide(self, needs: Needs) -> Provided:
        """Wait for what an assistant needs, and return what came of it."""
        await self._all(needs)
        ids: dict[str, str] = {}
        lacks: list[Lack] = []
        for one in needs.stores:
            store = self._stores[one].result()
            if store.destination_id and store.status is not Status.CONFLICT:
                ids[one] = store.destination_id
            lacks += self._lacking(one, store)
        for one in needs.files:
            file = self._files[one].result()
            if file.arrived and file.destination_id:
                ids[one] = file.destination_id
            else:
                lacks.append(_lack("code_interpreter", file))
        own = [*needs.files, *(i for one in needs.stores for i in self._steps[one].carried)]
        done = (self._files[one].result() for one in own)
        texts = {file.source_id: file.name for file in done if file.arrived and file.text}
        ledger = (*knowledge_ledger(needs, texts, self._steps), *lack_entries(lacks))
        return Provided(ids, tuple(lacks), ledger)

    async def finish(self) -> tuple[tuple[FileOutcome, ...], tuple[StoreOutcome, ...]]:
        """Wait for everything and return the outcomes in the plan's order."""
        files = await asyncio.gather(*self._files.values())
        stores = await asyncio.gather(*self._stores.values())
        return tuple(files), tuple(stores)

    async def cancel(self) -> None:
        """Stop at once; may be called after `finish`."""
        tasks = [*self._stores.values(), *self._files.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _all(self, needs: Needs) -> None:
        waited = [self._stores[one] for one in needs.stores]
        await asyncio.gather(*waited, *(self._files[one] for one in needs.files))

    async def _file(self, step: FileStep) -> FileOutcome:
        if step.action is not FileAction.MOVE:
            return outcome(step, AT_REST[step.action])
        skipped = outcome(step, FileStatus.SKIPPED, reason="the run ended before its turn")
        async with self._slots.turn(_FILES):
            if self._halt.reached or self._transfer is None:
                return skipped
            moving = self._transfer.move(step)
            done = await self._guarded(moving, skipped, lambda text: failed(step, text))
        self._listener(FileDone(done))
        return done

    async def _store(self, step: StoreStep) -> StoreOutcome:
        files = await asyncio.gather(*(self._files[one] for one in step.carried))
        ids = {f.source_id: f.destination_id for f in files if f.arrived and f.destination_id}
        base = unwritten(step, ids)
        if self._stocking is None:
            return base
        skipped = replace(base, status=Status.SKIPPED)
        stocking = self._stocking.stock(step, ids)
        done = await self._guarded(
            stocking, skipped, lambda text: replace(base, status=Status.FAILED, error=text)
        )
        if step.writes:
            self._listener(StoreDone(done))
        return done

    async def _guarded(self, work: Awaitable[T], skipped: T, fail: Callable[[str], T]) -> T:
        """Return the outcome of some work; no surprise with one costs the others their report."""
        try:
            return await work
        except InterruptedRunError:
            return skipped
        except UnderstudyError as error:
            # A full disk, a journal that cannot be written: the others would fail the same way.
            self._halt.end(error)
            return fail(f"{error.message} {error.hint}".strip())
        except Exception as error:
            log.exception("internal error")
            return fail(f"Internal error: {type(error).__name__}: {error}")

    def _lacking(self, source_id: str, store: StoreOutcome) -> Iterator[Lack]:
        step = self._steps[source_id]
        whole = [self._files[one].result() for one in (*step.carried, *step.lacking)]
        absent = [file for file in whole if not file.arrived]
        for file in absent:
            yield _lack("file_search", file)
        for one, reason in store.failed:
            name = self._files[one].result().name
            yield Lack("file_search", one, name, f"not searchable: {reason}")
        if store.error and not absent:
            yield Lack("file_search", source_id, store.name, store.error.rstrip("."))
        elif store.status is Status.SKIPPED:
            reason = "the run ended before its turn"
            yield Lack("file_search", source_id, store.name, reason)


def _lack(tool: str, file: FileOutcome) -> Lack:
    return Lack(tool, file.source_id, file.name, file.reason.rstrip(".") or str(file.status))
