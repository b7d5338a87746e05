"""demo: the main job on the sandbox, with the very commands that a user types."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from understudy.cli.options import common
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.ops.rehearsal import DESTINATION_KEY, SOURCE_KEY, Stage, edit_one, sandbox

#: A comment, and the arguments of `understudy`; EDIT changes one assistant in the source.
EDIT = ("edit",)
_SCENES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Project A holds 25 assistants:", ("list", "src")),
    ("What would a clone into project B do? This writes nothing:", ("plan",)),
    ("Clone:", ("clone", "--yes", "--concurrency", "3")),
    ("The report for people begins like this:", ("report",)),
    ("Clone again:", ("clone", "--yes")),
    ("Now somebody edits one assistant in A. The plan shows the fields:", EDIT),
    ("", ("plan",)),
)


@click.command()
@common
@click.pass_context
def demo(ctx: click.Context, /) -> int:
    """Show the whole job on the embedded sandbox: no key, no network.

    \b
    understudy demo
    """
    session = Session(ctx)
    return session.run(_play)


async def _play(stop: asyncio.Event) -> int:
    with tempfile.TemporaryDirectory(prefix="understudy-demo-") as folder:
        async with sandbox(Stage(demo=True, latency=0.2)) as base_url:
            click.echo(f"The sandbox, an OpenAI look-alike, runs on {base_url}.")
            environment = _environment(base_url)
            for comment, arguments in _SCENES:
                if stop.is_set():
                    return ExitCode.INTERRUPTED
                code = await _scene(comment, arguments, folder, environment, base_url)
                if code:
                    return code
    click.echo("\nThat was the main job. Next: README.md, and understudy --help.")
    return ExitCode.DONE


async def _scene(
    comment: str, arguments: tuple[str, ...], folder: str, environment: Mapping[str, str], url: str
) -> int:
    if comment:
        click.echo("\n" + click.style(comment, bold=True))
    if arguments == EDIT:
        click.echo(f"(edited: {await edit_one(url)})")
        return 0
    if arguments == ("report",):
        _show_report(Path(folder) / "out" / "report.md")
        return 0
    click.echo(click.style(f"$ understudy {' '.join(arguments)}", fg="cyan"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "understudy", *arguments, cwd=folder, env=environment
    )
    return await process.wait()


def _environment(base_url: str) -> dict[str, str]:
    """Return this process's environment with the sandbox's two projects as src and dst.

    Whatever else is configured here stays out: a demo must not touch a real place.
    """
    mine = ("OPENAI_", "UNDERSTUDY_", "CLONE_", "DRY_RUN", "MAX_CONCURRENCY", "OUTPUT_DIR")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(mine)}
    return {
        **kept,
        "OPENAI_SRC_BASE_URL": base_url,
        "OPENAI_SRC_API_KEY": SOURCE_KEY,
        "OPENAI_DST_BASE_URL": base_url,
        "OPENAI_DST_API_KEY": DESTINATION_KEY,
    }


def _show_report(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines()[:18]:
        click.echo(f"  {line}")
    click.echo("  ...")
