"""A provider whose last answer breaks off, and who plays with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection

from runs.playing import FINE
from understudy.architect.engine import Engine
from understudy.architect.run_events import Answered, Partial
from understudy.providers.base import Delta, Request, Usage
from understudy.providers.errors import ProviderError
from understudy.providers.script import Script
from understudy.runs.durable import DurableRuns
from understudy.runs.worker import Worker


class Broken(Script):
    """Answers fine but for the verdict, of which pieces come, maybe the usage, and no end."""

    def __init__(
        self, *pieces: str, usage: Usage | None = None, error: ProviderError | None = None
    ) -> None:
        super().__init__((FINE,))
        self._pieces, self._usage, self._error = pieces, usage, error
        self.said = asyncio.Event()

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        if "sail?" not in request.messages[-1].text:
            async for delta in super().stream(request):
                yield delta
            return
        for piece in self._pieces:
            yield Delta(piece)
        if self._usage is not None:
            yield Delta(usage=self._usage)
        self.said.set()
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()


def known(answers: Collection[Answered | Partial]) -> float | None:
    """Return a quarter for each, None where one did not say what it took."""
    return None if any(one.used is None for one in answers) else 0.25 * len(answers)


def playing(runs: DurableRuns, broken: Broken) -> Worker:
    """Return a worker that lets nobody ask twice."""

    async def at_once(_: float) -> None:
        pass

    engine = Engine(lambda _: broken, pause=at_once)
    worker = Worker(runs, engine, ready=lambda _: None, cost=known)
    runs.on_queued = worker.nudge
    return worker
