"""Runs of a library's assistants, wired: begun, looked at, retried, cancelled, purged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Self

from understudy.architect.definition import Definition, from_json
from understudy.architect.inputs import Entered
from understudy.architect.run_events import RunEnded, RunListener
from understudy.ops.architect import Architect
from understudy.ops.playing import Chosen, Player
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Order, RunInfo
from understudy.store.address import parse, runs_url

#: Makes a listener for the run of that id; told of it before its first event.
Listening = Callable[[str, Definition], RunListener]


class Runs:
    """Plays assistants and keeps what is answered; an asynchronous context manager.

    One at a time for each process. Everything may raise StoreError.
    """

    def __init__(self, architect: Architect) -> None:
        self.player = Player(architect)
        self._architect = architect
        self._kept = DurableRuns(runs_url(parse(architect.database)))
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self._architect)
            await opening.enter_async_context(self.player)
            await opening.enter_async_context(self._kept)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def run(
        self, chosen: Chosen, given: Mapping[str, Entered], listening: Listening
    ) -> RunEnded:
        """Play an assistant to its end, and keep each answer the moment it is whole.

        Raises RefusedInputsError, and UsageError for a key that is missing, before anything is
        asked. Cancelling it cancels the run.
        """
        play = self.player.play(chosen, given)
        order = Order(
            assistant=chosen.definition.name,
            version=chosen.version,
            content=chosen.definition.canonical,
            models=chosen.models,
            inputs=play.inputs,
        )
        return await self._kept.start(
            order, self.player.engine, lambda run: listening(run, chosen.definition)
        )

    async def retry(self, run: str, listening: Listening, *, force: bool = False) -> RunEnded:
        """Play what did not finish of a run; see `DurableRuns.retry`. Raises UsageError, too."""
        info = await self._kept.find(run)
        for model in dict.fromkeys(info.order.models.values()):
            self.player.provider(model)
        listener = listening(info.id, definition_in(info))
        return await self._kept.retry(info, self.player.engine, listener, force=force)

    async def list(self, *, limit: int = 50) -> tuple[RunInfo, ...]:
        """Return the latest runs, the newest first."""
        return await self._kept.list(limit=limit)

    async def find(self, run: str) -> RunInfo:
        """Return a run; raises SelectionError."""
        return await self._kept.find(run)

    async def cancel(self, run: str) -> RunInfo:
        """Cancel a run; see `DurableRuns.cancel`."""
        return await self._kept.cancel(run)

    async def purge(self, before: datetime) -> int:
        """Delete the runs that ended before a time; return how many attempts those were."""
        return await self._kept.purge(before)


def definition_in(info: RunInfo) -> Definition:
    """Return the assistant that was run."""
    return from_json(json.loads(info.order.content))
