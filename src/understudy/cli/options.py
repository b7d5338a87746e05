"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keep a global option, wherever it stood: before or after the subcommand."""
    if value and param.name:
        ctx.find_root().ensure_object(dict)[param.name] = value


def _global(*names: str, **attributes: Any) -> click.Option:
    return click.Option(list(names), expose_value=False, callback=_remember, **attributes)


#: Taken before and after the subcommand.
COMMON = [
    _global("--json", is_flag=True, help="JSON lines on stdout."),
    _global("--quiet", "-q", is_flag=True, help="No progress, no lists; counts and errors only."),
    _global("--verbose", "-v", count=True, help="Log to stderr; twice for more."),
    _global("--config", type=click.Path(path_type=Path), help="Instead of ./understudy.toml."),
]


def common(command: Command) -> Command:
    """Add the global options."""
    params = command.__dict__.setdefault("__click_params__", [])
    params.extend(reversed(COMMON))
    return command


class Number(click.FloatRange):
    """A range of real numbers: `nan` lies in every range, as comparisons have it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; refuses what is none."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def stacked(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator that adds all the given options in their order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


source_option = click.option(
    "--from", "source", default="src", show_default=True, metavar="PLACE", help="Copy from here."
)
destination_option = click.option(
    "--to", "destination", default="dst", show_default=True, metavar="PLACE", help="Copy to here."
)
selecting = stacked(
    click.option("--all", "everything", is_flag=True, help="All assistants (the default)."),
    click.option("--id", "ids", multiple=True, metavar="ID", help="This one; repeatable."),
    click.option(
        "--name",
        "names",
        multiple=True,
        metavar="PATTERN",
        help="Names like 'support*' (any case), or a /regular expression/; repeatable.",
    ),
)
output_option = click.option(
    "--output-dir", type=click.Path(path_type=Path), metavar="DIR", help="Reports.  [default: out]"
)
planning = stacked(
    click.option(
        "--identity",
        type=click.Choice(["metadata", "mapping"]),
        default="metadata",
        show_default=True,
        help="Where clones are remembered: metadata.cloned_from, or mapping.json in --output-dir.",
    ),
    click.option(
        "--ignore", multiple=True, metavar="FIELD", help="Do not compare this field; repeatable."
    ),
    click.option("--no-model-check", is_flag=True, help="Do not ask which models are there."),
    click.option("--allow-same", is_flag=True, help="Allow clones within one project."),
    click.option("--rate", type=Number(min=0.01), metavar="N", help="Requests a second."),
)
applying = stacked(
    click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        metavar="N",
        help="Writes at a time.  [default: 8]",
    ),
    click.option("--yes", "-y", is_flag=True, help="Do not ask before writing."),
)
