"""worker: plays the runs that are queued."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import click

from understudy.cli.architect_options import architect_of, library
from understudy.cli.options import Number
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.ops.architect import Makes
from understudy.report.jsonlines import line
from understudy.report.logs import log_to_stderr


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Runs at once.  [default: 16]",
)
@click.option(
    "--total", type=click.IntRange(1), metavar="N", help="Runs at once of all workers together."
)
@click.option(
    "--rate", metavar="RUNS/SECONDS", help="Runs begun by all workers together, such as 100/60."
)
@click.option("--drain", is_flag=True, help="End once nothing is left to play.")
@click.option(
    "--grace",
    type=Number(0, 86_400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long runs may go on after SIGTERM; then others take them over.",
)
@library
@click.pass_context
def worker(
    ctx: click.Context,
    /,
    concurrency: int | None,
    total: int | None,
    rate: str | None,
    drain: bool,
    grace: float,
    database: str | None,
) -> int:
    """Play the runs that are queued, until Ctrl-C or SIGTERM; start as many as you need.

    Workers of one PostgreSQL database share its queue, wherever they run. When one dies, the
    others go on with its runs: no finished prompt is asked again.

    \b
    understudy worker
    UNDERSTUDY_DATABASE_URL=postgresql://me@db/runs understudy worker --concurrency 32
    understudy worker --drain
    """
    session = Session(ctx)
    from understudy.ops.run_settings import rate_of
    from understudy.ops.running import Runs

    architect = architect_of(session, database, makes=Makes.ALL)
    _log(ctx, session)

    async def work(stop: asyncio.Event) -> None:
        async with Runs(architect) as runs:
            limits = runs.settings.limits
            limits = replace(
                limits,
                places=concurrency or limits.places,
                total=total or limits.total,
                rate=rate_of(rate, "--rate") if rate else limits.rate,
            )
            async with runs.worker(limits) as playing:
                if session.json:
                    fields = {"worker": playing.id, "concurrency": limits.places}
                    session.say([line("worker", fields)])
                else:
                    session.note(f"{playing.id} plays up to {limits.places} runs at once.")
                await playing.serve(stop, drain=drain)
                await playing.stop(grace)

    session.run(
        work,
        stopping=f"Stopping: what is played may end within {grace:g} s. Once more leaves it now.",
        stopped="What was played goes on where another worker is, or when one starts.",
    )
    return ExitCode.DONE


def _log(ctx: click.Context, session: Session) -> None:
    """Log what happens, unless somebody wants less: a worker is watched by its log."""
    verbose = int(ctx.find_root().ensure_object(dict).get("verbose", 0))
    if not session.settings.option("log_level"):
        level = logging.DEBUG if verbose > 1 else logging.INFO
        log_to_stderr(level, json_lines=session.json)
