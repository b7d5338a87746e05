"""Batches: one run for each row of a file, played through the queue; resumed by their rows."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from understudy.architect.inputs import InputFinding
from understudy.errors import UsageError
from understudy.files import replacing
from understudy.ops.batch_rows import entered, raw_rows
from understudy.ops.batch_spool import Spool
from understudy.ops.playing import Chosen, RefusedInputsError
from understudy.ops.running import Runs
from understudy.report.architect_run import row_fields, unrun_fields
from understudy.runs import batches
from understudy.runs.records import Asked, Batch, Order, Progress, Result, Standing
from understudy.runs.submitting import Row

_AT_ONCE = 500  # rows that are looked at and written down together
_AT_ONCE_TEXT = 10_000_000  # characters of them, and one row
_LOOK = 0.2  # seconds between two looks at how a batch stands
_LAST_LOOKS = 0.03  # once all rows have begun
_FOR_EVER = 86_400.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """A batch: whose runs, by which rows, into which file, for how much (US dollars)."""

    chosen: Chosen
    rows: Path
    out: Path
    max_cost: float | None = None
    retry_failed: bool = False


@dataclass(slots=True)
class Begun:
    """A batch that was written down, to be closed; `guess` is what a run costs at least, in USD."""

    batch: Batch
    names: Sequence[str]
    request: BatchRequest
    spool: Spool = field(default_factory=Spool)
    rows: int = 0
    guess: float = 0.0

    @property
    def invalid(self) -> Mapping[int, tuple[InputFinding, ...]]:
        """The rows that have no run, and why."""
        return self.spool.refused

    def close(self) -> None:
        """Forget what was looked at; may be repeated."""
        self.spool.close()


async def begin(runs: Runs, request: BatchRequest) -> Begun:
    """Write a batch and its rows down; what is there from an earlier time is left as it is.

    The same assistant and output file are the same batch, and a row that enters the same is the
    same row. Raises UsageError for rows that cannot be read, a key or a price that is missing, and
    results that would replace the rows; StoreError.
    """
    if request.out.resolve() == request.rows.resolve():
        raise UsageError(
            f"The results would replace the rows: {request.out}.", hint="Name another file: --out."
        )
    runs.player.ready(request.chosen.models)
    if request.max_cost is not None:
        _require_prices(runs, request.chosen)
    order = _order(runs, request.chosen)
    name = json.dumps([order.play, str(request.out.resolve())])
    batch = Batch(f"batch_{sha256(name.encode()).hexdigest()[:16]}", 0, request.max_cost)
    names = [one.name for one in request.chosen.definition.prompts]
    begun = Begun(batch, names, request)
    try:
        # Nobody begins before all is written down.
        await runs.kept.writing(batches.begin, batch, opened=False)
        await _fill(runs, begun, order)
        begun.batch = replace(batch, rows=begun.rows, guess=begun.guess)
        if request.retry_failed:
            await runs.kept.writing(batches.retry, batch.id, runs.kept.lease)
        await runs.kept.writing(batches.begin, begun.batch)
    except BaseException:
        begun.close()
        raise
    return begun


async def _fill(runs: Runs, begun: Begun, order: Order) -> None:
    """Look at all rows, and queue those that are sound and were not asked before.

    A row is known by what it enters: its run stays with it, wherever it stands now.
    """
    asked = Asked(trace=runs.trace())
    spool = begun.spool
    await runs.kept.reading(batches.known, begun.batch.id, spool.know)
    queue = _Queue(runs, begun.batch.id, order, asked)
    async for number, values in _checked(runs, begun):
        begun.rows = number
        if values is None:
            continue
        if begun.guess == 0.0:
            begun.guess = runs.player.least(begun.request.chosen, values) or 0.0
        row = Row(number, dict(values))
        if not spool.known:  # nobody has these numbers yet
            await queue.put(row)
        elif not spool.give(batches.digest(values), number):
            spool.add(row)
    if begun.rows == 0:
        raise UsageError(f"{begun.request.rows} has no rows.")
    await runs.kept.writing(batches.renumber, spool.moved, spool.left)
    for row in spool.fresh:
        await queue.put(row)
    await queue.flush()


class _Queue:
    """Queues rows, several at once."""

    def __init__(self, runs: Runs, batch: str, order: Order, asked: Asked) -> None:
        self._runs = runs
        self._about = (batch, order)
        self._asked = asked
        self._rows: list[Row] = []
        self._size = 0

    async def put(self, row: Row) -> None:
        """Queue a row, soon."""
        self._rows.append(row)
        self._size += sum(map(len, row.inputs.values()))
        if len(self._rows) >= _AT_ONCE or self._size > _AT_ONCE_TEXT:
            await self.flush()

    async def flush(self) -> None:
        """Queue what is left."""
        rows, self._rows, self._size = self._rows, [], 0
        await self._runs.kept.queue_rows(*self._about, rows, self._asked)


async def _checked(runs: Runs, begun: Begun) -> AsyncIterator[tuple[int, Mapping[str, str] | None]]:
    """Yield each row's number with what its prompts get, None for a row that is not sound."""
    request = begun.request
    definition = request.chosen.definition
    for row in raw_rows(request.rows):
        if row.number % 100 == 0:
            await asyncio.sleep(0)  # let others have their turn
        given = await entered(row, definition, request.rows.parent)
        if isinstance(given, tuple):
            begun.spool.refuse(row.number, given)
            yield row.number, None
            continue
        try:
            yield row.number, runs.player.play(request.chosen, given).inputs
        except RefusedInputsError as error:
            begun.spool.refuse(row.number, error.findings)
            yield row.number, None


def _order(runs: Runs, chosen: Chosen) -> Order:
    return Order(
        assistant=chosen.definition.name,
        version=chosen.version,
        content=chosen.definition.canonical,
        models=chosen.models,
        tools=runs.player.tools(chosen).given,
        inputs={},
    )


def _require_prices(runs: Runs, chosen: Chosen) -> None:
    """Raise UsageError for a model without a price."""
    for model in dict.fromkeys(chosen.models.values()):
        if runs.player.prices.cost(model, 0, 0) is None:
            raise UsageError(
                f"What {model} costs is not known, so there can be no budget.",
                hint="Give input_price and output_price with it in [[models]].",
            )


async def play(
    runs: Runs,
    begun: Begun,
    *,
    places: int,
    stop: asyncio.Event,
    tell: Callable[[Progress], None],
) -> Progress:
    """Play a batch here until all of it has ended, the budget allows no more, or the event.

    Other workers may help. `tell` hears how it stands, now and then.
    """
    limits = replace(runs.settings.limits, places=places, batch=begun.batch.id)
    ended = asyncio.Event()
    async with runs.worker(limits, kind="batch") as worker:
        serving = asyncio.create_task(worker.serve(ended))
        try:
            progress = await _watched(runs, begun, stop, tell, worker.nudge)
        finally:
            await runs.kept.writing(batches.close, begun.batch.id)
            ended.set()
            await serving
        if stop.is_set():
            await worker.stop(_FOR_EVER)  # what has begun is paid for
            progress = await runs.kept.reading(batches.progress, begun.batch.id)
    return progress


async def _watched(
    runs: Runs,
    begun: Begun,
    stop: asyncio.Event,
    tell: Callable[[Progress], None],
    nudge: Callable[[], None],
) -> Progress:
    total = begun.rows - len(begun.invalid)
    while True:
        progress = await runs.kept.reading(batches.progress, begun.batch.id)
        tell(progress)
        if progress.ended >= total or progress.blocked or stop.is_set():
            return progress
        nudge()
        waiting = progress.standings.get(Standing.QUEUED, 0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK if waiting else _LAST_LOOKS)


async def write_results(runs: Runs, begun: Begun) -> None:
    """Write a line for each row, in their order; whole or not at all. Raises OutputError."""
    with replacing(begun.request.out) as file:
        number = 0
        while number < begun.rows:
            last = min(number + _AT_ONCE, begun.rows)
            kept = await runs.kept.reading(batches.results, begun.batch.id, number, last)
            lines = [
                json.dumps(_line(begun, kept, one), ensure_ascii=False)
                for one in range(number + 1, last + 1)
            ]
            file.write("".join(f"{line}\n" for line in lines))
            number = last


def _line(begun: Begun, kept: Mapping[int, Result], row: int) -> dict[str, Any]:
    if (findings := begun.invalid.get(row)) is not None:
        return unrun_fields(row, "invalid", findings)
    found = kept.get(row)
    if found is None or not found.standing.ended:
        return unrun_fields(row, "not_run", ())
    return row_fields(row, found, begun.names)


def failures(progress: Progress, invalid: int) -> int:
    """Return how many rows have no answer that should have one."""
    completed = progress.standings.get(Standing.COMPLETED, 0)
    return invalid + sum(progress.standings.values()) - completed
