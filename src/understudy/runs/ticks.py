"""Moments of schedules, each taken on by one of several processes."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from understudy.runs.database import insert_new, now
from understudy.runs.tables import TICKS

_KEPT = 7 * 86_400.0  # seconds


def take(connection: Connection, schedule: str, at: float, worker: str) -> bool:
    """Take on a moment of a schedule; tell whether nobody else had. May be repeated."""
    connection.execute(delete(TICKS).where(TICKS.c.at < now(connection) - _KEPT))
    values = {"schedule": schedule, "at": at, "worker": worker}
    mine = insert_new(connection, TICKS).values(values).returning(TICKS.c.worker)
    if connection.scalar(mine) is not None:
        return True
    this = (TICKS.c.schedule == schedule) & (TICKS.c.at == at)
    taken: str | None = connection.scalar(select(TICKS.c.worker).where(this))
    return taken == worker
