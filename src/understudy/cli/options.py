"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

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


class Bytes(click.ParamType[int]):
    """A number of bytes: `1500000`, `20MB` (10^6), `2GiB` (2^30)."""

    name = "bytes"
    _UNITS: ClassVar[dict[str, int]] = {
        "": 1,
        "B": 1,
        **{f"{letter}B": 1000**n for n, letter in enumerate("KMGT", 1)},
        **{f"{letter}IB": 1024**n for n, letter in enumerate("KMGT", 1)},
    }

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes; refuses what is none."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", str(value).strip(), re.IGNORECASE)
        unit = self._UNITS.get(match[2].upper()) if match else None
        if match is None or unit is None:
            self.fail(f"{value!r} is no size; write 500000, 20MB or 2GiB.", param, ctx)
        return int(float(match[1]) * unit)


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
tools = stacked(
    click.option("--file-search", is_flag=True, help="Carry vector stores and their files."),
    click.option("--code-interpreter", is_flag=True, help="Carry code interpreter files."),
)
fetching = stacked(
    click.option(
        "--files-dir",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="Your originals, for files that the source does not hand out.",
    ),
    click.option(
        "--container-copy",
        is_flag=True,
        help="Try to fetch such files through a container in the source (deleted afterwards).",
    ),
    click.option(
        "--text-fallback",
        is_flag=True,
        help="Carry the parsed text as NAME.txt where the file cannot be had.",
    ),
    click.option(
        "--max-bytes", type=Bytes(), metavar="SIZE", help="Move no more in one run: 500MB, 2GiB."
    ),
)
carrying = stacked(
    tools,
    fetching,
    click.option(
        "--require-knowledge",
        is_flag=True,
        help="Do not write an assistant that would lack a file.",
    ),
    click.option(
        "--index-timeout",
        type=Number(min=0),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="How long the indexing of a vector store is awaited.",
    ),
)
adapting = stacked(
    click.option(
        "--map-model",
        multiple=True,
        metavar="OLD=NEW",
        help="Use another model; repeatable. `recommended`: replace all that are gone or going.",
    ),
    click.option(
        "--file-search-as",
        type=click.Choice(["drop", "function"]),
        help="Where there is none: leave it out, or let your program answer.  [default: drop]",
    ),
    click.option("--strict", is_flag=True, help="Write no assistant that would lose anything."),
)
pruning = stacked(
    click.option(
        "--prune", is_flag=True, help="Delete copies of this source whose original is gone."
    ),
    click.option(
        "--max-delete",
        type=click.IntRange(min=0),
        metavar="N",
        help="Prune at most that many.  [default: 10 % of the copies]",
    ),
    click.option("--force", is_flag=True, help="Prune however many there are."),
)
stubbing = click.option(
    "--stubs",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.py",
    help="Write a typed Python module for the functions, whose code does not travel.",
)
settling = click.option(
    "--settle",
    type=Number(0, 3600),
    metavar="SECONDS",
    help="How long the destination's lists may lag behind creates.  [default: 30]",
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
