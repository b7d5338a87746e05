"""How many runs wait and are played, and by how many workers: what tells when to start another."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from understudy.runs.database import now
from understudy.runs.records import Census, Standing
from understudy.runs.tables import RUNS
from understudy.runs.workers import alive


def census(connection: Connection, lease: float) -> Census:
    """Count them; what it costs grows with the runs that have not ended, not with all."""
    living = alive(connection, lease)
    queued, first = connection.execute(
        select(func.count(), func.min(RUNS.c.updated_at)).where(RUNS.c.standing == Standing.QUEUED)
    ).one()
    played = connection.execute(
        select(RUNS.c.worker, func.count())
        .where(RUNS.c.standing == Standing.RUNNING)
        .group_by(RUNS.c.worker)
    ).all()
    running = sum(count for worker, count in played if worker in living)
    return Census(
        queued=queued,
        running=running,
        interrupted=sum(count for _, count in played) - running,
        oldest=max(0.0, now(connection) - first) if first is not None else 0.0,
        workers=len(living),
        places=sum(worker.places for worker in living.values()),
    )
