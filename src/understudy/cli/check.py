"""check: compare two places, both directions."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from understudy.cli.options import adapting, common, output_option, selecting, tools
from understudy.cli.progress import Screen
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.ops.drift import Drift, compare
from understudy.ops.replicate import open_job
from understudy.ops.request import Request
from understudy.report.drift import drift_lines, drift_text
from understudy.report.unread import errors_in


@click.command()
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@selecting
@tools
@adapting
@click.option("--one-way", is_flag=True, help="What only B holds is no drift.")
@click.option("--ignore", multiple=True, metavar="FIELD", help="Do not compare this field.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 for drift instead of 1.")
@output_option
@common
@click.pass_context
def check(ctx: click.Context, /, one: str, other: str, **options: Any) -> int:
    """Compare two places: = same, * differs, + only in A, - only in B, ! cannot be told.

    Exits with 0 when there is no drift, else with 1 (2 with --detailed-exitcode); with 3 when
    there is none as far as they could be read.

    \b
    understudy check src dst
    understudy check ./snapshots dst --detailed-exitcode
    """
    session = Session(ctx)
    request = Request(
        source=one,
        destination=other,
        selection=session.selection(
            everything=options["everything"], ids=options["ids"], names=options["names"]
        ),
        ignore=frozenset(options["ignore"]),
        check_models=False,
        knowledge=session.knowledge(options),
        **session.adapting(options),
        output_dir=session.output_dir(options["output_dir"]),
    )

    async def work(stop: asyncio.Event) -> Drift:
        with Screen(quiet=session.quiet or session.json) as screen:
            async with open_job(
                request, session.settings, stop=stop, listener=screen, both_exist=True
            ) as job:
                return await compare(job, one_way=options["one_way"])

    drift = session.run(work)
    session.say(drift_lines(drift) if session.json else drift_text(drift, quiet=session.quiet))
    if not drift.found:
        return ExitCode.PARTLY if errors_in(drift.unread) else ExitCode.DONE
    return ExitCode.CHANGES if options["detailed_exitcode"] else ExitCode.FAILURE
