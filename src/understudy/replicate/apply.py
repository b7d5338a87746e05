"""Carrying out a plan: at most N writes at a time, each outcome recorded, the rest goes on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from understudy.errors import (
    InterruptedRunError,
    LostAnswerError,
    PlaceError,
    RejectedError,
    UnderstudyError,
)
from understudy.model.assistant import CLONED_FROM, FIELDS, Assistant
from understudy.model.fidelity import Fidelity, LedgerEntry
from understudy.model.meaning import same
from understudy.platforms.base import Platform
from understudy.replicate.events import (
    ChangeDone,
    Listener,
    Outcome,
    RunFinished,
    RunStarted,
    Status,
    Stopping,
    silent,
)
from understudy.replicate.lost import SETTLE_SECONDS, Finder, fingerprint
from understudy.replicate.plan import Action, Change, Plan

log = logging.getLogger("understudy.replicate")

#: Creates of one assistant, the first included, before its lost answers count as a failure.
CREATE_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class RunResult:
    """Outcomes in the plan's order. `stopped_by` is what ended the run early, if anything."""

    outcomes: tuple[Outcome, ...]
    stopped_by: UnderstudyError | None = None
    seconds: float = 0.0

    def count(self, status: Status) -> int:
        """Return how many assistants came out that way."""
        return sum(1 for outcome in self.outcomes if outcome.status is status)


async def apply_plan(
    plan: Plan,
    destination: Platform,
    *,
    before: Collection[str],
    concurrency: int,
    stop: asyncio.Event | None = None,
    finisher: Platform | None = None,
    settle: float = SETTLE_SECONDS,
    listener: Listener = silent,
) -> RunResult:
    """Carry out the plan and return what happened to each assistant; raises nothing of a place.

    `before` are the ids that the destination held when the plan was made. Setting `stop` lets
    the writes in flight end and begins no new one; `finisher` is the same destination for what
    has to be asked even then. `settle` bounds, in seconds, the wait for a list that lags.
    """
    finder = Finder(finisher or destination, before=before, settle=settle)
    run = _Run(plan, destination, finder, stop or asyncio.Event(), listener)
    return await run.execute(concurrency)


class _Run:
    def __init__(
        self,
        plan: Plan,
        destination: Platform,
        finder: Finder,
        stop: asyncio.Event,
        listener: Listener,
    ) -> None:
        self._plan = plan
        self._destination = destination
        self._finder = finder
        self._stop = stop
        self._listener = listener
        self._fatal: PlaceError | None = None
        self._done: dict[int, Outcome] = {}
        # Without a marker, content is identity: equal payloads must not be in flight together.
        self._one_at_a_time: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def execute(self, concurrency: int) -> RunResult:
        started = time.monotonic()
        writes = [(i, c) for i, c in enumerate(self._plan.changes) if c.writes]
        self._listener(RunStarted(self._plan.source, self._plan.destination, len(writes)))
        queue = iter(writes)
        workers = [self._work(queue) for _ in range(min(concurrency, len(writes)))]
        await asyncio.gather(*workers)
        await self._flush()
        seconds = time.monotonic() - started
        self._listener(RunFinished(seconds))
        outcomes = tuple(
            self._done.get(i) or _untouched(c) for i, c in enumerate(self._plan.changes)
        )
        return RunResult(outcomes, self._stopped_by(), seconds)

    async def _work(self, queue: Iterator[tuple[int, Change]]) -> None:
        for index, change in queue:
            if self._fatal or self._stop.is_set():
                return
            outcome = await self._one(change)
            if outcome is not None:
                self._done[index] = outcome
                self._listener(ChangeDone(outcome))

    async def _one(self, change: Change) -> Outcome | None:
        """Return what became of a change, None when nothing was begun."""
        try:
            if change.action is Action.CREATE:
                return await self._create(change)
            return await self._update(change)
        except InterruptedRunError:
            return None
        except LostAnswerError as error:
            return _failed(change, f"{error.message} The next run looks whether it arrived.")
        except PlaceError as error:
            if error.stops_run and self._fatal is None:
                self._fatal = error
                self._listener(Stopping(error.message))
            return _failed(change, f"{error.message} {error.hint}".strip())
        except UnderstudyError as error:
            return _failed(change, f"{error.message} {error.hint}".strip())
        except Exception as error:  # one assistant's surprise must not cost the others their report
            log.exception("internal error with %s", change.source_id)
            return _failed(change, f"Internal error: {type(error).__name__}: {error}")

    async def _update(self, change: Change) -> Outcome:
        assert change.destination_id is not None  # noqa: S101 - an update has a target
        target = change.destination_id
        write = _Tolerant(change.payload)
        got = await write.send(lambda fields: self._destination.update(target, fields))
        steps = f"update {', '.join(change.payload)}"
        return _outcome(change, Status.UPDATED, got, (steps,), write)

    async def _create(self, change: Change) -> Outcome:
        if CLONED_FROM in (change.payload.get("metadata") or {}):
            return await self._create_once(change)
        async with self._one_at_a_time[fingerprint(change.payload)]:
            return await self._create_once(change)

    async def _create_once(self, change: Change) -> Outcome:
        """Create, and after every lost answer look first; never leaves two."""
        write = _Tolerant(change.payload)
        steps: list[str] = []
        lost: list[LostAnswerError] = []
        while True:
            try:
                got = await write.send(self._destination.create)
                steps.append("create")
                if not self._finder.claim(got.id):
                    raise RejectedError(
                        f"The destination answered a create with {got.id}, which it already had.",
                        hint="Look there what became of it.",
                    )
                break
            except LostAnswerError as error:
                lost.append(error)
                steps.append("create, answer lost")
                if found := await self._finder.find(write.payload):
                    steps.append(f"found {found.id}")
                    got = found
                    break
                if len(lost) == CREATE_ATTEMPTS or self._stop.is_set():
                    raise
            except InterruptedRunError:
                if lost:  # one may be there; "not begun" would hide that
                    raise lost[-1] from None
                raise
        got, settled = await self._settle(got, write, steps, lost=len(lost))
        outcome = _outcome(change, Status.CREATED, got, tuple(steps), write)
        if settled or outcome.error:
            return outcome
        return replace(outcome, error=_unsettled(got))

    async def _settle(
        self, got: Assistant, write: _Tolerant, steps: list[str], *, lost: int
    ) -> tuple[Assistant, bool]:
        """Keep one of several: creates that seemed lost may show up only now.

        Returns the one that stays, the oldest that is known, and whether the list caught up:
        if not, there may be more.
        """
        answered = steps[-1] == "create"
        most = lost if answered else lost - 1
        if not most:
            return got, True
        twins = await self._finder.twins(got, write.payload, most=most, newest=answered)
        others = twins.others[-most:]
        keep = others[-1] if answered and others else got
        self._finder.claim(keep.id)
        for surplus in (one for one in (got, *others) if one.id != keep.id):
            try:
                await self._finder.discard(surplus)
            except PlaceError as error:
                raise RejectedError(
                    f"It exists twice, as {keep.id} and {surplus.id}: the answer to a create was "
                    f"lost, and the second could not be deleted ({error.message}).",
                    hint=f"Delete {surplus.id} there.",
                ) from error
            steps.append(f"delete {surplus.id}: the first create had arrived as {keep.id}")
        return keep, twins.settled

    async def _flush(self) -> None:
        """Make writes durable; where that fails, none of them is reported as done."""
        try:
            await self._destination.flush()
        except UnderstudyError as error:
            for index, outcome in self._done.items():
                if outcome.status in (Status.CREATED, Status.UPDATED):
                    self._done[index] = replace(
                        outcome,
                        status=Status.FAILED,
                        destination_id=self._plan.changes[index].destination_id,
                        ledger=(),
                        error=f"Not written: {error.message}",
                    )

    def _stopped_by(self) -> UnderstudyError | None:
        if self._fatal is not None:
            return self._fatal
        if self._stop.is_set():
            return InterruptedRunError(
                "Stopped on request.", hint="Run the same command again to complete the work."
            )
        return None


class _Tolerant:
    """Sends a payload, leaving out fields nobody knows that the destination refuses by name."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = dict(payload)
        self.dropped: list[LedgerEntry] = []

    async def send(self, write: Any) -> Assistant:
        """Return what `write(payload)` returns; raises what it raises."""
        while True:
            try:
                got: Assistant = await write(self.payload)
            except RejectedError as error:
                name = _refused_extra(error, self.payload)
                if name is None:
                    raise
                del self.payload[name]
                self.dropped.append(
                    LedgerEntry(name, Fidelity.DROPPED, "the destination does not know this field")
                )
            else:
                return got


def _refused_extra(error: RejectedError, payload: Mapping[str, Any]) -> str | None:
    """Return the field to leave out: refused by name, and none that everybody knows."""
    named = (error.param or "").split(".")[0].split("[")[0]
    candidates = [name for name in payload if name not in FIELDS]
    if named in candidates:
        return named
    quoted = [name for name in candidates if f"'{name}'" in error.message]
    return quoted[0] if quoted and not error.param else None


def _outcome(
    change: Change, status: Status, got: Assistant, steps: tuple[str, ...], write: _Tolerant
) -> Outcome:
    """Return the outcome, having compared what was sent with what is there now."""
    dropped = {entry.field for entry in write.dropped}
    ledger = [entry for entry in change.ledger if entry.field not in dropped]
    ledger += write.dropped
    unlike = [n for n, v in write.payload.items() if not same(n, v, got.raw.get(n))]
    for name in unlike:
        ledger = [entry for entry in ledger if entry.field != name]
        ledger.append(LedgerEntry(name, Fidelity.DEGRADED, "the destination holds another value"))
    error = f"The destination did not keep {', '.join(unlike)} as sent." if unlike else ""
    return Outcome(change.source_id, change.name, status, got.id, steps, tuple(ledger), error)


def _unsettled(got: Assistant) -> str:
    return (
        f"The answer to a create was lost, and the list did not show {got.id} in time to tell "
        "whether there are two now. The next plan shows a conflict if there are."
    )


def _failed(change: Change, message: str) -> Outcome:
    return Outcome(
        change.source_id,
        change.name,
        Status.FAILED,
        change.destination_id,
        error=message,
    )


def _untouched(change: Change) -> Outcome:
    """Return the outcome of a change that was not begun."""
    status = {Action.UNCHANGED: Status.UNCHANGED, Action.CONFLICT: Status.CONFLICT}.get(
        change.action, Status.SKIPPED
    )
    return Outcome(
        change.source_id,
        change.name,
        status,
        change.destination_id,
        ledger=change.ledger if status is Status.UNCHANGED else (),
        error=" ".join(f.message for f in change.findings if f.blocks),
    )
