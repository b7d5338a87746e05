"""architect approve, reject, disable, delete: deciding about versions."""

from __future__ import annotations

import click

from understudy.architect.approval import State
from understudy.cli.architect_options import (
    actor,
    architect_of,
    checking,
    library,
    number,
    reason,
    using,
    who,
)
from understudy.cli.options import stacked
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.ops.architect import Architect
from understudy.report.architect_library import kept_fields, moved_fields, moved_text
from understudy.report.clean import clean
from understudy.report.jsonlines import line
from understudy.store.records import Kept

_deciding = stacked(click.argument("name"), number, actor, reason)


@click.command()
@_deciding
@click.option("--digest", metavar="SHA256", help="Only if the version is this one: as reviewed.")
@checking
@library
@click.pass_context
def approve(
    ctx: click.Context,
    /,
    name: str,
    number: int | None,
    by: str | None,
    reason: str,
    digest: str | None,
    map_model: tuple[str, ...],
    allow_unknown_variables: bool,
    database: str | None,
) -> int:
    """Approve the version that waits (or --version N), or enable the one that is disabled.

    It is checked against the models that are there today, and takes the place of the one before.

    \b
    understudy architect approve "Quick Summarizer" --reason "read and tried"
    understudy architect approve aa_0123456789abcdef --version 3 --by maria
    """
    session = Session(ctx)
    architect = architect_of(
        session, database, map_model, allow_unknown_variables=allow_unknown_variables
    )
    by = who(by)
    return _move(session, architect, State.APPROVED, name, number, by, reason, digest)


@click.command()
@_deciding
@library
@click.pass_context
def reject(
    ctx: click.Context,
    /,
    name: str,
    number: int | None,
    by: str | None,
    reason: str,
    database: str | None,
) -> int:
    """Reject the version that waits (or --version N). That is final; a changed one is a new one.

    \b
    understudy architect reject "Quick Summarizer" --reason "asks for names"
    """
    session = Session(ctx)
    architect = architect_of(session, database)
    return _move(session, architect, State.REJECTED, name, number, who(by), reason)


@click.command()
@_deciding
@library
@click.pass_context
def disable(
    ctx: click.Context,
    /,
    name: str,
    number: int | None,
    by: str | None,
    reason: str,
    database: str | None,
) -> int:
    """Take the approved version out of use, until it is approved again.

    \b
    understudy architect disable "Quick Summarizer" --reason "wrong answers since Monday"
    """
    session = Session(ctx)
    architect = architect_of(session, database)
    return _move(session, architect, State.DISABLED, name, number, who(by), reason)


def _move(
    session: Session,
    architect: Architect,
    to: State,
    name: str,
    number: int | None,
    by: str,
    reason: str,
    digest: str | None = None,
) -> int:
    moved = using(
        session,
        architect,
        lambda: architect.move(name, to, actor=by, reason=reason, number=number, digest=digest),
    )
    text = moved_text(moved)
    session.say([line("architect_moved", moved_fields(moved)) if session.json else text])
    return ExitCode.DONE


@click.command()
@click.argument("name")
@actor
@reason
@click.option("--yes", is_flag=True, help="Do not ask.")
@library
@click.pass_context
def delete(
    ctx: click.Context,
    /,
    name: str,
    by: str | None,
    reason: str,
    yes: bool,
    database: str | None,
) -> int:
    """Delete an assistant with all its versions. Its history stays.

    \b
    understudy architect delete "Quick Summarizer" --yes --reason "replaced by Summaries"
    """
    session = Session(ctx)
    architect = architect_of(session, database)
    actor = who(by)

    async def work() -> Kept:
        library = await architect.library()
        kept = await library.find(name)
        many = f"{kept.latest.number} version{'s' if kept.latest.number != 1 else ''}"
        session.confirm(f"Delete {clean(kept.name)} with its {many}?", yes=yes)
        return await library.delete(kept.id, actor=actor, reason=reason)

    kept = using(session, architect, work)
    said = f"Deleted {clean(kept.name)}."
    session.say([line("architect_deleted", kept_fields(kept)) if session.json else said])
    return ExitCode.DONE
