"""What is kept of runs, deleted: whole runs, what was entered, what was answered."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, or_, select, text, update

from understudy.runs.database import now
from understudy.runs.records import Standing
from understudy.runs.tables import BATCHES, EVENTS, FILES, PLAYS, RUNS, UPLOADS

_PIECE = 500
_DAY = 86_400  # seconds
_COMPACT = (",", ":")
_GONE = '"text":""'  # how JSON says it, written in this way
_ENDED = [one.value for one in Standing if one.ended]


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days after its end what is kept of a run; None is for ever."""

    runs: float | None = None
    inputs: float | None = None
    outputs: float | None = None


def keep(connection: Connection, retention: Retention) -> int:
    """Delete some of what is older than it is to be kept; return of how many runs."""
    moment = now(connection)
    for days, forget in (
        (retention.runs, purge),
        (retention.inputs, forget_inputs),
        (retention.outputs, forget_outputs),
    ):
        if days is not None and (count := forget(connection, moment - days * _DAY)):
            return count
    return 0


def purge(connection: Connection, before: float) -> int:
    """Delete some of the runs that ended before a moment; return how many, 0 for no more."""
    runs = connection.scalars(_some(_old(before))).all()
    if runs:
        connection.execute(delete(EVENTS).where(EVENTS.c.run.in_(runs)))
        connection.execute(delete(UPLOADS).where(UPLOADS.c.run.in_(runs)))
        connection.execute(delete(RUNS).where(RUNS.c.id.in_(runs)))
        _sweep(connection)
    return len(runs)


def forget_inputs(connection: Connection, before: float) -> int:
    """Delete what was entered in some runs that ended before a moment; those cannot be retried.

    Return how many, 0 for no more.
    """
    runs = connection.scalars(_some(and_(_old(before), RUNS.c.inputs.is_not(None)))).all()
    if runs:
        connection.execute(delete(UPLOADS).where(UPLOADS.c.run.in_(runs)))
        connection.execute(update(RUNS).where(RUNS.c.id.in_(runs)).values(inputs=None))
        _sweep(connection)
    return len(runs)


def forget_outputs(connection: Connection, before: float) -> int:
    """Delete what was answered in some runs that ended before a moment; how they ended stays.

    Return of how many events, 0 for no more. Those runs cannot be retried: later prompts would be
    asked without what earlier ones have answered.
    """
    if count := forget_inputs(connection, before):
        return count
    spoken = or_(
        EVENTS.c.kind.in_(["prompt.delta", "prompt.completed"]),
        and_(EVENTS.c.kind == "prompt.failed", EVENTS.c.event.like('%"partial":{"text":"%')),
    )
    old = EVENTS.c.run.in_(select(RUNS.c.id).where(_old(before), RUNS.c.inputs.is_(None)))
    told = EVENTS.c.event.not_like(f"%{_GONE}%")
    columns = select(EVENTS.c.run, EVENTS.c.number, EVENTS.c.kind, EVENTS.c.event)
    found = connection.execute(columns.where(old, spoken, told).limit(_PIECE)).all()
    for one in found:
        event = json.loads(one.event)
        if one.kind == "prompt.delta":
            event["text"] = ""
        else:
            event["answer" if one.kind == "prompt.completed" else "partial"]["text"] = ""
        here = (EVENTS.c.run == one.run) & (EVENTS.c.number == one.number)
        values = {"event": json.dumps(event, separators=_COMPACT)}
        connection.execute(update(EVENTS).where(here).values(values))
    return len(found)


def _some(condition: ColumnElement[bool]) -> Select[tuple[str]]:
    """Return some runs, which nobody else changes meanwhile: they may just be retried."""
    few = select(RUNS.c.id).where(condition).limit(_PIECE)
    return few.with_for_update(skip_locked=True)


def _old(before: float) -> ColumnElement[bool]:
    return and_(RUNS.c.standing.in_(_ENDED), RUNS.c.ended_at < before)


def let_go_of_files(connection: Connection) -> None:
    """Delete the bytes of uploads that only completed runs needed."""
    done = select(RUNS.c.id).where(RUNS.c.standing == Standing.COMPLETED)
    if connection.execute(delete(UPLOADS).where(UPLOADS.c.run.in_(done))).rowcount:
        _sweep(connection)


def _sweep(connection: Connection) -> None:
    """Delete what no run refers to any more."""
    if connection.dialect.name == "postgresql":  # nobody may begin to refer to it meanwhile
        connection.execute(text("LOCK TABLE run_plays, run_files IN SHARE ROW EXCLUSIVE MODE"))
    connection.execute(delete(FILES).where(FILES.c.digest.not_in(select(UPLOADS.c.digest))))
    connection.execute(delete(PLAYS).where(PLAYS.c.digest.not_in(select(RUNS.c.play))))
    used = select(RUNS.c.batch).where(RUNS.c.batch.is_not(None))
    connection.execute(delete(BATCHES).where(BATCHES.c.id.not_in(used)))
