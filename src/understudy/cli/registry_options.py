"""Options that the commands of `registry` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from understudy.cli.options import Command, common, stacked
from understudy.registry.file import DEFAULT

_file = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT,
    show_default=True,
    metavar="PATH",
    help="The registry's file.",
)
local: Callable[[Command], Command] = stacked(_file, common)
