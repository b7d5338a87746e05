"""A council of four prompts (three at once, one that reads them), and who plays it in tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from architect.examples import PARALLEL
from understudy.architect.definition import from_json
from understudy.architect.engine import Engine
from understudy.architect.run_events import (
    Answered,
    Partial,
    PromptCompleted,
    PromptDelta,
    PromptFailed,
    PromptStarted,
    RunEnded,
    RunEvent,
    RunStarted,
)
from understudy.providers.base import Delta, Request
from understudy.providers.script import Line, Script
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Numbered, Order
from understudy.runs.worker import Limits, Worker

COUNCIL = from_json(PARALLEL["assistants"][0])
ORDER = Order(
    assistant=COUNCIL.name,
    version=3,
    content=COUNCIL.canonical,
    models={"gpt-4o": "demo/scripted"},
    inputs={"route": "north"},
)
FINE = Line(say="Fine.")
VERDICT = 3


def engine_of(*lines: Line) -> Engine:
    """Return an engine whose models follow a script."""
    script = Script(lines)
    return Engine(lambda _: script)


def nothing(_: Mapping[str, str]) -> None:
    """Every model can be asked."""


def free(_: Collection[Answered | Partial]) -> float:
    """Return what answers cost."""
    return 0.25


def worker_of(runs: DurableRuns, engine: Engine, **limits: Any) -> Worker:
    worker = Worker(runs, engine, ready=nothing, cost=free, limits=Limits(**limits))
    runs.on_queued = worker.nudge
    return worker


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[Worker]:
    """Have a worker serve meanwhile."""
    async with worker:
        stop = asyncio.Event()
        serving = asyncio.create_task(worker.serve(stop))
        try:
            yield worker
        finally:
            stop.set()
            await serving


async def half_played(runs: DurableRuns, worker: Worker) -> str:
    """Return a run that a worker, which has been entered, was asked to end in the middle of."""
    run = (await runs.submit(ORDER)).id
    stop = asyncio.Event()
    serving = asyncio.create_task(worker.serve(stop))
    await until(runs, run, "prompt.started", count=3)
    stop.set()
    await serving
    return run


async def heard(runs: DurableRuns, run: str, after: int = 0) -> list[Numbered]:
    """Return all events of a run up to its end."""
    async with asyncio.timeout(60), aclosing(runs.events(run, after)) as events:
        return [one async for one in events]


async def until(runs: DurableRuns, run: str, *kinds: str, count: int = 1) -> list[Numbered]:
    """Return a run's events up to so many of a kind."""
    told: list[Numbered] = []
    async with asyncio.timeout(60), aclosing(runs.events(run)) as events:
        async for one in events:
            told.append(one)
            if sum(each.kind in kinds for each in told) == count:
                return told
    raise AssertionError(f"{run} ended before: {[one.kind for one in told]}")


class Gate(Script):
    """Answers when it is opened."""

    def __init__(self) -> None:
        super().__init__((FINE,))
        self.opened = asyncio.Event()

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        await self.opened.wait()
        async for delta in super().stream(request):
            yield delta


def asked(events: list[Numbered]) -> list[int]:
    """Return the prompts that were asked."""
    return sorted(one.event.prompt for one in events if isinstance(one.event, PromptStarted))


class Machine:
    """What a listener may hear, in which order; raises AssertionError for anything else."""

    def __init__(self) -> None:
        self.number = 0
        self.attempt = 0
        self.running = False
        self.asked: dict[int, int] = {}
        self.answered: dict[int, str] = {}
        self.failed: set[int] = set()
        self.said: dict[int, list[str]] = {}
        self.ended: RunEnded | None = None

    def hear(self, one: Numbered) -> None:
        """Take the next event."""
        assert one.number == self.number + 1, (one, self.number)
        self.number = one.number
        self._kinds[type(one.event)](self, one.event)

    def _begun(self, event: RunStarted) -> None:
        assert not self.running
        assert event.attempt == self.attempt + 1
        self.attempt, self.running, self.ended = event.attempt, True, None
        self.asked, self.said, self.failed = {}, {}, set()
        self.answered_now: set[int] = set()

    def _asked(self, event: PromptStarted) -> None:
        assert self.running
        assert event.prompt not in self.answered, "a finished prompt was asked again"
        assert event.prompt not in self.failed
        assert event.attempt == self.asked.get(event.prompt, 0) + 1
        self.asked[event.prompt] = event.attempt
        self.said[event.prompt] = []

    def _said(self, event: PromptDelta) -> None:
        assert event.text
        assert event.prompt not in self.answered | dict.fromkeys(self.failed, "")
        self.said[event.prompt].append(event.text)

    def _answered(self, event: PromptCompleted) -> None:
        assert self.running
        assert event.prompt not in self.answered_now
        self.answered_now.add(event.prompt)
        if event.prompt in self.said:
            assert "".join(self.said[event.prompt]) == event.answer.text
        if event.prompt in self.answered:
            assert event.kept
            assert self.answered[event.prompt] == event.answer.text
        self.answered[event.prompt] = event.answer.text

    def _failed(self, event: PromptFailed) -> None:
        assert self.running
        assert event.prompt not in self.answered
        assert event.prompt not in self.failed
        self.failed.add(event.prompt)

    def _over(self, event: RunEnded) -> None:
        assert self.ended is None
        self.running, self.ended = False, event

    _kinds: Mapping[type[RunEvent], Any] = {
        RunStarted: _begun,
        PromptStarted: _asked,
        PromptDelta: _said,
        PromptCompleted: _answered,
        PromptFailed: _failed,
        RunEnded: _over,
    }


def checked(events: list[Numbered]) -> Machine:
    """Return the machine after it has heard all events from the first."""
    machine = Machine()
    for one in events:
        machine.hear(one)
    return machine
