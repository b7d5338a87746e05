"""What people decide about a run: to try it again, to cancel it. Whose it is, is looked at then."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from understudy.architect.run_events import RunEnded, RunStatus
from understudy.errors import MoveError
from understudy.runs.database import now
from understudy.runs.endings import end, locked, played
from understudy.runs.records import Standing
from understudy.runs.tables import RUNS, WORKERS
from understudy.runs.workers import alive


def again(
    connection: Connection,
    run: str,
    lease: float,
    *,
    force: bool = False,
    trace: str | None = None,
) -> None:
    """Queue another attempt of a run that has ended, or the same one where nobody goes on with it.

    With `force` also where somebody seems to. A run that waits is left waiting. `trace` is the
    context that this is asked in, None for the one before. Raises MoveError, SelectionError.
    """
    row = locked(connection, run)
    if row.standing == Standing.COMPLETED:
        raise MoveError(f"{run} has completed; there is nothing to retry.")
    if row.standing == Standing.QUEUED:
        return
    if row.standing == Standing.RUNNING and not force and _is_played(connection, row, lease):
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
    if trace is not None:
        values["trace"] = trace
    if row.standing == Standing.RUNNING:
        seen = connection.scalar(select(WORKERS.c.seen_at).where(WORKERS.c.id == row.worker))
        values["played"] = played(connection, row, seen or 0.0)
    else:  # what it has cost stays
        values |= {
            "played": 0.0,
            "attempt": row.attempt + 1,
            "attempt_from": row.last_event,
            "ended_at": None,
            "ended": None,
        }
    connection.execute(RUNS.update().where(RUNS.c.id == run).values(values))


def cancel(connection: Connection, run: str, lease: float) -> bool:
    """Cancel a run: at once where nobody plays it, else by whoever does; tell whether it ended.

    May be repeated. Raises MoveError for a run that has ended otherwise, SelectionError.
    """
    row = locked(connection, run)
    if row.standing == Standing.RUNNING and _is_played(connection, row, lease):
        connection.execute(RUNS.update().where(RUNS.c.id == run).values(cancelling=True))
        return False
    if row.standing in (Standing.QUEUED, Standing.RUNNING):
        end(connection, row, RunEnded(RunStatus.CANCELLED))
        return True
    if row.standing != Standing.CANCELLED:
        raise MoveError(f"{run} has {row.standing}; it cannot be cancelled.")
    return False


def _is_played(connection: Connection, row: Any, lease: float) -> bool:
    return row.worker in alive(connection, lease)
