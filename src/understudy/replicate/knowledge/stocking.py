"""Making one vector store hold what it should, and waiting until it can be searched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from understudy.errors import (
    InterruptedRunError,
    LostAnswerError,
    PlaceError,
    RejectedError,
)
from understudy.model.knowledge import Store, StoreFile
from understudy.platforms.knowledge import Knowledge
from understudy.replicate.events import Indexing, Listener, Status, StoreOutcome
from understudy.replicate.halt import Halt
from understudy.replicate.knowledge.holdings import contents_of
from understudy.replicate.knowledge.store_plan import StoreAction, StoreStep
from understudy.replicate.lost import Created, Finder
from understudy.replicate.recorder import Recorder
from understudy.replicate.shelves import Stores, fingerprint
from understudy.replicate.slots import Slots

#: Stores come after assistants and before files when a slot is free.
PRIORITY = 1

TOO_MANY = "array_above_max_length"
NO_ATTRIBUTES = "unknown_parameter"

_FIRST_LOOK, _LONGEST_LOOK = 0.1, 5.0  # seconds between looks at indexing


@dataclass(slots=True)
class _Progress:
    """How far one store came: its id once it has one, what was done, whether all is in it."""

    target: str | None
    steps: list[str] = field(default_factory=list)
    attached: bool = False


class Stocking:
    """Writes vector stores. `index_seconds` is how long the indexing of one is awaited."""

    def __init__(
        self,
        destination: Knowledge,
        finisher: Knowledge,
        recorder: Recorder,
        halt: Halt,
        slots: Slots,
        *,
        before: Collection[str],
        settle: float,
        index_seconds: float,
        listener: Listener,
    ) -> None:
        self._destination = destination
        self._finder = Finder(Stores(finisher), before=before, settle=settle)
        self._recorder = recorder
        self._halt = halt
        self._slots = slots
        self._batch = destination.traits.limits.batch
        self._index_seconds = index_seconds
        self._listener = listener
        self._alone: dict[str, asyncio.Lock] = {}

    async def stock(self, step: StoreStep, ids: Mapping[str, str]) -> StoreOutcome:
        """Return what became of a store; `ids` are the destination's ids of the files it needs.

        Raises nothing of a place: that is in the outcome, and noted where it ends the run.
        """
        base = unwritten(step, ids)
        if step.action in (StoreAction.MISSING, StoreAction.CONFLICT):
            return base
        if step.action is StoreAction.CREATE and step.carried and not base.files:
            reason = "none of its files arrived, so it was not created: it would look complete"
            return replace(base, status=Status.FAILED, error=reason)
        at = _Progress(step.destination_id)
        try:
            return await self._carry_out(step, ids, base, at)
        except InterruptedRunError:
            status, error = Status.SKIPPED, ""
            if at.steps:
                status, error = base.status, "The run was stopped before it was complete."
        except LostAnswerError as lost:
            status, error = Status.FAILED, f"{lost.message} The next run looks how far it came."
        except PlaceError as refused:
            self._halt.note(refused)
            status, error = Status.FAILED, f"{refused.message} {refused.hint}".strip()
        # What was made is named even so: the next run must know that it is there.
        left = () if at.attached else step.attach
        files = len({*step.carried} & ids.keys() - {f.file_id for f in left})
        base = replace(base, destination_id=at.target, files=files, operations=tuple(at.steps))
        return replace(base, status=status, error=error)

    async def _carry_out(
        self, step: StoreStep, ids: Mapping[str, str], base: StoreOutcome, at: _Progress
    ) -> StoreOutcome:
        async with self._slots.turn(PRIORITY):
            if step.writes and self._halt.reached:
                return replace(base, status=Status.SKIPPED)
            if step.action is StoreAction.CREATE:
                made = await self._create(step, at.steps)
                at.target = made.one.id
                _require_settled(step, made)
            if step.writes and at.target is not None:
                await self._write(step, at.target, ids, at)
        base = replace(base, destination_id=at.target, operations=tuple(at.steps))
        if at.target is None or not (step.attach or step.indexing):
            return base
        wanted = {ids[one]: one for one in step.carried if one in ids}
        failed, waiting = await self._indexed(step, at.target, wanted)
        return replace(base, failed=step.failed if waiting else tuple(failed), error=waiting)

    async def _write(
        self, step: StoreStep, target: str, ids: Mapping[str, str], at: _Progress
    ) -> None:
        steps = at.steps
        if step.action is StoreAction.UPDATE and step.payload:
            await self._noted(
                "update store",
                step,
                target,
                lambda: self._destination.update_store(target, step.payload),
            )
            steps.append(f"update {', '.join(step.payload)}")
        # What is cut otherwise leaves first; a degraded copy only once the better one is there.
        again = {ids[f.file_id] for f in step.attach if f.file_id in ids}
        for file_id in (one for one in step.detach if one in again):
            await self._detach(step, target, file_id, steps)
        files = [replace(f, file_id=ids[f.file_id]) for f in step.attach if f.file_id in ids]
        if files:
            await self._attach(step, target, files)
            steps.append(f"attach {_files(len(files))}")
        at.attached = True
        for file in (f for f in step.retag if f.file_id in ids):
            there, tags = ids[file.file_id], file.attributes
            await self._noted(
                "update attributes",
                step,
                there,
                lambda there=there, tags=tags: self._destination.update_attributes(  # type: ignore[misc]
                    target, there, tags
                ),
            )
            steps.append(f"update the attributes of {there}")
        for file_id in (one for one in step.detach if one not in again):
            await self._detach(step, target, file_id, steps)

    async def _create(self, step: StoreStep, steps: list[str]) -> Created[Store]:
        # Without a marker the fields are the identity: equal ones must not be in flight together.
        async with self._alone.setdefault(fingerprint(step.payload), asyncio.Lock()):
            ticket = await self._recorder.intend("create store", step.source_id, name=step.name)
            try:
                made = await self._finder.create(
                    lambda: self._destination.create_store(step.payload),
                    lambda: step.payload,
                    lambda: self._halt.reached,
                )
            except LostAnswerError:
                raise  # it may be there: the intent stays open
            except (PlaceError, InterruptedRunError) as error:
                self._recorder.record(ticket, error=error.message)
                raise
            self._recorder.record(ticket, id=made.one.id)
        steps += made.steps
        return made

    async def _attach(self, step: StoreStep, target: str, files: Sequence[StoreFile]) -> None:
        """Attach in batches, halving them for as long as the place says that these are too many."""
        left = list(files)
        while left:
            batch = left[: self._batch]
            try:
                await self._noted(
                    "attach files",
                    step,
                    target,
                    lambda batch=batch: self._destination.attach_many(target, batch),  # type: ignore[misc]
                    count=len(batch),
                )
            except RejectedError as error:
                if error.code == TOO_MANY and len(batch) > 1:
                    self._batch = max(1, len(batch) // 2)
                    continue
                if error.code != NO_ATTRIBUTES:
                    raise
                await self._one_by_one(step, target, batch)
            left = left[len(batch) :]

    async def _one_by_one(self, step: StoreStep, target: str, files: Sequence[StoreFile]) -> None:
        """Attach where a batch has no attributes of its own for each file."""
        for file in files:
            await self._noted(
                "attach files",
                step,
                target,
                lambda file=file: self._destination.attach(target, file),  # type: ignore[misc]
                count=1,
            )

    async def _detach(self, step: StoreStep, target: str, file_id: str, steps: list[str]) -> None:
        await self._noted(
            "detach file", step, file_id, lambda: self._destination.detach(target, file_id)
        )
        steps.append(f"detach {file_id}")

    async def _noted(
        self,
        what: str,
        step: StoreStep,
        target: str,
        write: Callable[[], Awaitable[object]],
        **details: object,
    ) -> None:
        """Carry out a write that may be repeated, with its intent and result in the journal."""
        ticket = await self._recorder.intend(what, step.source_id, id=target, **details)
        try:
            await write()
        except PlaceError as error:
            self._recorder.record(ticket, error=error.message)
            raise
        self._recorder.record(ticket, id=target)

    async def _indexed(
        self, step: StoreStep, target: str, wanted: Mapping[str, str]
    ) -> tuple[list[tuple[str, str]], str]:
        """Wait until nothing is being indexed; return what failed, and why we did not wait on."""
        if not self._destination.traits.indexes:
            return [], ""
        give_up = time.monotonic() + self._index_seconds
        pause = _FIRST_LOOK
        while True:
            store = await self._destination.retrieve_store(target)
            done = store.count("total") - store.count("in_progress")
            self._listener(Indexing(step.name, done, max(len(wanted), store.count("total"))))
            if not store.count("in_progress") and store.count("total") >= len(wanted):
                break
            if self._halt.reached:
                return [], "It is still being indexed: the run was stopped."
            if time.monotonic() + pause > give_up:
                return [], (
                    f"It is still being indexed after {self._index_seconds:,.0f} s "
                    f"({done} of {len(wanted)} files); what is missing may still come."
                )
            await asyncio.sleep(pause)
            pause = min(_LONGEST_LOOK, pause * 1.5)
        return await self._failures(store, target, wanted), ""

    async def _failures(
        self, store: Store, target: str, wanted: Mapping[str, str]
    ) -> list[tuple[str, str]]:
        if not (store.count("failed") or store.count("cancelled")):
            return []
        return [
            (wanted[file.file_id], file.error or file.error_code or file.status)
            for file in await contents_of(self._destination, target)
            if file.unsearchable and file.file_id in wanted
        ]


def unwritten(step: StoreStep, ids: Mapping[str, str]) -> StoreOutcome:
    """Return the outcome of a store as it was planned, before anything was written."""
    status = {
        StoreAction.CREATE: Status.CREATED,
        StoreAction.UPDATE: Status.UPDATED,
        StoreAction.UNCHANGED: Status.UNCHANGED,
        StoreAction.CONFLICT: Status.CONFLICT,
        StoreAction.MISSING: Status.FAILED,
    }[step.action]
    count = sum(one in ids for one in step.carried)
    troubled = step.action in (StoreAction.CONFLICT, StoreAction.MISSING)
    return StoreOutcome(
        step.source_id,
        step.name,
        status,
        step.destination_id,
        files=0 if troubled else count,
        failed=step.failed,
        users=step.users,
        error=step.reason if troubled else "",
    )


def _require_settled(step: StoreStep, made: Created[Store]) -> None:
    if not made.settled:
        raise RejectedError(
            f"The vector store {step.name} may exist twice: no list showed {made.one.id} in time "
            "to tell.",
            hint="The next plan shows a conflict if it does.",
        )


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"
