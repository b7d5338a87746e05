"""Runs that end without being played: cancelled while they wait, given up; and those begun anew."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select

from understudy.architect.run_events import RunEnded, RunStatus
from understudy.errors import MoveError, SelectionError
from understudy.runs.database import now
from understudy.runs.records import Standing, ended_json, event_json
from understudy.runs.tables import EVENTS, RUNS


def end(connection: Connection, row: Any, ended: RunEnded) -> None:
    """End a run that nobody plays, with its last event; whoever played it can write no more."""
    moment = now(connection)
    number = row.last_event + 1
    kind, text = event_json(ended)
    connection.execute(
        EVENTS.insert().values(run=row.id, number=number, at=moment, kind=kind, event=text)
    )
    connection.execute(
        RUNS.update()
        .where(RUNS.c.id == row.id)
        .values(
            standing=ended.status.value,
            epoch=row.epoch + 1,
            last_event=number,
            updated_at=moment,
            ended_at=moment,
            ended=json.dumps(ended_json(ended)),
        )
    )


def again(connection: Connection, run: str, *, dead: bool) -> None:
    """Queue another attempt of a run that has ended, or the same one where nobody goes on with it.

    `dead` tells that whoever plays it is gone. A run that waits is left waiting. Raises MoveError,
    SelectionError.
    """
    row = locked(connection, run)
    if row.standing == Standing.COMPLETED:
        raise MoveError(f"{run} has completed; there is nothing to retry.")
    if row.standing == Standing.QUEUED:
        return
    if row.standing == Standing.RUNNING and not dead:
        raise MoveError(
            f"{run} is running in {row.worker}.",
            hint="Cancel it first, or --force if you know that this process is gone.",
        )
    if row.inputs is None:
        raise MoveError(f"What was entered for {run} has been purged.", hint="Run it anew.")
    values: dict[str, Any] = {
        "standing": Standing.QUEUED,
        "worker": None,
        "epoch": row.epoch + 1,
        "cancelling": False,
        "losses": 0,
        "updated_at": now(connection),
    }
    if row.standing != Standing.RUNNING:
        values |= {
            "attempt": row.attempt + 1,
            "attempt_from": row.last_event,
            "ended_at": None,
            "ended": None,
            "cost": None,
        }
    connection.execute(RUNS.update().where(RUNS.c.id == run).values(values))


def locked(connection: Connection, run: str) -> Any:
    """Return a run's row, which nobody else changes meanwhile; raises SelectionError."""
    row = connection.execute(select(RUNS).where(RUNS.c.id == run).with_for_update()).first()
    if row is None:
        raise SelectionError(f"There is no run {run[:80]}.", hint="understudy runs list")
    return row


def cancel(connection: Connection, run: str, *, dead: bool) -> bool:
    """Cancel a run: at once where nobody plays it, else by whoever does; tell whether it ended."""
    row = locked(connection, run)
    if row.standing == Standing.QUEUED or (row.standing == Standing.RUNNING and dead):
        end(connection, row, RunEnded(RunStatus.CANCELLED))
        return True
    if row.standing == Standing.RUNNING:
        connection.execute(RUNS.update().where(RUNS.c.id == run).values(cancelling=True))
    elif row.standing != Standing.CANCELLED:
        raise MoveError(f"{run} has {row.standing}; it cannot be cancelled.")
    return False
