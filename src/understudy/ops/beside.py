"""Work beside the event loop: in threads, and once for all who ask for it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Return what the work returns, done in a thread.

    Cancelled, it first lets the work end: a lock that is held around it is not let go too early.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


class Joined:
    """Work that is done once for all who ask while it is going on; for one event loop at a time.

    Whoever is cancelled stops waiting; the work goes on for the others.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Return the work that is going on, begun now unless it was before."""
        return self.running() or self._begin()

    def running(self) -> asyncio.Task[None] | None:
        """Return the work that is going on here, None for none."""
        task = self._task
        # A task of a loop that ended before it is never done.
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            return None
        return task

    async def done(self) -> None:
        """Wait for the work that is going on, or for one run of it; raises what it raises."""
        await asyncio.shield(self.begin())

    async def anew(self) -> asyncio.Task[None]:
        """Wait for a run that was not begun before now, and return it; raises nothing of it."""
        if running := self.running():
            await asyncio.wait({running})
        task = self.begin()
        await asyncio.wait({task})
        return task

    async def stop(self) -> None:
        """Cancel the work that is going on, and wait until it has ended."""
        if running := self.running():
            running.cancel()
            await asyncio.wait({running})

    def _begin(self) -> asyncio.Task[None]:
        task = self._task = asyncio.get_running_loop().create_task(self._work())
        task.add_done_callback(_heard)
        return task


def _heard(task: asyncio.Task[None]) -> None:
    """Take note of an error that nobody waited for: whoever asks next meets it again."""
    if not task.cancelled():
        task.exception()
