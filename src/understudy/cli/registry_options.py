"""Options that the commands of `registry` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from understudy.cli.options import Command, common, stacked
from understudy.cli.session import Session
from understudy.ops.registry import DEFAULT_SOURCE
from understudy.registry.file import DEFAULT
from understudy.registry.schedule import DEFAULT as SCHEDULE

_file = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help=f"The registry's file.  [default: {DEFAULT}, or as configured]",
)
source = click.option(
    "--from",
    "source",
    metavar="PLACE",
    help=f"What to sync from.  [default: {DEFAULT_SOURCE}, or as configured]",
)
schedule = click.option(
    "--schedule",
    metavar="CRON",
    help=f"Five fields, in UTC.  [default: {SCHEDULE}, or as configured]",
)
local: Callable[[Command], Command] = stacked(_file, common)


def file_of(session: Session, flag: Path | None) -> Path:
    """Return the registry's file: the flag's, else the configured one."""
    return flag or Path(session.setting("registry_file", None, str(DEFAULT)))


def source_of(session: Session, flag: str | None) -> str:
    """Return what is synced from: the flag's place, else the configured one."""
    return session.setting("registry_source", flag, DEFAULT_SOURCE)


def schedule_of(session: Session, flag: str | None) -> str:
    """Return when to sync: the flag's times, else the configured ones."""
    return session.setting("registry_schedule", flag, SCHEDULE)
