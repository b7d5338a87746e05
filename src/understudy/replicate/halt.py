"""Why no new write is begun any more: somebody asked, or going on could only fail the same way."""

from __future__ import annotations

import asyncio

from understudy.errors import InterruptedRunError, PlaceError, UnderstudyError
from understudy.replicate.events import Listener, Stopping


class Halt:
    """Shared by everything that writes during one run."""

    def __init__(self, stop: asyncio.Event, listener: Listener) -> None:
        self._stop = stop
        self._listener = listener
        self._fatal: UnderstudyError | None = None

    @property
    def reached(self) -> bool:
        """Whether nothing new may be begun."""
        return self._fatal is not None or self._stop.is_set()

    def note(self, error: UnderstudyError) -> None:
        """Take an error into account; those that stop the run are remembered, the first counts."""
        if isinstance(error, PlaceError) and error.stops_run:
            self.end(error)

    def end(self, error: UnderstudyError) -> None:
        """End the run because of this error, whatever its kind."""
        if self._fatal is None:
            self._fatal = error
            self._listener(Stopping(error.message))

    def reason(self) -> UnderstudyError | None:
        """Return what ended the run early, None if nothing did."""
        if self._fatal is not None:
            return self._fatal
        if self._stop.is_set():
            return InterruptedRunError(
                "Stopped on request.", hint="Run the same command again to complete the work."
            )
        return None
