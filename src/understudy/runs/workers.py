"""Who plays runs: heartbeats, what a worker takes on, and what becomes of a dead one's runs.

A worker that has not been heard of for a lease, or whose process is gone, is dead: its runs are
queued again under a new epoch, so that whatever it may still want to write is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, true

from understudy.errors import StoreError
from understudy.runs.database import insert_new, now
from understudy.runs.endings import leave as leave_run
from understudy.runs.executor import is_gone, is_here
from understudy.runs.records import Standing
from understudy.runs.tables import BATCHES, PLAYS, RUNS, WORKERS

LEASE = 15.0  # seconds without a heartbeat after which a worker counts as dead
#: How many leases a process gets that is there and does not stir: it may wait for the same disk.
_SEEN = 8

#: What PostgreSQL's advisory lock on the rate is called; any number that nobody else takes.
_RATE_LOCK = 0x756E6465_72726174


class DeclaredDeadError(StoreError):
    """Others took this worker for dead, and its runs on."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many runs are begun in so many seconds, by all workers together."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that a worker has taken on; with a lower epoch than the kept one it lost it."""

    run: str
    epoch: int
    attempt: int
    attempt_from: int
    last_event: int
    losses: int
    inputs: str | None
    play: str
    text: str
    cost: float | None = None
    played: float = 0.0
    trace: str | None = None


def enter(connection: Connection, worker: str, kind: str, places: int) -> None:
    """Write a worker down as alive; may be repeated."""
    moment = now(connection)
    row = {"kind": kind, "places": places, "started_at": moment, "seen_at": moment}
    connection.execute(insert_new(connection, WORKERS).values(id=worker, **row))
    _seen(connection, worker, moment)


def beat(connection: Connection, worker: str) -> None:
    """Say that a worker lives; raises DeclaredDeadError."""
    _seen(connection, worker, now(connection))


def to_cancel(connection: Connection, worker: str) -> tuple[str, ...]:
    """Return which of a worker's runs are to be cancelled."""
    wanted = select(RUNS.c.id).where(
        RUNS.c.worker == worker, RUNS.c.standing == Standing.RUNNING, RUNS.c.cancelling == true()
    )
    return tuple(connection.scalars(wanted))


def leave(
    connection: Connection, worker: str, played: Mapping[tuple[str, int], float] | None = None
) -> None:
    """Let a worker go; runs that it still has are queued again.

    `played` are the seconds for which it played them, by the run and its epoch; it has played none
    of those that are not in it.
    """
    connection.execute(WORKERS.delete().where(WORKERS.c.id == worker))
    for one in _theirs(connection, worker):
        leave_run(connection, one, added=(played or {}).get((one.id, one.epoch), 0.0))


def claim(
    connection: Connection,
    worker: str,
    room: int,
    *,
    rate: Rate | None = None,
    total: int | None = None,
    batch: str | None = None,
    run: str | None = None,
) -> tuple[Claimed, ...]:
    """Take on up to `room` of the queued runs, the oldest first; of one batch, or one run alone.

    `total` is how many may be played at once by all workers. Raises DeclaredDeadError.
    """
    moment = now(connection)
    _seen(connection, worker, moment)
    if rate is not None or total is not None:
        if connection.dialect.name == "postgresql":  # SQLite has one writer by itself
            connection.execute(select(func.pg_advisory_xact_lock(_RATE_LOCK)))
        room = min(room, _permitted(connection, moment, rate, total))
    taken: list[Claimed] = []
    for condition, most in _groups(connection, batch, run):
        left = room - len(taken) if most is None else min(most, room - len(taken))
        if left > 0:
            taken += _take(connection, worker, condition, left, moment)
    return tuple(taken)


def claimed_before(
    connection: Connection, worker: str, seconds: float
) -> tuple[tuple[str, int], ...]:
    """Return runs and epochs that a worker has taken on longer ago than so many seconds."""
    theirs = and_(
        RUNS.c.worker == worker,
        RUNS.c.standing == Standing.RUNNING,
        RUNS.c.claimed_at < now(connection) - seconds,
    )
    found = connection.execute(select(RUNS.c.id, RUNS.c.epoch).where(theirs))
    return tuple((one.id, one.epoch) for one in found)


def release(connection: Connection, run: str, epoch: int, played: float) -> int:
    """Leave a run to others that nobody plays any more, after so many seconds; return how many."""
    same = and_(RUNS.c.id == run, RUNS.c.epoch == epoch, RUNS.c.standing == Standing.RUNNING)
    found = connection.execute(select(RUNS).where(same).with_for_update()).all()
    for one in found:
        leave_run(connection, one, added=played)
    return len(found)


def take_over(connection: Connection, lease: float) -> int:
    """Queue the runs of dead workers again; return how many there were."""
    moment = now(connection)
    count = 0
    for one in connection.execute(select(WORKERS.c.id, WORKERS.c.seen_at)).all():
        if _lives(one, moment, lease):
            continue
        same = and_(WORKERS.c.id == one.id, WORKERS.c.seen_at == one.seen_at)
        if connection.execute(WORKERS.delete().where(same)).rowcount:
            count += _bury(connection, one.id, seen=one.seen_at)
    known = select(WORKERS.c.id)
    nobodys = select(RUNS.c.worker).where(
        RUNS.c.standing == Standing.RUNNING, RUNS.c.worker.not_in(known)
    )
    for worker in connection.scalars(nobodys.distinct()).all():
        count += _bury(connection, worker)
    return count


def alive(connection: Connection, lease: float) -> dict[str, Any]:
    """Return the workers that are not dead, by their ids."""
    moment = now(connection)
    found = connection.execute(select(WORKERS)).all()
    return {one.id: one for one in found if _lives(one, moment, lease)}


def _lives(worker: Any, moment: float, lease: float) -> bool:
    """Tell whether a worker is there: a process that can be seen gets longer to say so."""
    patience = lease * (_SEEN if is_here(worker.id) else 1)
    return worker.seen_at > moment - patience and not is_gone(worker.id)


def _seen(connection: Connection, worker: str, moment: float) -> None:
    mine = WORKERS.update().where(WORKERS.c.id == worker).values(seen_at=moment)
    if connection.execute(mine).rowcount == 0:
        raise DeclaredDeadError(
            f"{worker} was taken for dead, and its runs were taken over.",
            hint="It was too busy, or cut off from the database, for longer than its lease.",
        )


def _permitted(connection: Connection, moment: float, rate: Rate | None, total: int | None) -> int:
    """Return how many more runs may be begun."""
    left: list[int] = []
    if rate is not None:
        recent = RUNS.c.claimed_at > moment - rate.seconds
        left.append(rate.count - _count(connection, recent))
    if total is not None:
        left.append(total - _count(connection, RUNS.c.standing == Standing.RUNNING))
    return max(0, min(left))


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(RUNS).where(condition)) or 0


def _groups(
    connection: Connection, batch: str | None, run: str | None
) -> Iterator[tuple[ColumnElement[bool], int | None]]:
    """Yield what may be taken, and at most how much of it: batches have budgets."""
    if run is not None:
        yield RUNS.c.id == run, 1
        return
    if batch is None:
        yield RUNS.c.row.is_(None), None  # also what was taken out of a batch
    waiting = select(BATCHES).where(BATCHES.c.open == true())
    if batch is not None:
        waiting = waiting.where(BATCHES.c.id == batch)
    for one in connection.execute(waiting.order_by(BATCHES.c.created_at)).all():
        rows = and_(RUNS.c.batch == one.id, RUNS.c.row.is_not(None))
        yield rows, within_budget(connection, one)


def within_budget(connection: Connection, batch: Any) -> int | None:
    """Return how many more runs of a batch its budget allows, None where it has none.

    Those that run are thought to cost as much as the ones that have ended did; so are attempts that
    broke off, where nobody said what they cost. What was taken out of it was paid for as well.
    """
    if batch.max_cost is None:
        return None
    # What was taken out before it was asked says nothing of what one costs.
    telling = case((or_(RUNS.c.row.is_not(None), RUNS.c.cost > 0), RUNS.c.cost))
    costs = select(func.sum(RUNS.c.cost), func.count(telling)).where(RUNS.c.batch == batch.id)
    spent, ended = connection.execute(costs).one()
    answered = and_(RUNS.c.batch == batch.id, RUNS.c.standing == Standing.COMPLETED)
    if _count(connection, and_(answered, RUNS.c.cost.is_(None))):
        return 0  # what was spent is not known
    mine = RUNS.c.batch == batch.id
    running = _count(connection, and_(mine, RUNS.c.standing == Standing.RUNNING))
    running += _count(connection, and_(mine, unsaid()))
    each = max(spent / ended, batch.guess) if ended else batch.guess
    left = batch.max_cost - (spent or 0.0) - running * each
    if left <= 0:
        return 0
    return int(left / each) if each > 0 else None


def unsaid() -> ColumnElement[bool]:
    """Say which runs have had an attempt that ended, and whose cost nobody knows."""
    ended = RUNS.c.standing.in_([one.value for one in Standing if one.ended])
    return and_(RUNS.c.cost.is_(None), or_(ended, RUNS.c.attempt > 1))


def _take(
    connection: Connection,
    worker: str,
    condition: ColumnElement[bool],
    room: int,
    moment: float,
) -> Sequence[Claimed]:
    wanted = (
        select(RUNS, PLAYS.c.play.label("text"))
        .join(PLAYS, PLAYS.c.digest == RUNS.c.play, isouter=True)
        .where(RUNS.c.standing == Standing.QUEUED, condition)
        .order_by(RUNS.c.created_at, RUNS.c.row, RUNS.c.id)
        .limit(room)
        .with_for_update(skip_locked=True, of=RUNS)
    )
    found = connection.execute(wanted).all()
    if not found:
        return ()
    connection.execute(
        RUNS.update()
        .where(RUNS.c.id.in_([one.id for one in found]))
        .values(
            standing=Standing.RUNNING,
            worker=worker,
            epoch=RUNS.c.epoch + 1,
            claimed_at=moment,
            updated_at=moment,
        )
    )
    return [_claimed(one, one.epoch + 1) for one in found]


def _claimed(one: Any, epoch: int) -> Claimed:
    return Claimed(
        one.id,
        epoch,
        one.attempt,
        one.attempt_from,
        one.last_event,
        one.losses,
        one.inputs,
        one.play,
        one.text or "",
        one.cost,
        one.played,
        one.trace,
    )


def _bury(connection: Connection, worker: str, *, seen: float = 0.0) -> int:
    """Leave a dead worker's runs to others; return how many those were."""
    found = _theirs(connection, worker)
    for one in found:
        leave_run(connection, one, lost=True, seen=seen)
    return len(found)


def _theirs(connection: Connection, worker: str) -> Sequence[Any]:
    theirs = and_(RUNS.c.worker == worker, RUNS.c.standing == Standing.RUNNING)
    return connection.execute(select(RUNS).where(theirs).with_for_update()).all()
