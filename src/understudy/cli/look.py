"""list and export: looking without changing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from understudy.cli.options import common, selecting
from understudy.cli.session import Session
from understudy.ops.look import export as export_place
from understudy.ops.look import list_assistants
from understudy.report.clean import clean
from understudy.report.jsonlines import assistant_line, line, place_fields
from understudy.report.text import assistants_text, counted


@click.command("list")
@click.argument("place", default="src")
@selecting
@common
@click.pass_context
def list_place(ctx: click.Context, /, place: str, **options: Any) -> int:
    """List the assistants of a place (a profile or a path), oldest first.

    \b
    understudy list src
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
        fields = {"place": place_fields(listing.place), "count": len(listing.assistants)}
        session.say([line("listing", fields)])
    elif session.quiet:
        session.say([counted(len(listing.assistants))])
    else:
        session.say(assistants_text(listing.assistants))
    return 0


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
@common
@click.pass_context
def export(ctx: click.Context, /, place: str, out: Path, **options: Any) -> int:
    """Write a place's assistants into a snapshot; repeat it to bring a directory up to date.

    \b
    understudy export --from src --out assistants.json
    understudy export --from src --out ./snapshots
    """
    session = Session(ctx)
    selection = session.selection(**options)
    listing = session.run(
        lambda stop: export_place(place, out, session.settings, selection=selection, stop=stop)
    )
    count = len(listing.assistants)
    if session.json:
        numbers = {"count": count, "removed": listing.removed}
        fields = {"source": place_fields(listing.place), "path": str(out), **numbers}
        session.say([line("export", fields)])
    else:
        where = f"from {clean(listing.place.name)} to {clean(str(out))}"
        gone = f"; removed {listing.removed} that are gone" if listing.removed else ""
        session.say([f"Exported {counted(count)} {where}{gone}"])
    return 0
