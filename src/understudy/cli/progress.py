"""Progress on stderr: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

from understudy.cli.streams import emit
from understudy.platforms.base import Wait
from understudy.redact import redact
from understudy.replicate.events import (
    ChangeDone,
    Event,
    FileDone,
    FilePassed,
    Indexing,
    Listener,
    Read,
    RunStarted,
    silent,
)
from understudy.report.clean import clean
from understudy.report.sizes import size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVERY = 3.0  # seconds between lines in a pipe
_REASON = 60  # characters of a pause's reason


class Screen:
    """A listener that shows what is going on. Use as a context manager."""

    def __init__(self, *, quiet: bool) -> None:
        self._show: Listener = silent
        self._bar: _Bar | None = None
        if quiet:
            return
        if sys.stderr.isatty():
            self._show = self._bar = _Bar()
        else:
            self._show = _Lines()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self._show(event)

    def clear(self) -> None:
        """Take the display away, so that something can be printed; the next event restores it."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


class _State:
    """What both displays know: counts, rate, and the pause that is on."""

    def __init__(self) -> None:
        self.total = 0
        self.done = 0
        self.files = 0
        self.files_done = 0
        self.bytes = 0
        self.bytes_done = 0
        self.began = time.monotonic()
        self._passing: dict[str, int] = {}
        self._indexing = ""
        self._pause = ""
        self._pause_ends = 0.0

    def take(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.total, self.done, self.began = event.total, 0, time.monotonic()
            self.files, self.bytes, self.files_done, self.bytes_done = (
                event.files,
                event.bytes,
                0,
                0,
            )
        elif isinstance(event, ChangeDone):
            self.done += 1
        elif isinstance(event, FilePassed):
            self._passing[event.source_id] = event.bytes
        elif isinstance(event, FileDone):
            self.files_done += 1
            self.bytes_done += event.outcome.bytes or 0
            self._passing.pop(event.outcome.source_id, None)
        elif isinstance(event, Indexing):
            self._indexing = f"indexing {clean(event.store)}: {event.done}/{event.total} files"
        elif isinstance(event, Wait):
            reason = clean(redact(event.reason))
            short = reason if len(reason) <= _REASON else reason[: _REASON - 1] + "…"
            self._pause = f"{event.place} waits {event.seconds:.1f} s: {short}"
            self._pause_ends = time.monotonic() + event.seconds

    @property
    def pause(self) -> str:
        return self._pause if time.monotonic() < self._pause_ends else ""

    @property
    def carried(self) -> str:
        """What travelled so far, and what is being indexed; empty where no file has to move."""
        if not self.files:
            return self._indexing
        done = self.bytes_done + sum(self._passing.values())
        moved = f"{self.files_done}/{self.files} files, {size(done)}"
        return f"{moved} of {size(self.bytes)}  {self._indexing}".rstrip()

    @property
    def rate(self) -> float:
        return self.done / max(time.monotonic() - self.began, 0.001)


class _Bar:
    """A rich progress bar; appears with the first event."""

    def __init__(self) -> None:
        self._state = _State()
        self._progress: Progress | None = None
        self._reading: dict[str, TaskID] = {}
        self._writing: TaskID | None = None
        self._moving: TaskID | None = None

    def __call__(self, event: Event) -> None:
        self._state.take(event)
        display = self._display()
        if isinstance(event, Read):
            self._read(display, event)
        elif isinstance(event, RunStarted):
            if event.total:
                self._writing = display.add_task("Writing", total=event.total, note="")
            if event.files:
                self._moving = display.add_task("Files", total=event.files, note="")
        if self._writing is not None:
            note = f"{self._state.rate:.1f}/s  {self._state.pause}".rstrip()
            display.update(self._writing, completed=self._state.done, note=note)
        if self._moving is not None:
            state = self._state
            display.update(self._moving, completed=state.files_done, note=state.carried)

    def close(self) -> None:
        if self._progress is not None:
            # A bar of writes stays to be read; that something was read is no news afterwards.
            self._progress.live.transient = self._writing is None and self._moving is None
            self._progress.stop()
        self._progress, self._writing, self._moving = None, None, None
        self._reading.clear()

    def _read(self, display: Progress, event: Read) -> None:
        if event.place not in self._reading:
            label = f"Reading {clean(event.place)}"
            self._reading[event.place] = display.add_task(label, total=None, note="")
        note = f"{event.count} {event.what}"
        display.update(self._reading[event.place], completed=event.count, note=note)

    def _display(self) -> Progress:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                console=Console(stderr=True),
                refresh_per_second=8,
            )
            self._progress.start()
        return self._progress


class _Lines:
    """Plain lines, at most one every few seconds."""

    def __init__(self) -> None:
        self._state = _State()
        self._next = time.monotonic() + _EVERY

    def __call__(self, event: Event) -> None:
        self._state.take(event)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        text = self._text(event)
        if text:
            emit(text, err=True)

    def _text(self, event: Event) -> str:
        state = self._state
        if isinstance(event, Read):
            return f"reading {clean(event.place)}: {event.count} {event.what}"
        if not state.total:
            return ", ".join(part for part in (state.carried, state.pause) if part)
        left = (state.total - state.done) / max(state.rate, 0.001)
        parts = [
            f"writing: {state.done}/{state.total}",
            f"{state.rate:.1f}/s",
            f"{left:.0f} s left",
        ]
        return ", ".join([*parts, *(part for part in (state.carried, state.pause) if part)])
