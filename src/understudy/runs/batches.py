"""Batches: many runs of one assistant with one budget, by the rows of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from understudy.runs.database import insert_new, now
from understudy.runs.records import Standing
from understudy.runs.tables import BATCHES, RUNS
from understudy.runs.workers import within_budget


@dataclass(frozen=True, slots=True)
class Batch:
    """`guess` is what a run is thought to cost before one has ended, in US dollars."""

    id: str
    rows: int
    max_cost: float | None = None
    guess: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How a batch stands: runs by their standing, and what the ended ones cost.

    `spent` is None where what some of them cost is not known. `blocked`: the budget allows no more.
    """

    standings: Mapping[Standing, int]
    spent: float | None
    blocked: bool = False

    @property
    def ended(self) -> int:
        """How many have ended."""
        return sum(count for one, count in self.standings.items() if one.ended)


def begin(connection: Connection, batch: Batch) -> None:
    """Write a batch down, open; one that is there gets the new budget."""
    connection.execute(
        insert_new(connection, BATCHES).values(
            id=batch.id,
            created_at=now(connection),
            rows=batch.rows,
            open=True,
            max_cost=batch.max_cost,
            guess=batch.guess,
        )
    )
    changed = {"max_cost": batch.max_cost, "guess": batch.guess, "open": True}
    connection.execute(BATCHES.update().where(BATCHES.c.id == batch.id).values(changed))


def close(connection: Connection, batch: str) -> None:
    """Hold the rows of a batch that wait: nobody begins them any more until it is opened again."""
    connection.execute(BATCHES.update().where(BATCHES.c.id == batch).values(open=False))


def progress(connection: Connection, batch: str) -> Progress:
    """Return how a batch stands."""
    unknown = func.sum(case((RUNS.c.cost.is_(None), 1), else_=0))
    found = connection.execute(
        select(RUNS.c.standing, func.count(), func.sum(RUNS.c.cost), unknown)
        .where(RUNS.c.batch == batch)
        .group_by(RUNS.c.standing)
    ).all()
    standings = {Standing(one[0]): one[1] for one in found}
    ended = [one for one in found if Standing(one[0]).ended]
    spent = None if any(one[3] for one in ended) else sum(one[2] or 0.0 for one in ended)
    row = connection.execute(select(BATCHES).where(BATCHES.c.id == batch)).first()
    running = standings.get(Standing.RUNNING, 0)
    blocked = row is not None and not running and within_budget(connection, row) == 0
    return Progress(standings, spent, blocked)


def rows_after(connection: Connection, batch: str, row: int, limit: int) -> list[Any]:
    """Return the rows that follow one, as far as they have ended without a gap, up to a limit."""
    found = connection.execute(
        select(RUNS)
        .where(RUNS.c.batch == batch, RUNS.c.row > row)
        .order_by(RUNS.c.row)
        .limit(limit)
    ).all()
    whole: list[Any] = []
    for one in found:
        if not Standing(one.standing).ended:
            break
        whole.append(one)
    return whole
