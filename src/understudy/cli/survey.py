"""models and fidelity: what is used, and what another place would make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from understudy.cli.options import adapting, common, selecting, stubbing, tools
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.model.retirement import State
from understudy.ops.functions import require_stubs, stub_place
from understudy.ops.request import Request
from understudy.ops.survey import fidelity_of, models_of
from understudy.report.fidelity import fidelity_lines, fidelity_text
from understudy.report.models import models_lines, models_text
from understudy.report.unread import errors_in, unread_lines, unread_text


@click.command()
@click.argument("place", default="src")
@selecting
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 for models that are ending.")
@common
@click.pass_context
def models(ctx: click.Context, /, place: str, detailed_exitcode: bool, **options: Any) -> int:
    """List which models the assistants of a place use, which of them die, and what replaces them.

    What the place says of its models comes first, the dated table of this version second.

    \b
    understudy models src
    understudy models dump.json --json
    understudy models dst --detailed-exitcode
    """
    session = Session(ctx)
    selection = session.selection(**options)
    survey = session.run(
        lambda stop: models_of(place, session.settings, selection=selection, stop=stop)
    )
    if session.json:
        session.say(models_lines(survey))
        session.say(unread_lines(survey.unread, survey.place.name))
    else:
        session.say_wrapped(models_text(survey, quiet=session.quiet, columns=session.columns))
        session.say_wrapped(unread_text(survey.unread, survey.place.name))
    if errors_in(survey.unread):
        return ExitCode.PARTLY
    ending = survey.count(State.DEAD, State.ABSENT, State.DYING)
    return ExitCode.CHANGES if detailed_exitcode and ending else ExitCode.DONE


@click.command()
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@selecting
@tools
@adapting
@stubbing
@common
@click.pass_context
def fidelity(
    ctx: click.Context, /, one: str, other: str, stubs: Path | None, **options: Any
) -> int:
    """Show what becomes of each field of A's assistants in B: exact, mapped, degraded, dropped.

    B is a place, or a platform's name. It is neither read nor written and needs no key. Files and
    stores count as carried with --file-search and --code-interpreter. With --strict it exits with
    1 when anything would be lost.

    \b
    understudy fidelity dump.json openai-agents
    understudy fidelity src responses --name 'Support*'
    understudy fidelity src dst --file-search-as function --stubs handlers.py
    """
    session = Session(ctx)
    require_stubs(stubs)
    adapted = session.adapting(options)
    strict = adapted.pop("strict")
    request = Request(
        source=one,
        destination=other,
        selection=session.selection(
            everything=options["everything"], ids=options["ids"], names=options["names"]
        ),
        knowledge=session.knowledge(options),
        **adapted,
    )
    table = session.run(lambda stop: fidelity_of(request, session.settings, stop=stop))
    if session.json:
        session.say(fidelity_lines(table))
        session.say(unread_lines(table.unread, table.source.name))
    else:
        session.say_wrapped(fidelity_text(table, quiet=session.quiet))
        session.say_wrapped(unread_text(table.unread, table.source.name))
    if stubs is not None:
        session.run(lambda stop: stub_place(request, session.settings, stubs, stop=stop))
    if strict and any(table.losses()):
        return ExitCode.FAILURE
    return table.exit_code
