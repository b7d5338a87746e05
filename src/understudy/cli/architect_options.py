"""Options that the commands of `architect` share."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click

from understudy.cli.options import Command, common, stacked
from understudy.cli.session import Session
from understudy.errors import UsageError
from understudy.ops.architect import DEFAULT_DATABASE, Architect, Makes

T = TypeVar("T")

database = click.option(
    "--database",
    metavar="URL",
    help="The library: a file, sqlite:///FILE or postgresql://....  "
    f"[default: {DEFAULT_DATABASE}, or as configured]",
)
mapping = click.option(
    "--map-model", multiple=True, metavar="NAME=ID", help="This model answers for it; repeatable."
)
lenient = click.option(
    "--allow-unknown-variables", is_flag=True, help="Leave {{variables}} nobody knows as they are."
)
actor = click.option(
    "--by", metavar="WHO", help="Who does this, for the history.  [default: you, by login name]"
)
reason = click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
number = click.option(
    "--version", "number", type=click.IntRange(min=1), metavar="N", help="This version."
)
checking = stacked(mapping, lenient)


def library(command: Command) -> Command:
    """Add which library, and the global options."""
    return database(common(command))


def architect_of(
    session: Session,
    database: str | None = None,
    map_model: Sequence[str] = (),
    *,
    allow_unknown_variables: bool = False,
    makes: Makes | None = None,
) -> Architect:
    """Return the library and its checks as flags and settings have them; raises UsageError.

    Nothing `makes` a file where there is none unless it is said: a misspelt name makes nothing.
    """
    return Architect(
        session.settings,
        database=database,
        map_model=dict(_pair(text) for text in map_model),
        allow_unknown_variables=allow_unknown_variables,
        makes=makes or Makes.NOTHING,
    )


def using(session: Session, architect: Architect, work: Callable[[], Awaitable[T]]) -> T:
    """Run what uses the library, and close it. Ctrl-C ends it: a change is whole or absent."""

    async def run(_: asyncio.Event) -> T:
        async with architect:
            return await work()

    return session.run(run, at_once=True)


def who(flag: str | None) -> str:
    """Return the name for the history; raises UsageError where there is none."""
    if flag is not None and flag.strip():
        return flag.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user: containers run with made-up numbers
        raise UsageError("Nobody knows who you are.", hint="Say it: --by NAME.") from None


def _pair(text: str) -> tuple[str, str]:
    old, _, new = (part.strip() for part in text.partition("="))
    if not (old and new):
        raise UsageError(
            f"--map-model: {text!r} is no pair of models.",
            hint="Write NAME=ID, such as gpt-4o=demo/echo.",
        )
    return old, new
