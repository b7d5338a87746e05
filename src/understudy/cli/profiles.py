"""profiles: what is configured, and where each value came from."""

from __future__ import annotations

import asyncio

import click

from understudy.cli.options import common
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.ops.look import Checked, check_profile
from understudy.report.profiles import profile_line, profile_text

_NONE = (
    "No profile is configured: set OPENAI_SRC_API_KEY and OPENAI_DST_API_KEY, or write "
    "understudy.toml."
)


@click.command()
@click.option("--check", is_flag=True, help="Ask each place whether it answers.")
@common
@click.pass_context
def profiles(ctx: click.Context, /, check: bool) -> int:
    """Show each profile, where its values came from, keys masked.

    \b
    understudy profiles
    understudy profiles --check
    """
    session = Session(ctx)
    found = list(session.settings.profiles.values())

    async def ask(_: asyncio.Event) -> list[Checked]:
        return await asyncio.gather(*(check_profile(p, session.settings) for p in found))

    checked = session.run(ask) if check else [Checked(profile) for profile in found]
    if session.json:
        session.say(profile_line(i.profile, i.answer, i.error) for i in checked)
    else:
        for item in checked:
            session.say(profile_text(item.profile, item.answer, item.error))
        if not checked:
            session.say([_NONE])
    failed = [item.error for item in checked if item.error is not None]
    return failed[0].exit_code if failed else ExitCode.DONE
