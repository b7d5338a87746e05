"""list, export and verify: looking without changing any place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from understudy.cli.options import common, fetching, selecting, tools
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.ops.export import export as export_place
from understudy.ops.look import list_assistants
from understudy.ops.look import verify as verify_snapshot
from understudy.report.jsonlines import assistant_line, line, place_fields
from understudy.report.snapshots import export_lines, export_text, verify_lines, verify_text
from understudy.report.text import assistants_text, counted
from understudy.report.unread import errors_in, unread_lines, unread_text


@click.command("list")
@click.argument("place", default="src")
@selecting
@common
@click.pass_context
def list_place(ctx: click.Context, /, place: str, **options: Any) -> int:
    """List the assistants of a place (a profile, a path, or - for standard input), oldest first.

    Exits with 3 when parts of it could not be read.

    \b
    understudy list src
    understudy list dump.json
    understudy list ./snapshots --name '*bot*'
    understudy list src --json | jq .assistant.model
    """
    session = Session(ctx)
    selection = session.selection(**options)
    listing = session.run(
        lambda stop: list_assistants(place, session.settings, selection=selection, stop=stop)
    )
    if session.json:
        session.say(assistant_line(a, listing.place.name) for a in listing.assistants)
        session.say(unread_lines(listing.unread, listing.place.name))
        fields = {"place": place_fields(listing.place), "count": len(listing.assistants)}
        session.say([line("listing", fields)])
    elif session.quiet:
        session.say(unread_text(errors_in(listing.unread), listing.place.name))
        session.say([counted(len(listing.assistants))])
    else:
        session.say(assistants_text(listing.assistants))
        session.say(unread_text(listing.unread, listing.place.name))
    return listing.exit_code


@click.command()
@click.option("--from", "place", default="src", show_default=True, metavar="PLACE")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A file (ends in .json) or a directory made for review in git.",
)
@selecting
@tools
@fetching
@common
@click.pass_context
def export(ctx: click.Context, /, place: str, out: Path, **options: Any) -> int:
    """Write a place's assistants into a snapshot; repeat it to bring a directory up to date.

    With --file-search and --code-interpreter their files go with them, each once, under their
    sha256; what is there already is not fetched again.

    \b
    understudy export --from src --out assistants.json
    understudy export --from src --out ./snapshot
    understudy export --out ./snapshot --file-search --code-interpreter --files-dir ./originals
    """
    session = Session(ctx)
    selection = session.selection(
        everything=options["everything"], ids=options["ids"], names=options["names"]
    )
    knowledge = session.knowledge(options)
    done = session.run(
        lambda stop: export_place(
            place,
            out,
            session.settings,
            selection=selection,
            knowledge=knowledge,
            files_dir=options["files_dir"],
            stop=stop,
        )
    )
    session.say(export_lines(done, str(out)) if session.json else export_text(done, str(out)))
    return done.exit_code


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@common
@click.pass_context
def verify(ctx: click.Context, /, path: Path) -> int:
    """Read every file of a snapshot again and compare its digest. Exits with 1 for damage.

    \b
    understudy verify ./snapshot
    understudy verify ./snapshot --json
    """
    session = Session(ctx)
    found = verify_snapshot(path)
    session.say(verify_lines(found, str(path)) if session.json else verify_text(found, str(path)))
    return ExitCode.DONE if found.whole else ExitCode.FAILURE
