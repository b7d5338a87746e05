"""registry: keep a local copy of a place's assistants, and look them up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from understudy.cli.registry_options import file_of, local, schedule_of, source_of
from understudy.cli.registry_options import schedule as at_times
from understudy.cli.registry_options import source as from_place
from understudy.cli.registry_webhooks import begin, tell, webhooks
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.model.canonical import pretty
from understudy.ops.gates import CommandGate
from understudy.ops.gating import Approval, Asked, configured, gate_seconds
from understudy.ops.registry import Registry, Synced
from understudy.ops.watching import Watch
from understudy.report.clean import clean, clean_lines
from understudy.report.jsonlines import line
from understudy.report.registry import (
    entries_lines,
    entries_text,
    entry_line,
    history_lines,
    history_text,
    proposal_fields,
    proposal_text,
)
from understudy.report.text import counted
from understudy.report.unread import unread_lines, unread_text

_gate = click.option(
    "--gate",
    metavar="COMMAND",
    help="Ask this command before anything is stored: the difference as JSON on its stdin, exit "
    "code 0 approves; none asks nobody, whatever the settings say.",
)


@click.group()
def registry() -> None:
    """Keep a local copy of a place's assistants, and look them up by name.

    \b
    understudy registry sync --from src
    understudy registry show SUPPORT_BOT
    """


@registry.command()
@from_place
@_gate
@click.option("--allow-removal", is_flag=True, help="Store it even if more than half goes.")
@local
@click.pass_context
def sync(
    ctx: click.Context,
    /,
    path: Path | None,
    source: str | None,
    gate: str | None,
    allow_removal: bool,
) -> int:
    """Bring the file up to date. The last good copy stays when anything is doubtful.

    \b
    understudy registry sync
    understudy registry sync --gate './approve.py --policy strict'
    understudy registry sync --from dump.json --file config/assistants.json
    """
    session = Session(ctx)
    opened = _open(session, path, source, _asked(session, gate))
    notifier = begin(session, path)
    done = session.run(lambda stop: opened.sync(allow_removal=allow_removal, stop=stop))
    code = _tell(session, done, "synced")
    tell(session, notifier)
    return code


@registry.command()
@from_place
@_gate
@at_times
@click.option("--now", is_flag=True, help="Sync at once, too.")
@local
@click.pass_context
def watch(
    ctx: click.Context,
    /,
    path: Path | None,
    source: str | None,
    gate: str | None,
    schedule: str | None,
    now: bool,
) -> int:
    """Sync on a schedule until Ctrl-C or SIGTERM, which let a running sync end.

    A source that is down is tried again between the times; the last good copy stays.

    \b
    understudy registry watch
    understudy registry watch --schedule '0 * * * *' --now
    """
    session = Session(ctx)
    opened = _open(session, path, source, _asked(session, gate))
    notifier = begin(session, path)

    def show(done: Synced) -> None:
        _show(session, done)
        notifier.wake()

    times = schedule_of(session, schedule)
    watching = Watch(opened.sync, schedule=times, on_done=show)
    what = f"{file_of(session, path)} from {source_of(session, source)}"

    async def work(stop: asyncio.Event) -> None:
        if now:
            _show(session, await opened.sync())
        session.note(f"Syncing {what} at {times} UTC; Ctrl-C ends it.")
        running = asyncio.create_task(watching.run())
        telling = asyncio.create_task(notifier.run(stop))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        watching.stop()
        stop.set()
        await asyncio.gather(running, telling, stopping)

    session.run(work)
    return ExitCode.DONE


@registry.command()
@from_place
@local
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when anything differs.")
@click.pass_context
def diff(
    ctx: click.Context, /, path: Path | None, source: str | None, detailed_exitcode: bool
) -> int:
    """Show what a sync would change; write nothing.

    \b
    understudy registry diff --detailed-exitcode
    """
    session = Session(ctx)
    opened = _open(session, path, source)
    found = session.run(lambda stop: opened.preview(stop=stop))
    code = _tell(session, found, "compared")
    differs = detailed_exitcode and bool(found.proposal.difference)
    return ExitCode.CHANGES if differs else code


@registry.command("list")
@local
@click.pass_context
def list_entries(ctx: click.Context, /, path: Path | None) -> int:
    """List the keys with model and id.

    \b
    understudy registry list
    understudy registry list --json | jq .key
    """
    session = Session(ctx)
    opened = _open(session, path)
    _problems(session, opened.stored().problems)
    entries = opened.entries()
    session.say(entries_lines(entries) if session.json else entries_text(entries))
    return ExitCode.DONE


@registry.command()
@click.argument("name")
@local
@click.pass_context
def show(ctx: click.Context, /, path: Path | None, name: str) -> int:
    """Show one entry, named by its key, its id, its name or any spelling of the key.

    \b
    understudy registry show SUPPORT_BOT
    understudy registry show "support bot"
    """
    session = Session(ctx)
    opened = _open(session, path)
    entry = opened.get_assistant(name)
    shown = (
        [entry_line(name, entry)]
        if session.json
        else [clean_lines(pretty(entry, sort_keys=False)).rstrip()]
    )
    session.say(shown)
    return ExitCode.DONE


@registry.command()
@click.option("--most", type=click.IntRange(1, 600), default=20, show_default=True)
@local
@click.pass_context
def history(ctx: click.Context, /, path: Path | None, most: int) -> int:
    """Show the last syncs, newest first.

    \b
    understudy registry history --most 5
    """
    session = Session(ctx)
    records = _open(session, path).history(most=most)
    session.say(history_lines(records) if session.json else history_text(records))
    return ExitCode.DONE


@registry.command()
@click.argument("key")
@local
@click.pass_context
def restore(ctx: click.Context, /, path: Path | None, key: str) -> int:
    """Put back what a sync removed, and keep it until the source has it again.

    \b
    understudy registry restore SUPPORT_BOT
    """
    session = Session(ctx)
    notifier = begin(session, path)
    entry = _open(session, path).restore(key)
    session.say([entry_line(key, entry)] if session.json else [f"Restored {clean(key)}."])
    tell(session, notifier)
    return ExitCode.DONE


registry.add_command(webhooks)


def _open(
    session: Session, flag: Path | None, source: str | None = None, gate: Approval = None
) -> Registry:
    return Registry(
        file_of(session, flag),
        source=source_of(session, source),
        settings=session.settings,
        gate=gate,
    )


def _asked(session: Session, flag: str | None) -> Approval:
    """Return the gate that the flag names, else the settings; raises UsageError."""
    command = (flag or "").strip()
    if not command:
        configured(session.settings)  # what is wrong is said now; each sync reads the policy anew
        return Asked.CONFIGURED
    if command == "none":
        return None
    return CommandGate(command, timeout=gate_seconds(session.settings))


def _tell(session: Session, done: Synced, what: str) -> int:
    _problems(session, done.problems)
    count = len(done.proposal.entries)
    if session.json:
        fields: dict[str, Any] = {"source": done.source, "written": done.written}
        session.say(unread_lines(done.unread, done.source))
        session.say([line("registry", {**fields, **proposal_fields(done.proposal)})])
    else:
        session.say([] if session.quiet else proposal_text(done.proposal))
        session.say(unread_text(done.unread, done.source))
        same = "" if done.proposal.difference else ", unchanged"
        session.say([f"{counted(count)} {what} from {clean(done.source)}{same}"])
    return done.exit_code


def _show(session: Session, done: Synced) -> None:
    _tell(session, done, "synced")


def _problems(session: Session, problems: tuple[str, ...]) -> None:
    for problem in problems:
        session.note(problem)
