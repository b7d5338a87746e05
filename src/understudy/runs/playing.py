"""One run that a worker plays at the moment, and the ends that the engine does not tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from understudy.architect.run_events import (
    Failure,
    RunEnded,
    RunEvent,
    RunListener,
    RunStatus,
)
from understudy.errors import UnderstudyError
from understudy.runs.record import Record


@dataclass(slots=True)
class Playing:
    """`closing`: it was played, and is only to be written down."""

    task: asyncio.Task[None] | None = None
    record: Record | None = None
    cancelled: bool = False
    closing: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def cancel(self) -> None:
        """End it."""
        if self.task is not None:
            self.task.cancel()

    def give_up(self) -> None:
        """End it, and write no more: it is somebody else's."""
        if self.record is not None:
            self.record.forget()
        if (
            self.task is not None
            and not self.task.done()
            and self.task is not asyncio.current_task()
        ):
            self.task.cancel()


@dataclass(frozen=True, slots=True)
class HandedOn:
    """A run is left to others, who go on with it. No event of the run: only observers hear it."""


#: Hears everything of a run here as it happens, before it is kept; must not raise.
Observer = Callable[[int, RunEvent | HandedOn], None]


def told(observer: Observer, record: Record, playing: Playing) -> RunListener:
    """Return what passes a run's events on to its record, and as they are meant to an observer."""

    def hear(number: int, event: RunEvent) -> None:
        record.hear(number, event)
        observer(number, _meant(event, record, playing))

    return hear


def _meant(event: RunEvent, record: Record, playing: Playing) -> RunEvent | HandedOn:
    """Return an event; the engine does not know why a run is ended from elsewhere."""
    if not isinstance(event, RunEnded):
        return event
    if record.page.lost is not None:
        return HandedOn()
    if event.status is not RunStatus.CANCELLED or playing.cancelled:
        return event
    return HandedOn() if is_cancelled() else broken_off(record)


def is_cancelled() -> bool:
    """Tell whether it is this task that was cancelled, not something within it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def broken_off(record: Record) -> RunEnded:
    """Return the end of a run that something ended which may not."""
    failure = Failure("run_broke_off", "The run broke off; the log of its worker says why.")
    told = record.ended or RunEnded(RunStatus.FAILED)
    return RunEnded(RunStatus.FAILED, record.answers, failure, told.seconds, told.partials)


def unplayable(error: Exception) -> RunEnded:
    """Return the end of a run that cannot begin: its data is damaged, or a key is missing here."""
    hint = error.hint if isinstance(error, UnderstudyError) else ""
    why = error.message if isinstance(error, UnderstudyError) else type(error).__name__
    message = f"The run cannot be played: {why}"
    failure = Failure("not_playable", message, hint or "")
    return RunEnded(RunStatus.FAILED, failure=failure)
