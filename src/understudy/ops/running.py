"""Runs of a library's assistants, wired: begun, played, listened to, looked at, retried, purged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

from understudy.architect.approval import State
from understudy.architect.definition import Definition, from_json
from understudy.architect.engine import Concurrency
from understudy.architect.inputs import Entered, Upload
from understudy.architect.run_events import RunEnded, RunListener
from understudy.errors import NotInForceError, StoreError
from understudy.ops import telemetry
from understudy.ops.architect import Architect
from understudy.ops.playing import Chosen, Player
from understudy.ops.run_settings import run_settings
from understudy.runs.durable import DurableRuns
from understudy.runs.records import (
    Asked,
    Kept,
    Numbered,
    Order,
    Original,
    RunInfo,
    Standing,
)
from understudy.runs.worker import Limits, Worker
from understudy.runs.workers import Claimed
from understudy.store.address import for_runs, parse

#: Makes a listener for the run of that id; told of it before its first event.
Listening = Callable[[str, Definition], RunListener]


class Runs:
    """Asks for runs, and keeps what is answered; an asynchronous context manager.

    Everything may raise StoreError.
    """

    def __init__(self, architect: Architect, *, concurrency: Concurrency | None = None) -> None:
        self.settings = run_settings(architect.settings)
        self.player = Player(architect, concurrency=concurrency or self.settings.concurrency)
        self.architect = architect
        self._address = for_runs(parse(architect.database))
        self.kept = DurableRuns(self._address, lease=self.settings.lease)
        self._open = AsyncExitStack()

    @asynccontextmanager
    async def opened_for(
        self, key: str, *, draft: bool, number: int | None
    ) -> AsyncIterator[Chosen]:
        """Choose what is to be run, and only then open them: what is misspelt makes no database.

        Raises as `Player.choose` does.
        """
        async with self.architect:
            chosen = await self.player.choose(key, draft=draft, number=number)
            async with self:
                yield chosen

    async def __aenter__(self) -> Self:
        self.architect.require(self._address)
        async with AsyncExitStack() as opening:
            opening.push_async_callback(telemetry.flush)
            await opening.enter_async_context(self.architect)
            await opening.enter_async_context(self.player)
            await opening.enter_async_context(self.kept)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    def worker(self, limits: Limits | None = None, *, kind: str = "worker") -> Worker:
        """Return what plays runs in this process; raises UsageError for traces without extra."""
        worker = Worker(
            self.kept,
            self.player.engine,
            ready=self.player.ready,
            cost=self.player.sum,
            limits=limits or self.settings.limits,
            retention=self.settings.retention,
            observe=telemetry.observer(
                self.architect.settings.variables, content=self.settings.trace_content
            ),
            kind=kind,
        )
        self.kept.on_queued = worker.nudge
        return worker

    async def order(self, chosen: Chosen, given: Mapping[str, Entered]) -> Order:
        """Return what is to be run.

        Raises RefusedInputsError, and UsageError for a key that is missing.
        """
        play = self.player.play(chosen, given)
        return Order(
            assistant=chosen.definition.name,
            version=chosen.version,
            content=chosen.definition.canonical,
            models=chosen.models,
            tools=play.tools,
            inputs=play.inputs,
            originals=await asyncio.to_thread(_originals, given),
        )

    async def submit(
        self, chosen: Chosen, given: Mapping[str, Entered], asked: Asked | None = None
    ) -> RunInfo:
        """Queue a run, for whichever worker takes it first; may be repeated with a key.

        Raises RefusedInputsError, UsageError for a key that is missing, IdempotencyError.
        """
        asked = asked or Asked(trace=self.trace())
        return await self.kept.submit(await self.order(chosen, given), asked)

    def trace(self, carrier: Mapping[str, str] | None = None) -> str | None:
        """Return the trace context in which we are asked; see `telemetry.context`."""
        return telemetry.context(self.architect.settings.variables, carrier)

    async def earlier(self, asked: Asked) -> RunInfo | None:
        """Return the run that this key has been given; raises IdempotencyError."""
        return await self.kept.earlier(asked)

    async def run(
        self, chosen: Chosen, given: Mapping[str, Entered], listening: Listening
    ) -> RunEnded:
        """Play an assistant in this process, to its end; each answer is kept once it is whole.

        Raises RefusedInputsError, and UsageError for a key that is missing, before anything is
        asked. Cancelling it cancels the run.
        """
        order = await self.order(chosen, given)
        async with self.worker(Limits(places=1), kind="command") as worker:
            asked = Asked(trace=self.trace())
            claimed = await self.kept.submit_for(order, asked, worker.id)
            return await self._heard(worker, claimed, listening(claimed.run, chosen.definition))

    async def retry(self, run: str, listening: Listening, *, force: bool = False) -> RunEnded:
        """Play what did not finish of a run in this process; see `DurableRuns.retry`."""
        info = await self.kept.find(run)
        await self._may_play(info)
        async with self.worker(Limits(places=1), kind="command") as worker:
            claimed = await self.kept.retry_for(run, worker.id, force=force, trace=self.trace())
            return await self._heard(worker, claimed, listening(run, definition_in(info)))

    async def _heard(self, worker: Worker, claimed: Claimed, listener: RunListener) -> RunEnded:
        """Play a run, and pass its events on."""
        ear = _Ear(listener, claimed.attempt_from)
        playing = asyncio.create_task(worker.play(claimed))
        passing = asyncio.create_task(self._pass_on(claimed.run, ear))
        try:
            await asyncio.wait([playing])
            await self._to_the_end(claimed.run, passing)
        except asyncio.CancelledError:
            playing.cancel()
            await asyncio.wait([playing])
            await self._to_the_end(claimed.run, passing)
            raise
        finally:
            for task in (playing, passing):
                task.cancel()
            await asyncio.gather(playing, passing, return_exceptions=True)
        assert ear.ended is not None  # noqa: S101 - it is the last thing that was passed on
        return ear.ended

    async def _to_the_end(self, run: str, passing: asyncio.Task[None]) -> None:
        """Wait for the events of a run that is not played here any more; raises StoreError."""
        if not (await self.kept.find(run)).standing.ended:
            raise StoreError(
                f"{run} could not be played to its end here; what it has is kept.",
                hint=f"A worker goes on with it, or: understudy runs retry {run}",
            )
        await passing

    async def _pass_on(self, run: str, ear: _Ear) -> None:
        async with aclosing(self.events(run, ear.last)) as events:
            async for one in events:
                ear.hear(one)

    def events(self, run: str, after: int = 0) -> AsyncGenerator[Numbered, None]:
        """Yield a run's events as they come; see `DurableRuns.events`."""
        return self.kept.events(run, after)

    def raw(self, run: str, after: int = 0) -> AsyncGenerator[Kept, None]:
        """Yield a run's events as they are kept; `told` reads them."""
        return self.kept.feed.listen(run, after)

    async def told(self, run: str, kept: Kept) -> Numbered:
        """Return an event, read; see `DurableRuns.told`."""
        return await self.kept.told(run, kept)

    async def list(
        self,
        *,
        limit: int = 50,
        assistant: str | None = None,
        standing: Collection[Standing] = (),
        batch: str | None = None,
    ) -> tuple[RunInfo, ...]:
        """Return the latest runs without what was entered and answered, the newest first."""
        return await self.kept.list(
            limit=limit, assistant=assistant, standing=standing, batch=batch
        )

    async def find(self, run: str) -> RunInfo:
        """Return a run; raises SelectionError."""
        return await self.kept.find(run)

    async def cancel(self, run: str) -> RunInfo:
        """Cancel a run; see `DurableRuns.cancel`."""
        return await self.kept.cancel(run)

    async def requeue(self, run: str, trace: str | None = None) -> RunInfo:
        """Queue what did not finish of a run; see `DurableRuns.retry`. Raises UsageError, too."""
        await self._may_play(await self.kept.find(run))
        return await self.kept.retry(run, trace=trace)

    async def _may_play(self, info: RunInfo) -> None:
        """Raise UsageError for a key that is missing, NotInForceError for what is out of use."""
        self.player.ready(info.order.models)
        if info.version is None:
            return
        library = await self.architect.library()
        version = await library.version(info.assistant, info.version)
        if version.state in (State.DISABLED, State.REJECTED):
            raise NotInForceError(
                f'Version {info.version} of "{info.assistant}" is {version.state}; '
                f"{info.id} is not played any more.",
                hint="Approve it again, or run the version in force.",
            )

    async def purge(self, before: datetime) -> int:
        """Delete the runs that ended before a time; return how many those were."""
        return await self.kept.purge(before)


class _Ear:
    """Passes events on, and remembers where it is and how the run ended."""

    def __init__(self, listener: RunListener, last: int) -> None:
        self._listener = listener
        self.last = last
        self.ended: RunEnded | None = None

    def hear(self, one: Numbered) -> None:
        self.last = one.number
        if isinstance(one.event, RunEnded):
            self.ended = one.event
        self._listener(one.number, one.event)


def definition_in(info: RunInfo) -> Definition:
    """Return the assistant that was run."""
    return from_json(json.loads(info.order.content))


def _originals(given: Mapping[str, Entered]) -> tuple[Original, ...]:
    """Return the files that were given, with their bytes. Raises OSError."""
    return tuple(
        Original(field=field, name=one.name, content=one.path.read_bytes())
        for field, entered in given.items()
        if not isinstance(entered, str)
        for one in entered
        if isinstance(one, Upload) and one.path is not None
    )
