"""Runs that end without being played, and those that are left to others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from understudy.architect.run_events import (
    Failure,
    Partial,
    PromptCompleted,
    PromptDelta,
    PromptFailed,
    PromptStarted,
    RunEnded,
    RunEvent,
    RunStatus,
)
from understudy.errors import SelectionError
from understudy.runs.database import now
from understudy.runs.notices import news
from understudy.runs.records import Standing, ended_json, event_json, event_of
from understudy.runs.tables import EVENTS, RUNS

MOST_LOSSES = 10  # of workers by one run: it may be what kills them


def end_claimed(connection: Connection, run: str, epoch: int, ended: RunEnded) -> None:
    """End a run that was taken on and is not played; who has lost it meanwhile ends nothing."""
    row = locked(connection, run)
    if row.epoch == epoch and row.standing == Standing.RUNNING:
        end(connection, row, ended)


def end(connection: Connection, row: Any, ended: RunEnded) -> None:
    """End a run that nobody plays, with its last event; whoever played it can write no more.

    Where this attempt has asked anything, what it took is not known: its worker may have asked
    more than it could write down. The event and the run say so alike.
    """
    moment = now(connection)
    number = row.last_event
    asked, broken = _broken_off(connection, row, ended)
    ended = replace(ended, counted=not asked and _counted(connection, row))
    events: list[RunEvent] = [*broken, ended]
    for event in events:
        number += 1
        kind, text = event_json(event)
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
            cost=_cost(row, asked=asked),
        )
    )
    news(connection, (row.id,))


def _cost(row: Any, *, asked: bool) -> float | None:
    """Return what a run costs that ends unplayed: as after the attempts before, if that is all."""
    if asked:  # nobody has added up what this attempt took
        return None
    return 0.0 if row.attempt == 1 else row.cost


def _counted(connection: Connection, row: Any) -> bool:
    """Tell whether all is known that was asked in the attempts before this one."""
    last = and_(EVENTS.c.run == row.id, EVENTS.c.number == row.attempt_from)
    one = connection.execute(select(EVENTS.c.kind, EVENTS.c.event).where(last)).first()
    if one is None:  # it is the first
        return True
    try:
        event = event_of(one.kind, one.event)
    except (KeyError, ValueError, TypeError):
        return False
    return isinstance(event, RunEnded) and event.counted


def _broken_off(
    connection: Connection, row: Any, ended: RunEnded
) -> tuple[bool, list[PromptFailed]]:
    """Tell whether this attempt has asked anything, and what was left in the middle of it."""
    told = (
        select(EVENTS.c.kind, EVENTS.c.event)
        .where(EVENTS.c.run == row.id, EVENTS.c.number > row.attempt_from)
        .order_by(EVENTS.c.number)
    )
    models: dict[int, str] = {}
    said: dict[int, list[str]] = {}
    for one in connection.execute(told):
        try:
            event = event_of(one.kind, one.event)
        except (KeyError, ValueError, TypeError):  # damaged: it can be ended all the same
            return True, []
        if isinstance(event, PromptStarted):
            models[event.prompt], said[event.prompt] = event.model, []
        elif isinstance(event, PromptDelta) and event.prompt in said:
            said[event.prompt].append(event.text)
        elif isinstance(event, PromptCompleted | PromptFailed):
            said.pop(event.prompt, None)
    return bool(models), [
        PromptFailed(prompt, why(ended), Partial("".join(pieces), models[prompt]))
        for prompt, pieces in sorted(said.items())
    ]


def why(ended: RunEnded) -> Failure:
    """Return why a prompt has no answer whose run was ended."""
    message = "The run was cancelled before the answer was whole."
    return ended.failure or Failure("cancelled", message)


def locked(connection: Connection, run: str) -> Any:
    """Return a run's row, which nobody else changes meanwhile; raises SelectionError."""
    mine = select(RUNS).where(RUNS.c.id == run).with_for_update()
    row = connection.execute(mine).first() if "\0" not in run else None
    if row is None:
        raise SelectionError(
            f"There is no run {run[:80]}.", hint="`understudy runs list` shows those there are."
        )
    return row


def played(connection: Connection, row: Any, seen: float) -> float:
    """Return for how many seconds this attempt of a run was played; `seen` is when last, at least.

    Who has it begins with the first event after taking it on: rows of a batch wait for a place.
    """
    before = float(row.played)
    if row.claimed_at is None or row.updated_at == row.claimed_at:  # nothing was written since
        return before
    until = min(max(row.updated_at, seen), now(connection))
    theirs = and_(EVENTS.c.run == row.id, EVENTS.c.number > row.attempt_from)
    since = func.min(case((EVENTS.c.at >= row.claimed_at, EVENTS.c.at)))
    count, begun = connection.execute(select(func.count(), since).where(theirs)).one()
    if not count:
        return before
    if begun is None or begun > until:  # by a clock that is not the database's
        begun = row.claimed_at
    return before + max(0.0, float(until - begun))


def leave(
    connection: Connection,
    row: Any,
    *,
    lost: bool = False,
    seen: float = 0.0,
    added: float | None = None,
) -> None:
    """Queue a run again that nobody plays any more, or end it where it has gone on long enough.

    `lost`: its worker died. It was last `seen` then, or when it last wrote; who knows says how
    many seconds it played (`added`). A run that was to be cancelled is.
    """
    if row.cancelling:
        end(connection, row, RunEnded(RunStatus.CANCELLED))
        return
    if lost and row.losses + 1 >= MOST_LOSSES:
        message = f"{MOST_LOSSES} workers died while they played this run."
        hint = "It may be what kills them: look at their logs and memory, then retry it."
        failure = Failure("workers_died", message, hint)
        end(connection, row, RunEnded(RunStatus.FAILED, failure=failure))
        return
    connection.execute(
        RUNS.update()
        .where(RUNS.c.id == row.id)
        .values(
            standing=Standing.QUEUED,
            worker=None,
            epoch=row.epoch + 1,
            losses=row.losses + lost,
            played=played(connection, row, seen) if added is None else row.played + added,
            updated_at=now(connection),
        )
    )
