"""Durable runs for benches: what is asked for, queued all at once, and played in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from parallel_example import parsed
from understudy.architect.engine import Engine
from understudy.providers.base import Provider
from understudy.runs import submitting
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Asked, Order, RunInfo, Standing
from understudy.runs.worker import Limits, Worker
from understudy.store.address import for_runs, parse

AT_ONCE = 16  # as a worker does by itself


def order(model: str, *names: str) -> Order:
    """Return an order of the parallel example, or of some of its analyses alone."""
    definition, _ = parsed(names) if names else parsed()
    return Order(
        assistant=definition.name,
        content=definition.canonical,
        models={"gpt-4o": model},
        inputs={"content": "What the run is about. " * 8},
    )


def opened(url: str) -> DurableRuns:
    """Return the runs that are kept with a library, to be entered."""
    return DurableRuns(for_runs(parse(url)))


async def queue(runs: DurableRuns, what: Order, count: int) -> list[str]:
    """Queue as many runs in one transaction, and return their ids."""
    return await runs.writing(
        lambda connection: [submitting.submit(connection, what, Asked()) for _ in range(count)]
    )


async def play(runs: DurableRuns, provider: Provider) -> None:
    """Play all that is queued with one worker, which this process is."""

    def ready(_: Mapping[str, str]) -> None:
        pass

    engine = Engine(lambda _: provider)
    limits = Limits(places=AT_ONCE)
    worker = Worker(runs, engine, ready=ready, cost=lambda _: 0.0, limits=limits)
    async with worker:
        await worker.serve(asyncio.Event(), drain=True)


async def completed(runs: DurableRuns, count: int) -> tuple[RunInfo, ...]:
    """Return all runs; fails unless each of them has completed."""
    found = await runs.list(limit=count + 1)
    assert len(found) == count
    assert {one.standing for one in found} == {Standing.COMPLETED}
    return found
