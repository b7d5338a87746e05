"""runs list, show, tail, retry, cancel, purge: what became of the runs of assistants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import click

from understudy.architect.run_events import RunEnded
from understudy.cli.architect_options import architect_of, library
from understudy.cli.architect_run import outcome, telling
from understudy.cli.session import Session
from understudy.errors import AbsentStoreError, ExitCode, UsageError
from understudy.ops.running import Runs, definition_in
from understudy.report.architect_run import Costs, run_fields, run_text, runs_text
from understudy.report.jsonlines import line
from understudy.runs.records import RunInfo, Standing

T = TypeVar("T")

_PATIENCE = 5.0  # seconds for whoever plays a run that is cancelled

_run = click.argument("run", metavar="RUN")


@click.group()
def runs() -> None:
    """Look at runs of assistants, and go on with those that did not finish.

    \b
    understudy architect run "Quick Summarizer" --input text_content="Once upon a time"
    understudy runs list
    understudy runs retry run_0123456789abcdef
    """


def _using(session: Session, database: str | None, work: Callable[[Runs], Awaitable[T]]) -> T:
    """Return what comes of some work; raises AbsentStoreError for a database that is not there."""
    architect = architect_of(session, database)

    async def run(_: asyncio.Event) -> T:
        async with Runs(architect) as kept:
            return await work(kept)

    return session.run(run, at_once=True)


def _looking(
    session: Session, database: str | None, work: Callable[[Runs], Awaitable[T]], nothing: T
) -> T:
    """Do the same; where nothing was ever run there is nothing."""
    try:
        return _using(session, database, work)
    except AbsentStoreError as error:
        if not error.unused:
            raise
        return nothing


@runs.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--assistant", metavar="NAME", help="Of this assistant alone.")
@click.option(
    "--status",
    type=click.Choice([one.value for one in Standing if one is not Standing.DAMAGED]),
    multiple=True,
    help="Those that stand so; repeatable.",
)
@click.option("--batch", metavar="BATCH", help="Of this batch alone.")
@library
@click.pass_context
def list_runs(
    ctx: click.Context,
    /,
    limit: int,
    assistant: str | None,
    status: tuple[str, ...],
    batch: str | None,
    database: str | None,
) -> int:
    """List the latest runs, the newest first.

    \b
    understudy runs list --limit 10
    understudy runs list --status failed --status interrupted --assistant "Second opinion"
    """
    session = Session(ctx)
    standing = [Standing(one) for one in status]
    none: tuple[RunInfo, ...] = ()
    found = _looking(
        session,
        database,
        lambda kept: kept.list(limit=limit, assistant=assistant, standing=standing, batch=batch),
        none,
    )
    if session.json:
        session.say([line("run", run_fields(one)) for one in found])
    else:
        session.say(runs_text(found))
    return ExitCode.DONE


@runs.command()
@_run
@library
@click.pass_context
def show(ctx: click.Context, /, run: str, database: str | None) -> int:
    """Show one run: how it ended, and the answers that it has.

    \b
    understudy runs show run_0123456789abcdef
    """
    session = Session(ctx)

    async def find(kept: Runs) -> tuple[RunInfo, Costs]:
        return await kept.find(run), kept.player.cost

    info, costs = _using(session, database, find)
    if session.json:
        session.say([line("run", run_fields(info, costs=costs))])
    else:
        session.say(run_text(info, [one.name for one in definition_in(info).prompts]))
    return ExitCode.DONE


@runs.command(short_help="Go on with a run that did not finish.")
@_run
@click.option("--force", is_flag=True, help="Even if it seems to run: its process is gone.")
@library
@click.pass_context
def retry(ctx: click.Context, /, run: str, force: bool, database: str | None) -> int:
    """Go on with a run that failed, was cancelled or killed; finished prompts are not asked again.

    \b
    understudy runs retry run_0123456789abcdef
    """
    session = Session(ctx)

    return outcome(
        _using(
            session,
            database,
            lambda kept: kept.retry(run, telling(session, kept.player), force=force),
        )
    )


@runs.command(short_help="Follow a run to its end, wherever it is played.")
@_run
@click.option(
    "--after",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    metavar="N",
    help="Only events after this one.",
)
@library
@click.pass_context
def tail(ctx: click.Context, /, run: str, after: int, database: str | None) -> int:
    """Follow a run, wherever it is played: what has happened, then what happens, to its end.

    \b
    understudy runs tail run_0123456789abcdef
    understudy runs tail run_0123456789abcdef --json --after 12
    """
    session = Session(ctx)

    async def follow(kept: Runs) -> RunEnded | int:
        info = await kept.find(run)
        if after > info.last_event:
            raise UsageError(f"{after} is beyond the events of {run}: {info.last_event} so far.")
        listener = telling(session, kept.player)(run, definition_in(info))
        ended: RunEnded | None = None
        async for one in kept.events(run, after):
            listener(one.number, one.event)
            ended = one.event if isinstance(one.event, RunEnded) else None
        return ended or ExitCode.FAILURE

    return outcome(_using(session, database, follow))


@runs.command()
@_run
@library
@click.pass_context
def cancel(ctx: click.Context, /, run: str, database: str | None) -> int:
    """Cancel a run, wherever it runs: it ends within a second.

    \b
    understudy runs cancel run_0123456789abcdef
    """
    session = Session(ctx)

    async def end(kept: Runs) -> RunInfo:
        info = await kept.cancel(run)
        if not info.standing.ended:  # whoever plays it ends it
            with suppress(TimeoutError):
                async with (
                    asyncio.timeout(_PATIENCE),
                    aclosing(kept.raw(run, info.last_event)) as told,
                ):
                    async for _ in told:
                        pass
        return await kept.find(run)

    info = _using(session, database, end)
    if session.json:
        session.say([line("run", run_fields(info))])
    else:
        session.say(runs_text([info]))
    return ExitCode.DONE


@runs.command(short_help="Delete runs that ended so many days ago.")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(0, 100_000),
    required=True,
    metavar="DAYS",
    help="Days.",
)
@library
@click.pass_context
def purge(ctx: click.Context, /, days: int, database: str | None) -> int:
    """Delete runs that ended so many days ago, with all that was entered and answered.

    \b
    understudy runs purge --older-than 30
    """
    session = Session(ctx)
    before = datetime.now(UTC) - timedelta(days=days)
    count = _looking(session, database, lambda kept: kept.purge(before), 0)
    if session.json:
        session.say([line("purged", {"runs": count, "before": before.isoformat()})])
    else:
        session.say([f"{count:,} run{'s' * (count != 1)} deleted."])
    return ExitCode.DONE
