"""registry webhooks: what was told of changes, what waits, what is dead; and telling it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from understudy.cli.registry_options import file_of, local
from understudy.cli.session import Session
from understudy.errors import ExitCode, UnderstudyError
from understudy.ops.notifying import Delivered, Notifier
from understudy.report.webhooks import numbered, webhook_lines, webhook_text


@click.command()
@click.option("--retry", is_flag=True, help="Put dead letters back, and try at once.")
@local
@click.pass_context
def webhooks(ctx: click.Context, /, path: Path | None, retry: bool) -> int:
    """Show for each webhook what waits and what was given up.

    \b
    understudy registry webhooks
    understudy registry webhooks --retry
    """
    session = Session(ctx)
    notifier = Notifier(file_of(session, path), session.settings)
    if retry:
        notifier.revive()
        tell(session, notifier)
    states = notifier.state()
    session.say(webhook_lines(states) if session.json else webhook_text(states))
    left = any(state.waiting or state.progress.dead for state in states.values())
    return ExitCode.PARTLY if retry and left else ExitCode.DONE


def begin(session: Session, flag: Path | None) -> Notifier:
    """Return who tells of what a command is about to change; raises UsageError."""
    notifier = Notifier(file_of(session, flag), session.settings)
    try:
        notifier.prepare()
    except UnderstudyError as error:  # what cannot be told must not keep a sync from its job
        session.note(f"Webhooks: {error.message}")
    return notifier


def tell(session: Session, notifier: Notifier) -> None:
    """Tell what waits, each once; a failure is noted: the next sync, or a watch, tries again."""
    if not notifier.configured:
        return

    async def work(stop: asyncio.Event) -> Delivered | None:
        telling = asyncio.create_task(notifier.deliver())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if telling.done():
            return telling.result()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        return None

    try:
        done = session.run(work)
    except UnderstudyError as error:
        session.note(f"Webhooks: {error.message}")
        return
    if done is not None and not done.elsewhere:
        _note(session, done)


def _note(session: Session, done: Delivered) -> None:
    for name in dict.fromkeys(name for name, _ in done.waiting):
        count = numbered(sum(name == other for other, _ in done.waiting), "change")
        reason = done.reasons.get(name, "")
        why = f": {reason}" if reason else ""
        session.note(
            f"Webhook {name} is still to be told of {count}{why}. "
            "The next sync, a watch or the service tries again."
        )
    for name, record in done.dead:
        session.note(
            f"Webhook {name} was given up for {record}; understudy registry webhooks --retry."
        )
