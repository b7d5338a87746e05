"""Batches: many runs of one assistant with one budget, by the rows of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select

from understudy.architect.run_events import RunEnded, RunStatus
from understudy.runs import deciding, endings, reading, workers
from understudy.runs.database import insert_new, now
from understudy.runs.records import Batch, Progress, Result, Standing, ended_of
from understudy.runs.tables import BATCHES, RUNS

_PIECE = 500  # rows that are changed together


def begin(connection: Connection, batch: Batch, *, opened: bool = True) -> None:
    """Write a batch down; one that is there gets the new budget. None is played before `opened`."""
    connection.execute(
        insert_new(connection, BATCHES).values(
            id=batch.id,
            created_at=now(connection),
            rows=batch.rows,
            open=opened,
            max_cost=batch.max_cost,
            guess=batch.guess,
        )
    )
    changed = {"max_cost": batch.max_cost, "rows": batch.rows, "guess": batch.guess, "open": opened}
    connection.execute(BATCHES.update().where(BATCHES.c.id == batch.id).values(changed))


def known(
    connection: Connection, batch: str, take: Callable[[Iterable[tuple[str, int, str]]], object]
) -> None:
    """Have the runs of a batch taken: the id of each, its row, and a digest of what was entered."""
    mine = (RUNS.c.batch == batch) & RUNS.c.row.is_not(None)
    statement = select(RUNS.c.id, RUNS.c.row, RUNS.c.inputs).where(mine)
    with connection.execute(statement, execution_options={"yield_per": 100}) as rows:
        take((one.id, one.row, _digest_of(one.inputs)) for one in rows)


def _digest_of(inputs: str | None) -> str:
    return digest(json.loads(inputs) if inputs is not None else None)


def digest(inputs: object) -> str:
    """Return what is the same for rows in which the same was entered."""
    return sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def renumber(
    connection: Connection, moved: Iterable[tuple[str, int]], left: Iterable[tuple[str]]
) -> None:
    """Give runs of a batch the numbers of their rows, and take out those that are left over.

    What waited and is taken out is cancelled; what was spent stays in the batch's budget, and so
    does what is still being spent. `moved` is gone through twice.
    """
    for (run,) in left:
        found = endings.locked(connection, run)
        if found.standing == Standing.QUEUED:
            endings.end(connection, found, RunEnded(RunStatus.CANCELLED))
        connection.execute(RUNS.update().where(RUNS.c.id == run).values(row=None))
    place = RUNS.update().where(RUNS.c.id == bindparam("run_")).values(row=bindparam("row_"))
    for sign in (-1, 1):  # by way of numbers that no row has: two may change places
        rows = iter(moved)
        while some := list(islice(rows, _PIECE)):
            connection.execute(place, [{"run_": run, "row_": row * sign} for run, row in some])


def close(connection: Connection, batch: str) -> None:
    """Hold the rows of a batch that wait: nobody begins them any more until it is opened again."""
    connection.execute(BATCHES.update().where(BATCHES.c.id == batch).values(open=False))


def progress(connection: Connection, batch: str) -> Progress:
    """Return how a batch stands."""
    unknown = func.sum(case((workers.unsaid(), 1), else_=0))
    # Taken on, and nothing written since: for who waits for it, it is still in the queue.
    begun = case((RUNS.c.updated_at != RUNS.c.claimed_at, RUNS.c.standing), else_=Standing.QUEUED)
    seen = case((RUNS.c.standing == Standing.RUNNING, begun), else_=RUNS.c.standing).label("seen")
    found = connection.execute(
        select(seen, func.count(RUNS.c.row), func.sum(RUNS.c.cost), unknown)
        .where(RUNS.c.batch == batch)  # also what was taken out: it is no row, and was paid for
        .group_by("seen")
    ).all()
    standings = {Standing(one[0]): one[1] for one in found if one[1]}
    least = sum(one[2] or 0.0 for one in found)  # also of those that are asked again
    spent = None if any(one[3] for one in found) else least
    row = connection.execute(select(BATCHES).where(BATCHES.c.id == batch)).first()
    theirs = (RUNS.c.batch == batch) & (RUNS.c.standing == Standing.RUNNING)
    running = connection.execute(select(RUNS.c.id).where(theirs).limit(1)).first()
    room = workers.within_budget(connection, row) if row is not None else None
    blocked = running is None and room == 0 and Standing.QUEUED in standings
    return Progress(standings, spent, blocked, least)


def retry(connection: Connection, batch: str, lease: float) -> int:
    """Queue the runs of a batch again that failed or were cancelled; return how many those were."""
    again = select(RUNS.c.id).where(
        RUNS.c.batch == batch,
        RUNS.c.row.is_not(None),
        RUNS.c.standing.in_([Standing.FAILED, Standing.CANCELLED]),
    )
    count = 0
    while runs := connection.scalars(again.limit(_PIECE)).all():  # those are queued then
        for run in runs:
            deciding.again(connection, run, lease)
        count += len(runs)
    return count


def results(connection: Connection, batch: str, after: int, last: int) -> dict[int, Result]:
    """Return what became of the rows after one, up to another, by their numbers."""
    these = (RUNS.c.batch == batch) & (RUNS.c.row > after) & (RUNS.c.row <= last)
    found = connection.execute(select(RUNS).where(these)).all()
    became = reading.outcomes(connection, select(RUNS.c.id).where(these))
    return {row.row: _result(row, became.get(row.id, reading.Outcome())) for row in found}


def _result(row: Any, became: reading.Outcome) -> Result:
    standing = Standing(row.standing)
    told = became.answers, became.partials, became.voided
    ended = ended_of(json.loads(row.ended), *told) if standing.ended else None
    return Result(row.id, standing, became.answers, ended, row.cost)
