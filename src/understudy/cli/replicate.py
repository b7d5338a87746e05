"""plan, clone, apply, import: from place to place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from understudy.cli.options import (
    Number,
    adapting,
    applying,
    carrying,
    common,
    destination_option,
    output_option,
    planning,
    pruning,
    selecting,
    settling,
    source_option,
    stacked,
    stubbing,
)
from understudy.cli.progress import Screen
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.model.functions import PortedFunction
from understudy.ops.functions import functions_of, require_stubs, write_stubs
from understudy.ops.places import as_path
from understudy.ops.replicate import open_job
from understudy.ops.request import DEFAULT_CONCURRENCY, DEFAULT_SETTLE, Request
from understudy.ops.resume import interrupted
from understudy.ops.run import Report, carry_out, output, plan_exit_code
from understudy.replicate.plan import Action, Identity, Plan
from understudy.report.clean import clean
from understudy.report.functions import functions_count, functions_text
from understudy.report.jsonlines import plan_lines, result_lines
from understudy.report.text import change_text, plan_counts, plan_text, result_text
from understudy.report.unread import errors_in, unread_text

if TYPE_CHECKING:
    from understudy.ops.saved import SavedPlan

shared = stacked(
    selecting, carrying, adapting, pruning, planning, settling, stubbing, output_option, common
)


@click.command()
@source_option
@destination_option
@shared
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when changes are pending.")
@click.pass_context
def plan(ctx: click.Context, /, out: Path | None, detailed_exitcode: bool, **options: Any) -> int:
    """Show what a clone would do, field by field. Writes nothing but --out and --stubs.

    \b
    understudy plan --from src --to dst
    understudy plan --from src --to dst --out plan.json --detailed-exitcode
    """
    session = Session(ctx)
    request = _request(session, options)
    stubs = options["stubs"]
    require_stubs(stubs)
    made = session.run(lambda stop: _plan(session, request, stop, out=out, stubs=stubs))
    return plan_exit_code(made, detailed=detailed_exitcode)


@click.command()
@source_option
@destination_option
@shared
@applying
@click.option("--dry-run", is_flag=True, help="Show the plan and stop; the same as plan.")
@click.pass_context
def clone(ctx: click.Context, /, dry_run: bool, yes: bool, **options: Any) -> int:
    """Make the destination hold what the source holds. Run it again: nothing to do.

    \b
    understudy clone --from src --to dst
    understudy clone --from src --to dst --name 'support*' --dry-run
    understudy clone --from src --to ./snapshots --yes
    understudy clone --file-search --code-interpreter --files-dir ./originals
    understudy clone --prune --max-delete 3
    understudy clone --to responses:./bundle --stubs handlers.py
    """
    session = Session(ctx)
    request = _request(session, options)
    stubs = options["stubs"]
    require_stubs(stubs)
    if session.dry_run(flag=dry_run):
        session.run(lambda stop: _plan(session, request, stop, stubs=stubs))
        return 0
    return session.run(lambda stop: _clone(session, request, stop, yes=yes, stubs=stubs))


@click.command("import")
@click.argument("path")
@destination_option
@shared
@applying
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.pass_context
def import_snapshot(ctx: click.Context, /, path: str, **options: Any) -> int:
    """Clone from a snapshot, or from saved JSON: a file, a folder, or - for standard input.

    Listings of the API, single assistants, a line each, old export files and a registry's
    assistants.json are told apart by their content. What cannot be read is shown, and the rest
    is copied; then it exits with 3.

    \b
    understudy import assistants.json --to dst
    understudy import ./snapshots --to dst --dry-run
    ssh old-host cat dump.ndjson | understudy import - --to dst
    understudy import dump:./pages --to dst
    """
    return int(ctx.invoke(clone, source=as_path(path), **options))


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(exists=True, path_type=Path))
@output_option
@settling
@common
@applying
@click.option("--rate", type=Number(min=0.01), metavar="N", help="Requests a second.")
@click.pass_context
def apply(ctx: click.Context, /, plan_file: Path, yes: bool, **options: Any) -> int:
    """Carry out a saved plan; refused when either place has changed since.

    With DRY_RUN=true it stops after showing the plan.

    \b
    understudy plan --from src --to dst --out plan.json
    understudy apply plan.json
    """
    session = Session(ctx)
    from understudy.ops.saved import load_plan

    saved = load_plan(plan_file)
    request = Request(
        source=saved.source.named,
        destination=saved.destination.named,
        selection=saved.selection,
        identity=saved.identity,
        ignore=frozenset(saved.ignore),
        allow_same=saved.same_place,
        knowledge=saved.knowledge,
        files_dir=None if saved.files_dir is None else Path(saved.files_dir),
        prune=saved.prune,
        map_model=saved.map_model,
        file_search_as=saved.file_search_as,
        strict=saved.strict,
        settle=DEFAULT_SETTLE if options["settle"] is None else options["settle"],
        concurrency=session.concurrency(options["concurrency"], DEFAULT_CONCURRENCY),
        rate=options["rate"],
        output_dir=session.output_dir(options["output_dir"]),
    )
    dry_run = session.dry_run(flag=False)
    return session.run(lambda stop: _apply(session, request, saved, stop, yes=yes, dry_run=dry_run))


@click.command()
@click.argument("run_id", required=False, metavar="[RUN_ID]")
@output_option
@common
@click.option("--yes", "-y", is_flag=True, help="Do not ask before writing.")
@click.pass_context
def resume(ctx: click.Context, /, run_id: str | None, output_dir: Path | None, yes: bool) -> int:
    """Carry on with a run that was killed: the same command, from its journal.

    Without RUN_ID, the newest run in the output directory that did not end.

    \b
    understudy resume
    understudy resume 20261120T101502Z-3f9a1c --output-dir out
    """
    session = Session(ctx)
    request = interrupted(session.output_dir(output_dir), run_id)
    session.note(f"Resuming from {clean(str(request.source))} to {clean(str(request.destination))}")
    return session.run(lambda stop: _clone(session, request, stop, yes=yes))


async def _plan(
    session: Session,
    request: Request,
    stop: asyncio.Event,
    *,
    out: Path | None = None,
    stubs: Path | None = None,
) -> Plan:
    with _screen(session) as screen:
        async with open_job(request, session.settings, stop=stop, listener=screen) as job:
            made = await job.plan()
            functions = functions_of(job, made)
            if out is not None:
                from understudy.ops.saved import save_plan

                save_plan(out, job, made)
        _show_plan(session, screen, made, functions)
    if stubs is not None:
        write_stubs(stubs, functions)
        session.note(f"Wrote {stubs}: {functions_count(functions)} to fill in.")
    if out is not None:
        session.note(f"Saved {out}. Carry it out with: understudy apply {out}")
    return made


async def _apply(
    session: Session,
    request: Request,
    saved: SavedPlan,
    stop: asyncio.Event,
    *,
    yes: bool,
    dry_run: bool,
) -> int:
    with _screen(session) as screen:
        async with (
            output(None if dry_run else request.output_dir) as directory,
            open_job(request, session.settings, stop=stop, listener=screen) as job,
        ):
            from understudy.ops.saved import require_unchanged

            await require_unchanged(job, saved)
            _show_plan(session, screen, saved.plan)
            if dry_run:
                return ExitCode.DONE
            session.confirm("Apply these changes?", yes=yes or not saved.plan.sends)
            report = await carry_out(job, saved.plan, directory)
    return _finish(session, report, request)


async def _clone(
    session: Session,
    request: Request,
    stop: asyncio.Event,
    *,
    yes: bool,
    stubs: Path | None = None,
) -> int:
    with _screen(session) as screen:
        async with (
            output(request.output_dir) as directory,
            open_job(request, session.settings, stop=stop, listener=screen) as job,
        ):
            made = await job.plan()
            _show_plan(session, screen, made)
            session.confirm("Apply these changes?", yes=yes or not made.sends)
            if stubs is not None:
                write_stubs(stubs, functions_of(job, made))
            report = await carry_out(job, made, directory)
    return _finish(session, report, request, stubs)


def _request(session: Session, options: Mapping[str, Any]) -> Request:
    selection = session.selection(
        everything=options["everything"], ids=options["ids"], names=options["names"]
    )
    return Request(
        source=options["source"],
        destination=options["destination"],
        selection=selection,
        identity=Identity(options["identity"]),
        ignore=frozenset(options["ignore"]),
        check_models=not options["no_model_check"],
        allow_same=options["allow_same"],
        knowledge=session.knowledge(options),
        files_dir=options["files_dir"],
        prune=session.prune(options, selection),
        **session.adapting(options),
        settle=DEFAULT_SETTLE if options["settle"] is None else options["settle"],
        concurrency=session.concurrency(options.get("concurrency"), DEFAULT_CONCURRENCY),
        rate=options["rate"],
        output_dir=session.output_dir(options["output_dir"]),
    )


def _screen(session: Session) -> Screen:
    return Screen(quiet=session.quiet or session.json)


def _show_plan(
    session: Session, screen: Screen, made: Plan, functions: Sequence[PortedFunction] = ()
) -> None:
    screen.clear()
    if session.json:
        session.say(plan_lines(made, functions))
    elif session.quiet:
        conflicts = (c for c in made.changes if c.action is Action.CONFLICT)
        session.say(text for change in conflicts for text in change_text(change))
        session.say(unread_text(errors_in(made.unread), made.source.name))
        session.say([plan_counts(made)])
    else:
        session.say([f"From {clean(str(made.source))}", f"To   {clean(str(made.destination))}", ""])
        session.say(plan_text(made))


def _finish(session: Session, report: Report, request: Request, stubs: Path | None = None) -> int:
    """Show what happened and return the exit code."""
    result = report.result
    if session.json:
        session.say(result_lines(report.run_id, report.plan, result, report.functions))
    else:
        session.say(result_text(result))
        if not session.quiet:
            session.say(functions_text(report.functions, stubs=str(stubs or "")))
        needed = any(not file.arrived for file in result.files)
        more = ", files-needed.md" if needed else ""
        session.note(f"Reports: {request.output_dir}/mapping.json, report.md, log.jsonl{more}")
    if result.stopped_by is not None:
        raise result.stopped_by
    return report.exit_code
