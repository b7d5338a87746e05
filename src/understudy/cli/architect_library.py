"""architect import, list, history, export: what goes into the library and out of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import click

from understudy.architect.approval import State
from understudy.architect.document import Document
from understudy.architect.limits import MOST_BYTES
from understudy.cli.architect_options import actor, architect_of, checking, library, using, who
from understudy.cli.session import Session
from understudy.cli.streams import spelt_for
from understudy.errors import AbsentStoreError, ExitCode, InterruptedRunError, UsageError
from understudy.files import write_whole
from understudy.ops.architect import Architect, Import, Makes
from understudy.ops.architect_files import documents
from understudy.report.architect import findings_lines, findings_text
from understudy.report.architect_library import (
    batch_lines,
    batch_text,
    event_fields,
    history_text,
    kept_fields,
    list_text,
)
from understudy.report.clean import clean
from understudy.report.jsonlines import line
from understudy.store.records import Event, Kept, Which

_PAGE = 500  # assistants that are read at a time


@click.command("import")
@click.argument("sources", nargs=-1, required=True, metavar="FILE...")
@actor
@click.option("--keep-going", is_flag=True, help="Leave out assistants with errors, keep the rest.")
@checking
@library
@click.pass_context
def import_files(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    by: str | None,
    keep_going: bool,
    map_model: tuple[str, ...],
    allow_unknown_variables: bool,
    database: str | None,
) -> int:
    """Keep documents in the library, where they wait for approval.

    A file is taken whole or not at all. The same content again changes nothing; changed content
    is a new version, and the approved one stays in force until the new one is approved.

    \b
    understudy architect import report.json
    understudy architect import assistants/ --keep-going
    understudy architect import - --by ci < report.json
    """
    session = Session(ctx)
    architect = architect_of(
        session,
        database,
        map_model,
        allow_unknown_variables=allow_unknown_variables,
        makes=Makes.ALL,
    )
    name = who(by)

    async def work(stop: asyncio.Event) -> list[bool]:
        stored = []
        async with architect:
            checked = documents(architect, sources)
            while (document := _next(session, checked)) is not None:
                if stop.is_set():
                    raise InterruptedRunError(
                        f"Stopped before {clean(document.source)}.",
                        hint="Run the same command again: what is there stays as it is.",
                    )
                done = await architect.add(document, actor=name, keep_going=keep_going)
                _show(session, done)
                stored.append(done.batch is not None and not done.left_out)
        return stored

    whole = session.run(work)
    if whole and all(whole):
        return ExitCode.DONE
    return ExitCode.PARTLY if keep_going or any(whole) else ExitCode.FAILURE


def _next(session: Session, checked: Iterator[Document]) -> Document | None:
    """Return the next document; Ctrl-C ends waiting for standard input, as click.Abort."""
    with session.interruptible():
        return next(checked, None)


def _show(session: Session, done: Import) -> None:
    document = done.document
    if session.json:
        session.say(findings_lines(document))
        session.say(batch_lines(done.batch) if done.batch else ())
        return
    if document.findings and (not session.quiet or not document.valid):
        session.say_wrapped(findings_text(document))
    if done.batch is not None:
        lines = list(batch_text(done.batch))
        session.say(lines[-1:] if session.quiet else lines)
    else:
        session.say([f"{clean(document.source)}: nothing was imported."])


@click.command("list")
@click.option(
    "--state",
    type=click.Choice([one.value for one in State]),
    help="Only those whose newest version, or the one in force, is in this state.",
)
@click.option("--name", "contains", default="", metavar="TEXT", help="Only names with this in it.")
@library
@click.pass_context
def list_assistants(
    ctx: click.Context, /, state: str | None, contains: str, database: str | None
) -> int:
    """List what the library has: state, version in force, prompts, models.

    \b
    understudy architect list
    understudy architect list --state pending_approval --json | jq -r .name
    """
    session = Session(ctx)
    architect = architect_of(session, database)
    wanted = State(state) if state else None
    try:
        count = using(session, architect, lambda: _list(session, architect, wanted, contains))
    except AbsentStoreError as error:
        if not error.unused:
            raise
        count = 0
    if not session.json:
        session.say([f"{count} assistant{'s' if count != 1 else ''}"])
    return ExitCode.DONE


async def _list(session: Session, architect: Architect, state: State | None, contains: str) -> int:
    count = 0
    async for items in _pages(architect, state, contains):
        count += len(items)
        if session.json:
            session.say(line("architect_assistant", kept_fields(kept)) for kept in items)
        elif not session.quiet:
            session.say(list_text(items))
    return count


async def _pages(
    architect: Architect, state: State | None, contains: str
) -> AsyncIterator[tuple[Kept, ...]]:
    after, kept = "", await architect.library()
    while True:
        page = await kept.page(limit=_PAGE, after=after, state=state, contains=contains)
        yield page.items
        if not page.next:
            return
        after = page.next


@click.command()
@click.argument("name")
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True)
@library
@click.pass_context
def history(ctx: click.Context, /, name: str, most: int, database: str | None) -> int:
    """Show what happened to an assistant, newest first: who, when, why; also to a deleted one.

    \b
    understudy architect history "Quick Summarizer"
    """
    session = Session(ctx)
    architect = architect_of(session, database)

    async def work() -> tuple[Event, ...]:
        return await (await architect.library()).history(name, limit=most)

    events = using(session, architect, work)
    if session.json:
        session.say(line("architect_event", event_fields(event)) for event in events)
    else:
        session.say(history_text(events))
    return ExitCode.DONE


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write here.")
@click.option("--advanced", is_flag=True, help="With repositoryIds and enabledTools.")
@click.option(
    "--which",
    type=click.Choice([one.value for one in Which]),
    default=Which.IN_FORCE_ELSE_LATEST.value,
    show_default=True,
    help="Which version of each.",
)
@library
@click.pass_context
def export(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    output: Path | None,
    advanced: bool,
    which: str,
    database: str | None,
) -> int:
    """Write a document of the assistants named, or of all; it imports back to the same content.

    \b
    understudy architect export "Quick Summarizer" > summarizer.json
    understudy architect export --which in_force -o all.json
    """
    session = Session(ctx)
    architect = architect_of(session, database)
    made = using(
        session,
        architect,
        lambda: architect.export(names or None, advanced=advanced, which=Which(which)),
    )
    if not made.document["assistants"]:
        raise UsageError("The library has nothing to export.", hint="understudy architect list")
    if made.lacking:
        session.note(
            f"Left out repositoryIds and enabledTools of {', '.join(made.lacking)}; --advanced "
            "keeps them."
        )
    if (size := len(made.text.encode("utf-8", "replace"))) > MOST_BYTES:
        session.note(
            f"The document has {size:,} bytes, and at most {MOST_BYTES:,} are imported: export "
            "fewer assistants at a time."
        )
    if output is None:
        session.say([spelt_for(made.text.rstrip("\n"), sys.stdout)])
    else:
        write_whole(output, made.text)
        count = len(made.document["assistants"])
        session.note(f"Wrote {count} assistant{'s' if count != 1 else ''} to {output}.")
    return ExitCode.DONE
