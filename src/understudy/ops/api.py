"""The library: the same as the commands, for Python programs.

Places are profile names, paths of snapshots and dumps, or platforms such as `Memory()`.
Settings come from the environment, `.env` and `understudy.toml` in the working directory unless
given.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from understudy.config import Settings, load_here
from understudy.ops import drift, look
from understudy.ops import export as exporting
from understudy.ops.look import Listing
from understudy.ops.places import PlaceLike
from understudy.ops.replicate import open_job
from understudy.ops.request import DEFAULT_CONCURRENCY, Request
from understudy.ops.run import Report, carry_out, output
from understudy.replicate.drift import Drift
from understudy.replicate.events import Listener, silent
from understudy.replicate.knowledge.needs import KnowledgeOptions
from understudy.replicate.plan import Plan
from understudy.replicate.result import Exported
from understudy.replicate.selection import Selection


async def clone(
    source: PlaceLike,
    destination: PlaceLike,
    *,
    select: Selection | str | None = None,
    concurrency: int = DEFAULT_CONCURRENCY,
    output_dir: str | Path | None = None,
    settings: Settings | None = None,
    stop: asyncio.Event | None = None,
    listener: Listener = silent,
    **options: Any,
) -> Report:
    """Make the destination hold what the source holds, and return what happened.

    `select` is a name pattern or a Selection; everything is meant without it. Reports are
    written only with `output_dir`. Further options are those of `understudy.Request`. An
    assistant that fails is in the report; what ended the run early is `report.result.stopped_by`.
    Raises UnderstudyError when a place cannot be read or the request is off. May be repeated:
    what is there already is recognised.
    """
    request = _request(
        source,
        destination,
        select,
        concurrency=concurrency,
        output_dir=None if output_dir is None else Path(output_dir),
        **options,
    )
    async with (
        output(request.output_dir) as directory,
        open_job(request, settings or load_here(), stop=stop, listener=listener) as job,
    ):
        return await carry_out(job, await job.plan(), directory)


async def plan(
    source: PlaceLike,
    destination: PlaceLike,
    *,
    select: Selection | str | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> Plan:
    """Return what `clone` would do; writes nothing. May be repeated; raises UnderstudyError."""
    request = _request(source, destination, select, **options)
    async with open_job(request, settings or load_here()) as job:
        return await job.plan()


async def check(
    one: PlaceLike,
    other: PlaceLike,
    *,
    select: Selection | str | None = None,
    one_way: bool = False,
    settings: Settings | None = None,
    **options: Any,
) -> Drift:
    """Return how two places differ, in both directions; writes nothing. May be repeated."""
    request = _request(one, other, select, check_models=False, **options)
    async with open_job(request, settings or load_here(), both_exist=True) as job:
        return await drift.compare(job, one_way=one_way)


async def list_assistants(
    place: PlaceLike,
    *,
    select: Selection | str | None = None,
    settings: Settings | None = None,
) -> Listing:
    """Return a place and its selected assistants, oldest first. May be repeated."""
    return await look.list_assistants(place, settings or load_here(), selection=_select(select))


async def export(
    place: PlaceLike,
    out: str | Path,
    *,
    select: Selection | str | None = None,
    knowledge: KnowledgeOptions | None = None,
    files_dir: str | Path | None = None,
    settings: Settings | None = None,
) -> Exported:
    """Write the selected assistants into a snapshot and return what came of it.

    With `knowledge`, their files and vector stores too; then `out` is a directory. May be
    repeated: what is there already is not fetched again.
    """
    return await exporting.export(
        place,
        Path(out),
        settings or load_here(),
        selection=_select(select),
        knowledge=knowledge,
        files_dir=None if files_dir is None else Path(files_dir),
    )


def _request(
    source: PlaceLike, destination: PlaceLike, select: Selection | str | None, **options: Any
) -> Request:
    return Request(source=source, destination=destination, selection=_select(select), **options)


def _select(select: Selection | str | None) -> Selection:
    return Selection(names=(select,)) if isinstance(select, str) else select or Selection()
