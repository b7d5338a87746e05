"""Runs, looked at: one, the latest, their events."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, select

from understudy.architect.run_events import (
    Answered,
    Partial,
    PromptCompleted,
    PromptFailed,
    PromptStarted,
)
from understudy.errors import SelectionError, StoreError
from understudy.runs.records import (
    ENDINGS,
    Kept,
    Numbered,
    Order,
    RunInfo,
    Standing,
    ended_of,
    event_of,
)
from understudy.runs.tables import EVENTS, PLAYS, RUNS
from understudy.runs.workers import alive

#: How runs are called, and what one read of events gives at most.
_ID = re.compile(r"run_[0-9a-f]{1,32}")
_PIECE = 500
_PIECE_TEXT = 1_000_000  # characters, and one event

#: What a list shows; what was entered may be large.
_LIGHT: tuple[Column[Any], ...] = tuple(one for one in RUNS.c if one.name != "inputs")
#: The events that say what became of prompts.
_OUTCOMES = ("prompt.completed", "prompt.failed")

_UNSAID = Order(assistant="", content="", models={}, inputs={})


def find(connection: Connection, run: str, lease: float) -> RunInfo:
    """Return a run with all that it was asked and has answered.

    Raises SelectionError, and StoreError where it cannot be read.
    """
    statement = _with_play().where(RUNS.c.id == run)
    row = connection.execute(statement).first() if _ID.fullmatch(run) else None
    if row is None:
        raise SelectionError(
            f"There is no run {run[:80]!r}.", hint="`understudy runs list` shows those there are."
        )
    try:
        info = _info(row, alive(connection, lease), _outcome(connection, run))
    except (KeyError, ValueError, TypeError) as error:
        raise StoreError(f"What is kept of {run} cannot be read.") from error
    if info.standing is Standing.DAMAGED:
        raise StoreError(f"What is kept of {run} cannot be read.")
    return info


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of prompts, by their index; `voided` broke off, and were asked again."""

    answers: Mapping[int, Answered] = field(default_factory=dict)
    partials: Mapping[int, Partial] = field(default_factory=dict)
    voided: tuple[Partial, ...] = ()


_NOTHING = Outcome()


def outcome(connection: Connection, run: str, before: int) -> Outcome:
    """Return what had become of a run's prompts before an event. Raises StoreError."""
    try:
        return _outcome(connection, run, before)
    except (KeyError, ValueError, TypeError) as error:
        raise StoreError(f"What is kept of {run} cannot be read.") from error


def latest(
    connection: Connection,
    lease: float,
    *,
    limit: int,
    assistant: str | None = None,
    standing: Collection[Standing] = (),
    batch: str | None = None,
    caller: str | None = None,
) -> tuple[RunInfo, ...]:
    """Return runs without their answers, the newest first."""
    statement = select(*_LIGHT).order_by(
        RUNS.c.created_at.desc(), RUNS.c.row.desc(), RUNS.c.id.desc()
    )
    if assistant is not None:
        statement = statement.where(RUNS.c.assistant == assistant)
    if batch is not None:
        statement = statement.where(RUNS.c.batch == batch)
    if caller is not None:
        statement = statement.where(RUNS.c.caller == caller)
    living = alive(connection, lease)
    if standing:
        kept = {Standing.RUNNING if one is Standing.INTERRUPTED else one for one in standing}
        statement = statement.where(RUNS.c.standing.in_([one.value for one in kept]))
        dead = RUNS.c.worker.not_in(list(living)) if living else RUNS.c.worker.is_not(None)
        running = RUNS.c.standing == Standing.RUNNING
        if Standing.INTERRUPTED not in standing:
            statement = statement.where(~(running & dead))
        elif Standing.RUNNING not in standing:
            statement = statement.where(~running | dead)
    found = connection.execute(statement.limit(limit)).all()
    return tuple(_listed(row, living) for row in found)


def events_after(connection: Connection, run: str, number: int, limit: int = _PIECE) -> list[Kept]:
    """Return the events of a run that follow a number, in their order, as many as fit at once."""
    statement = (
        select(EVENTS.c.number, EVENTS.c.kind, EVENTS.c.event)
        .where(EVENTS.c.run == run, EVENTS.c.number > number)
        .order_by(EVENTS.c.number)
        .limit(limit)
    )
    events: list[Kept] = []
    size = 0
    with connection.execute(statement, execution_options={"yield_per": 50}) as found:
        for one in found:
            events.append((one.number, one.kind, one.event))
            size += len(one.event)
            if size > _PIECE_TEXT:
                break
    return events


def written(connection: Connection, run: str) -> list[Numbered]:
    """Return all that was written of a run but the pieces of its answers."""
    found = connection.execute(
        select(EVENTS.c.number, EVENTS.c.kind, EVENTS.c.event)
        .where(EVENTS.c.run == run, EVENTS.c.kind != "prompt.delta")
        .order_by(EVENTS.c.number)
    )
    return [
        Numbered(one.number, one.kind, event_of(one.kind, one.event))
        for one in found
        if one.kind not in ENDINGS
    ]


def grown(connection: Connection, runs: Sequence[str]) -> dict[str, tuple[int, Standing]]:
    """Return the last number and the standing of runs; those that are gone are not in it."""
    found: dict[str, tuple[int, Standing]] = {}
    for start in range(0, len(runs), _PIECE):
        some = runs[start : start + _PIECE]
        statement = select(RUNS.c.id, RUNS.c.last_event, RUNS.c.standing).where(RUNS.c.id.in_(some))
        for one in connection.execute(statement):
            found[one.id] = (one.last_event, Standing(one.standing))
    return found


def waiting(connection: Connection) -> bool:
    """Tell whether runs wait for a worker."""
    statement = select(RUNS.c.id).where(RUNS.c.standing == Standing.QUEUED).limit(1)
    return connection.execute(statement).first() is not None


def _with_play() -> Any:
    return select(RUNS, PLAYS.c.play.label("text")).join(
        PLAYS, PLAYS.c.digest == RUNS.c.play, isouter=True
    )


def _outcome(connection: Connection, run: str, before: int | None = None) -> Outcome:
    return outcomes(connection, [run], before).get(run, _NOTHING)


def outcomes(connection: Connection, runs: Any, before: int | None = None) -> dict[str, Outcome]:
    """Return what has become of the prompts of runs; those of which nothing has are not in it."""
    told = (
        select(EVENTS.c.run, EVENTS.c.number, EVENTS.c.kind, EVENTS.c.event)
        .where(EVENTS.c.run.in_(runs))
        .order_by(EVENTS.c.number)
    )
    if before is not None:
        told = told.where(EVENTS.c.number < before)
    answers: dict[str, dict[int, Answered]] = {}
    partials: dict[str, list[tuple[int, int, Partial]]] = {}
    for row in connection.execute(told.where(EVENTS.c.kind.in_(_OUTCOMES))):
        event = event_of(row.kind, row.event)
        if isinstance(event, PromptCompleted):
            answers.setdefault(row.run, {})[event.prompt] = event.answer
        elif isinstance(event, PromptFailed) and event.partial is not None:
            one = (row.number, event.prompt, event.partial)
            partials.setdefault(row.run, []).append(one)
    asked: dict[tuple[str, int], int] = {}  # when each was asked last
    if partials:
        for row in connection.execute(told.where(EVENTS.c.kind == "prompt.started")):
            event = event_of(row.kind, row.event)
            assert isinstance(event, PromptStarted)  # noqa: S101 - that kind was asked for
            asked[row.run, event.prompt] = row.number
    return {
        run: _became(run, answers.get(run, {}), partials.get(run, ()), asked)
        for run in answers.keys() | partials.keys()
    }


def _became(
    run: str,
    answers: Mapping[int, Answered],
    partials: Sequence[tuple[int, int, Partial]],
    asked: Mapping[tuple[str, int], int],
) -> Outcome:
    broken: dict[int, Partial] = {}
    voided: list[Partial] = []
    for number, prompt, partial in partials:
        if prompt not in answers and number > asked.get((run, prompt), 0):
            broken[prompt] = partial
        elif partial.counted is not None:
            voided.append(partial)
    return Outcome(dict(sorted(answers.items())), dict(sorted(broken.items())), tuple(voided))


def _listed(row: Any, living: Mapping[str, Any]) -> RunInfo:
    try:
        return _about(row, _standing(row, living), _UNSAID)
    except (KeyError, ValueError, TypeError):
        return _about(row, Standing.DAMAGED, _UNSAID)


def _info(row: Any, living: Mapping[str, Any], outcome: Outcome) -> RunInfo:
    play = json.loads(row.text or "")
    order = Order(
        assistant=row.assistant,
        version=row.version,
        content=play["content"],
        models=play["models"],
        tools={model: tuple(tools) for model, tools in play["tools"].items()},
        inputs=json.loads(row.inputs) if row.inputs is not None else {},
    )
    return _about(row, _standing(row, living), order, outcome)


def _standing(row: Any, living: Mapping[str, Any]) -> Standing:
    standing = Standing(row.standing)
    gone = standing is Standing.RUNNING and row.worker not in living
    return Standing.INTERRUPTED if gone else standing


def _about(
    row: Any,
    standing: Standing,
    order: Order,
    outcome: Outcome = _NOTHING,
) -> RunInfo:
    told = row.ended if standing is not Standing.DAMAGED else None
    ended = json.loads(told) if told else None
    return RunInfo(
        id=row.id,
        assistant=row.assistant,
        version=row.version,
        standing=standing,
        attempt=row.attempt,
        created_at=_time(row.created_at),
        updated_at=_time(row.updated_at),
        executor=row.worker or "",
        order=order,
        ended=(
            ended_of(ended, outcome.answers, outcome.partials, outcome.voided) if ended else None
        ),
        answers=outcome.answers,
        partials=outcome.partials,
        cost=row.cost,
        last_event=row.last_event,
        caller=row.caller or "",
        batch=row.batch,
        row=row.row,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
