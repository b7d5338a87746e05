"""architect batch: an assistant, for each row of a file."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import click

from understudy.architect.inputs import InputFinding
from understudy.cli.architect_options import architect_of, library, mapping, number
from understudy.cli.architect_run import drafts
from understudy.cli.options import Number
from understudy.cli.session import Session
from understudy.cli.streams import emit
from understudy.errors import ExitCode
from understudy.ops.architect import Makes
from understudy.report.architect_run import progress_fields, progress_text
from understudy.report.clean import clean
from understudy.report.jsonlines import line
from understudy.runs.records import Progress

_SHOWN = 3  # rows of which is said what is wrong
_EVERY = 3.0  # seconds between two lines in a pipe


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--inputs",
    "rows",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="ROWS",
    help="CSV with the fields' names in its first line, or JSON lines (.jsonl).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="RESULTS",
    help="JSON lines, one for each row, in their order.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    metavar="N",
    help="Rows that are played here at once.",
)
@click.option(
    "--max-cost", type=Number(0), metavar="USD", help="Begin no row that this may not pay for."
)
@click.option("--retry-failed", is_flag=True, help="Also rows that failed at an earlier time.")
@click.option("--draft", is_flag=True, help="The latest version, or a file: approved or not.")
@number
@mapping
@library
@click.pass_context
def batch(ctx: click.Context, /, **options: Any) -> int:
    """Run an approved assistant for each row of a file; the same command again goes on.

    A row that does not fit the form is told in the results and hinders no other; a field for files
    holds a path beside the rows, several choices stand as a|b. Ctrl-C lets the rows end that have
    begun. Exit codes: 0 all rows have completed, 3 not all, 5 the budget is used up.

    \b
    understudy architect batch "Quick Summarizer" --inputs rows.csv --out results.jsonl
    understudy architect batch Report --inputs rows.jsonl --out r.jsonl --concurrency 64
    understudy architect batch Report --inputs rows.jsonl --out r.jsonl --max-cost 5
    """
    session = Session(ctx)
    architect = architect_of(session, options["database"], options["map_model"], makes=Makes.RUNS)
    from understudy.ops import batching
    from understudy.ops.run_settings import run_settings
    from understudy.ops.running import Runs

    usual = run_settings(architect.settings).concurrency
    most = max(options["concurrency"], usual.per_provider)
    concurrency = replace(usual, per_provider=most, overall=max(most, usual.overall))

    async def work(stop: asyncio.Event) -> int:
        runs = Runs(architect, concurrency=concurrency)
        draft = drafts(options["draft"], options["number"])
        async with runs.opened_for(
            options["name"], draft=draft, number=options["number"]
        ) as chosen:
            request = batching.BatchRequest(
                chosen=chosen,
                rows=options["rows"],
                out=options["out"],
                max_cost=options["max_cost"],
                retry_failed=options["retry_failed"],
            )
            begun = await batching.begin(runs, request)
            ctx.call_on_close(begun.close)
            display = _Display(session, begun.rows, len(begun.invalid))
            progress = await batching.play(
                runs, begun, places=options["concurrency"], stop=stop, tell=display.tell
            )
            await batching.write_results(runs, begun)
            display.end(progress, options["out"])
            _reasons(session, begun.invalid)
            if stop.is_set():
                return ExitCode.INTERRUPTED
            if progress.blocked:
                return ExitCode.QUOTA
            left = batching.failures(progress, len(begun.invalid))
            return ExitCode.PARTLY if left else ExitCode.DONE

    return session.run(
        work,
        stopping="Stopping: rows that have begun end first. Once more stops at once.",
        stopped="Nothing is lost: the same command goes on.",
    )


def _reasons(session: Session, invalid: Mapping[int, Sequence[InputFinding]]) -> None:
    """Say of the first rows that were not run why."""
    for row, findings in islice(invalid.items(), _SHOWN):
        session.note(clean(f"Row {row}: {findings[0].message} {findings[0].hint}".rstrip()))
    if len(invalid) > _SHOWN:
        session.note(f"... and {len(invalid) - _SHOWN:,} more; the results say all.")


class _Display:
    """Shows how a batch stands: on one line of a terminal, by lines elsewhere."""

    def __init__(self, session: Session, rows: int, invalid: int) -> None:
        self._session = session
        self._about = (rows, invalid)
        self._live = sys.stderr.isatty() and not session.json and not session.quiet
        self._told = 0.0

    def tell(self, progress: Progress) -> None:
        """Show it, now and then."""
        if self._live:
            emit(f"\r\x1b[K{progress_text(progress, *self._about)}", err=True, end="")
        elif time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            if self._session.json:
                self._session.say([line("batch_progress", progress_fields(progress, *self._about))])
            else:
                self._session.note(progress_text(progress, *self._about))

    def end(self, progress: Progress, out: Path) -> None:
        """Show how it ended."""
        if self._live:
            emit("\r\x1b[K", err=True, end="")
        if self._session.json:
            fields = {**progress_fields(progress, *self._about), "out": str(out)}
            self._session.say([line("batch", fields)])
            return
        self._session.say([f"{progress_text(progress, *self._about)}: {out}"])
        if progress.blocked:
            known = "" if progress.spent is not None else " What some rows cost is not known."
            self._session.note(
                f"The budget allows no more.{known} The same command with more goes on."
            )
