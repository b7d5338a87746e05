"""What happens in the runs of this process, written down together: one transaction for all.

While one transaction is under way, the events that come are collected for the next, and pieces of
one answer become one event. Nobody is told of an event before it is kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from time import time
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, select

from understudy.architect.run_events import PromptDelta, RunEnded, RunEvent
from understudy.errors import StoreError
from understudy.runs.database import Database
from understudy.runs.endings import leave
from understudy.runs.notices import news
from understudy.runs.records import Kept, Standing, ended_json, event_json
from understudy.runs.tables import EVENTS, RUNS

log = logging.getLogger("understudy.runs")

_FIRST_PAUSE = 0.1  # seconds before a transaction that failed is tried again; doubled each time
_LONGEST_PAUSE = 2.0

_MINE = (RUNS.c.id == bindparam("run_")) & (RUNS.c.epoch == bindparam("epoch_"))
_ON = (
    RUNS.update()
    .where(_MINE, RUNS.c.last_event == bindparam("before_"))
    .values(last_event=bindparam("last_"), updated_at=bindparam("at_"))
)
_OVER = (
    RUNS.update()
    .where(_MINE, RUNS.c.last_event == bindparam("before_"))
    .values(
        last_event=bindparam("last_"),
        updated_at=bindparam("at_"),
        ended_at=bindparam("at_"),
        standing=bindparam("standing_"),
        ended=bindparam("ended_"),
        cost=bindparam("cost_"),
    )
)
_PLAYED = select(RUNS).where(_MINE, RUNS.c.standing == Standing.RUNNING).with_for_update()
_STATE = select(RUNS.c.last_event, RUNS.c.epoch).where(RUNS.c.id == bindparam("run_"))


class LostError(StoreError):
    """A run is somebody else's by now; what was to be written of it was not."""


@dataclass(slots=True)
class Page:
    """The run that is written about, and where its writing stands."""

    run: str
    epoch: int
    last: int
    lost: BaseException | None = None
    #: Not written yet.
    waiting: list[tuple[float, RunEvent]] = field(default_factory=list)
    written: list[asyncio.Future[None]] = field(default_factory=list)
    cost: float | None = None
    back: bool = False
    played: float = 0.0  # seconds, once it is given back


class Publish(Protocol):
    """Gets what has been kept."""

    def __call__(self, run: str, events: Sequence[Kept], *, ours: bool) -> None:
        """Pass on new events of a run; `ours`: whether this process goes on with it."""


class Journal:
    """Writes for all runs of a process; `publish` gets what has been kept.

    `patience` is for how many seconds a database that fails is tried again.
    """

    def __init__(
        self,
        database: Database,
        publish: Publish,
        *,
        patience: float,
    ) -> None:
        self._database = database
        self._publish = publish
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, "understudy-journal")
        self._pages: dict[str, Page] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = Event()

    async def aclose(self) -> None:
        """Write what is left; a database that fails is tried once more, at once."""
        self._closing.set()
        while self._task is not None:
            await asyncio.wait([self._task])
        self._thread.shutdown()

    def add(self, page: Page, event: RunEvent) -> None:
        """Write an event soon; what fails then, the next `wrote` tells."""
        if page.lost is None:
            page.waiting.append((time(), event))
            self._turn(page)

    async def wrote(self, page: Page) -> None:
        """Wait until everything of a run is kept; raises LostError, StoreError."""
        if page.lost is not None:
            raise page.lost
        if page.waiting or page.back:
            done = asyncio.get_running_loop().create_future()
            page.written.append(done)
            self._turn(page)
            await done

    def forget(self, page: Page) -> None:
        """Write nothing more of a run, which is somebody else's."""
        if page.lost is None:
            page.lost = LostError(f"{page.run} was taken over by another worker.")
            page.waiting.clear()
            for done in page.written:
                if not done.done():
                    done.set_exception(page.lost)
            page.written.clear()
            self._publish(page.run, (), ours=False)

    async def give_back(self, page: Page) -> None:
        """Queue a run again, for others to go on with; raises LostError, StoreError."""
        page.back = True
        await self.wrote(page)

    def _turn(self, page: Page) -> None:
        self._pages[page.run] = page
        if self._task is None:
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._pages:
                pages, self._pages = list(self._pages.values()), {}
                entries = [_entry(page) for page in pages]
                try:
                    lost = await loop.run_in_executor(self._thread, self._insistently, entries)
                except Exception as error:
                    told: Exception = error
                    if not isinstance(error, StoreError):  # nobody may wait for ever
                        log.exception("The journal of runs failed")
                        told = StoreError(f"The journal of runs failed: {error}")
                    for entry in entries:
                        self._failed(entry, told)
                    continue
                for entry in entries:
                    self._kept(entry, lost)
        finally:
            self._task = None

    def _kept(self, entry: _Entry, lost: set[str]) -> None:
        page = entry.page
        if page.run in lost:
            self._failed(entry, LostError(f"{page.run} was taken over by another worker."))
            return
        page.last = entry.last
        ours = entry.end is None and not page.back and page.lost is None
        self._publish(page.run, entry.rows, ours=ours)
        _told(entry, None)

    def _failed(self, entry: _Entry, error: BaseException) -> None:
        self._publish(entry.page.run, (), ours=False)
        _told(entry, error)

    def _insistently(self, entries: Sequence[_Entry]) -> set[str]:
        """Write entries; return the runs that were lost. In the journal's thread."""
        until, pause = time() + self._patience, _FIRST_PAUSE
        while True:
            try:
                with self._database.writing() as connection:
                    return _lost(connection, entries)
            except StoreError as error:
                if time() + pause > until or self._closing.is_set():
                    raise
                log.warning("%s Trying again in %.1f s.", error.message, pause)
                self._closing.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)


@dataclass(slots=True)
class _Entry:
    """What is written of one run in one transaction."""

    page: Page
    rows: list[Kept]
    times: list[float]
    end: RunEnded | None
    written: list[asyncio.Future[None]]
    back: bool  # as it was then: what is under way is not given back by the way

    @property
    def last(self) -> int:
        return self.rows[-1][0] if self.rows else self.page.last


def _entry(page: Page) -> _Entry:
    """Take what waits of a run, with pieces of the same answer joined."""
    events, page.waiting = _joined(page.waiting), []
    written, page.written = page.written, []
    rows = [(number, *event_json(event)) for number, (_, event) in enumerate(events, page.last + 1)]
    ends = [event for _, event in events if isinstance(event, RunEnded)]
    return _Entry(
        page, rows, [at for at, _ in events], ends[0] if ends else None, written, page.back
    )


def _joined(events: Sequence[tuple[float, RunEvent]]) -> list[tuple[float, RunEvent]]:
    """Return events with the pieces that follow each other in one answer as one piece."""
    joined: list[tuple[float, RunEvent]] = []
    pieces: dict[int, list[str]] = {}
    open_: dict[int, int] = {}  # where in `joined` an answer's piece stands that may grow
    for at, event in events:
        if not isinstance(event, PromptDelta):
            open_.clear()
        elif event.prompt in open_:
            pieces[open_[event.prompt]].append(event.text)
            continue
        else:
            open_[event.prompt] = len(joined)
            pieces[len(joined)] = [event.text]
        joined.append((at, event))
    for where, texts in pieces.items():
        at, event = joined[where]
        assert isinstance(event, PromptDelta)  # noqa: S101 - no other has pieces
        joined[where] = (at, PromptDelta(event.prompt, "".join(texts)))
    return joined


def _told(entry: _Entry, error: BaseException | None) -> None:
    """Tell who waits for an entry what became of it."""
    if error is not None:
        entry.page.lost = error
        entry.page.waiting.clear()
    for done in (*entry.written, *(entry.page.written if error else ())):
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
    if error is not None:
        entry.page.written.clear()


def _lost(connection: Connection, entries: Sequence[_Entry]) -> set[str]:
    """Write entries, with all events in one statement; return the runs that were lost."""
    rows: list[dict[str, Any]] = []
    lost = {entry.page.run for entry in entries if not _kept(connection, entry, rows)}
    if rows:
        connection.execute(EVENTS.insert(), rows)
        news(connection, {row["run"] for row in rows})
    for entry in entries:  # who ends a run then reads what was written
        if entry.back and entry.page.run not in lost and not _left(connection, entry.page):
            lost.add(entry.page.run)
    return lost


def _kept(connection: Connection, entry: _Entry, rows: list[dict[str, Any]]) -> bool:
    """Write an entry but its events, which become rows; tell whether the run is still ours."""
    page = entry.page
    values: dict[str, Any] = {"run_": page.run, "epoch_": page.epoch, "at_": time()}
    if entry.rows:
        values |= {"before_": page.last, "last_": entry.last}
        statement = _ON
        if entry.end is not None:
            statement = _OVER
            values |= {
                "standing_": entry.end.status.value,
                "ended_": json.dumps(ended_json(entry.end)),
                "cost_": page.cost,
            }
        if connection.execute(statement, values).rowcount == 0:
            return _was_kept(connection, entry)
        rows += [
            {"run": page.run, "number": number, "at": at, "kind": kind, "event": text}
            for (number, kind, text), at in zip(entry.rows, entry.times, strict=True)
        ]
    return True


def _left(connection: Connection, page: Page) -> bool:
    """Give a run back; tell whether it was still ours."""
    row = connection.execute(_PLAYED, {"run_": page.run, "epoch_": page.epoch}).first()
    if row is not None:
        leave(connection, row, added=page.played)
    return row is not None


def _was_kept(connection: Connection, entry: _Entry) -> bool:
    """Tell whether a transaction whose answer was lost had been kept after all."""
    state = connection.execute(_STATE, {"run_": entry.page.run}).first()
    return (
        state is not None
        and state.epoch == entry.page.epoch
        and state.last_event == entry.last
        and not entry.back
    )
