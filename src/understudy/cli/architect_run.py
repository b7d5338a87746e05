"""architect render, run: what an assistant would send, and what it is answered."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from understudy.architect.definition import Definition
from understudy.architect.inputs import Entered, Unreadable, Upload
from understudy.architect.run_events import RunEnded, RunEvent, RunListener, RunStatus
from understudy.cli.architect_options import architect_of, library, mapping, number
from understudy.cli.options import stacked
from understudy.cli.session import Session
from understudy.errors import ExitCode, InputsError, UsageError
from understudy.ops.architect import Makes
from understudy.ops.playing import Player, RefusedInputsError, sent, upload
from understudy.report.architect_run import (
    Lanes,
    ended_text,
    event_fields,
    finding_fields,
    findings_text,
)
from understudy.report.clean import clean, clean_lines
from understudy.report.jsonlines import line

_inputs = stacked(
    click.argument("name", metavar="NAME|FILE"),
    click.option(
        "--input", "inputs", multiple=True, metavar="FIELD=VALUE", help="A field's value."
    ),
    click.option(
        "--input-file", "files", multiple=True, metavar="FIELD=@PATH", help="A file for a field."
    ),
    click.option("--draft", is_flag=True, help="The latest version, or a file: approved or not."),
)


@click.command()
@_inputs
@number
@mapping
@library
@click.pass_context
def render(
    ctx: click.Context,
    /,
    name: str,
    inputs: tuple[str, ...],
    files: tuple[str, ...],
    draft: bool,
    number: int | None,
    map_model: tuple[str, ...],
    database: str | None,
) -> int:
    """Show each prompt as it would be sent, with outputs of others as placeholders; ask nobody.

    \b
    understudy architect render "Quick Summarizer" --input text_content="Once upon a time"
    understudy architect render report.json --draft --input-file document=@notes.md --json
    """
    session = Session(ctx)
    architect = architect_of(session, database, map_model)

    async def work(_: asyncio.Event) -> int:
        async with architect, Player(architect) as player:
            chosen = await player.choose(name, draft=drafts(draft, number), number=number)
            given = await _given(inputs, files)
            try:
                prompts = sent(chosen, given)
            except RefusedInputsError as error:
                return _refused(session, error)
        for one in prompts:
            if session.json:
                fields = {
                    "prompt": one.prompt,
                    "model": one.model,
                    "system_context": one.system_context,
                    "content": one.content,
                    "about_tokens": one.tokens,
                }
                session.say([line("architect_rendered", fields)])
                continue
            session.say([clean(f"== {one.prompt} -> {one.model}, about {one.tokens:,} tokens")])
            if one.system_context:
                session.say([f"[system] {clean_lines(one.system_context)}"])
            session.say([clean_lines(one.content), ""])
        return ExitCode.DONE

    return session.run(work, at_once=True)


@click.command()
@_inputs
@number
@mapping
@library
@click.pass_context
def run(
    ctx: click.Context,
    /,
    name: str,
    inputs: tuple[str, ...],
    files: tuple[str, ...],
    draft: bool,
    number: int | None,
    map_model: tuple[str, ...],
    database: str | None,
) -> int:
    """Run an approved assistant, and print its answers line by line as they come.

    Each answer is kept the moment it is whole: what was killed or failed goes on with
    `understudy runs retry`. Ctrl-C cancels the run. Keys come from the environment; one that is
    missing is told before anything is asked.

    \b
    understudy architect run "Quick Summarizer" --input text_content="Once upon a time"
    understudy architect run "Document Analyzer" --input-file document=@notes.md --json
    """
    session = Session(ctx)
    architect = architect_of(session, database, map_model, makes=Makes.RUNS)

    from understudy.ops.running import Runs  # half a second: what only looks goes without

    async def work(_: asyncio.Event) -> RunEnded | int:
        runs = Runs(architect)
        async with runs.opened_for(name, draft=drafts(draft, number), number=number) as chosen:
            player = runs.player
            given = await _given(inputs, files)
            for warning in player.tools(chosen).warnings:
                session.note(clean(warning))
            try:
                return await runs.run(chosen, given, telling(session, player))
            except RefusedInputsError as error:
                return _refused(session, error)

    return outcome(session.run(work, at_once=True))


def telling(session: Session, player: Player) -> Callable[[str, Definition], RunListener]:
    """Return what makes a listener that prints what happens in a run."""

    def begin(run: str, definition: Definition) -> RunListener:
        session.note(run)
        if session.json:
            return _json_lines(session, player, run, definition)
        if sys.stdout.isatty() and not session.quiet:
            return _live(session, player, run, definition)
        return _lines(session, player, run, definition)

    return begin


def _json_lines(session: Session, player: Player, run: str, definition: Definition) -> RunListener:
    def listen(number: int, event: RunEvent) -> None:
        kind, fields = event_fields(event, definition, player.cost)
        session.say([line(kind, {"run": run, "number": number, **fields})])

    return listen


def _lines(session: Session, player: Player, run: str, definition: Definition) -> RunListener:
    lanes = Lanes(definition)

    def listen(_: int, event: RunEvent) -> None:
        session.say(lanes.tell(event))
        if isinstance(event, RunEnded):
            session.say(ended_text(event, player.total(event), len(definition.prompts)))
            _go_on(session, run, event)

    return listen


def _go_on(session: Session, run: str, ended: RunEnded) -> None:
    """Say how a run that did not complete goes on."""
    if ended.status is not RunStatus.COMPLETED:
        session.note(f"To go on with what did not finish: understudy runs retry {run}")


def _live(session: Session, player: Player, run: str, definition: Definition) -> RunListener:
    """Show answers as they come, and leave behind what others print."""
    from rich.console import Console

    from understudy.cli.lanes import LiveLanes

    lanes, live = Lanes(definition), LiveLanes(definition, Console())
    click.get_current_context().call_on_close(live.close)

    def listen(_: int, event: RunEvent) -> None:
        live.hear(event)
        live.above(list(lanes.tell(event)))
        if isinstance(event, RunEnded):
            live.close()
            live.above(list(ended_text(event, player.total(event), len(definition.prompts))))
            _go_on(session, run, event)

    return listen


_FAILURES = {"provider_key": ExitCode.AUTHENTICATION, "provider_quota": ExitCode.QUOTA}


def outcome(ended: RunEnded | int) -> int:
    """Return the exit code of a run, or the one that there is already."""
    if isinstance(ended, int):
        return ended
    if ended.status is RunStatus.COMPLETED:
        return ExitCode.DONE
    return _FAILURES.get(ended.failure.code if ended.failure else "", ExitCode.FAILURE)


def _refused(session: Session, error: RefusedInputsError) -> int:
    if not session.json:
        raise InputsError(
            "Nothing was asked; the form is not filled in as it should be.",
            hint="\n".join(findings_text(error.findings)),
        )
    session.say([line("architect_input_finding", finding_fields(one)) for one in error.findings])
    return error.exit_code


def drafts(draft: bool, number: int | None) -> bool:
    """Return whether a draft is meant; raises UsageError for a version without one."""
    if number is not None and not draft:
        raise UsageError("--version goes with --draft: without it, the version in force runs.")
    return draft


async def _given(inputs: Sequence[str], files: Sequence[str]) -> dict[str, Entered]:
    """Return what was entered, by field; raises UsageError."""
    texts: dict[str, list[str]] = {}
    uploads: dict[str, list[Upload | Unreadable]] = {}
    for pair in inputs:
        name, value = _pair("--input", pair)
        texts.setdefault(name, []).append(value)
    for pair in files:
        name, value = _pair("--input-file", pair)
        if not value.removeprefix("@"):
            raise UsageError(f"--input-file: {clean(name)} has no path.", hint="Write FIELD=@PATH.")
        uploads.setdefault(name, []).append(await upload(Path(value.removeprefix("@"))))
    if both := sorted(texts.keys() & uploads.keys()):
        raise UsageError(f"{clean(both[0])} is given as text and as a file.")
    return {**texts, **uploads}


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"{option}: {clean(text[:80])!r} is no pair.", hint="Write FIELD=VALUE.")
    return name.strip(), value
