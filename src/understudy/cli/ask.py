"""ask: one question to one definition."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from understudy.cli.options import common
from understudy.cli.session import Session
from understudy.cli.streams import emit
from understudy.errors import UnderstudyError, UsageError
from understudy.model.dialogue import Answer, Call, Heard, Output, Said
from understudy.ops.ask import DEFAULT_TURNS, Asking, project_for
from understudy.ops.ask import ask as ask_one
from understudy.ops.handlers import Handlers, load_handlers
from understudy.ops.loading import load_async, split
from understudy.report.ask import Veil, heard_line, note_text, said_text
from understudy.report.clean import clean

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("path", metavar="PLACE/NAME")
@click.argument("question")
@click.option("--using", metavar="PROFILE", help="Whose project answers.  [default: see above]")
@click.option("--conversation", metavar="ID", help="Go on with it; `new` begins one.")
@click.option("--file", "files", type=_FILE, multiple=True, help="Attach it; repeatable.")
@click.option(
    "--handlers", type=_FILE, metavar="FILE.py", help="Functions that answer the model's calls."
)
@click.option(
    "--max-turns",
    type=click.IntRange(1, 1000),
    default=DEFAULT_TURNS,
    show_default=True,
    metavar="N",
    help="Requests at most; each may end in calls of functions.",
)
@common
@click.pass_context
def ask(ctx: click.Context, /, path: str, question: str, **options: Any) -> int:
    """Ask a definition a question over the Responses API, and stream its answer to stdout.

    PLACE/NAME is a bundle and a file in it, or any other place and an assistant's id or name. The
    profile that answers is --using, else the place's own, else `default`, else `dst`. A question
    of - is read from standard input. Without --handlers you are asked what a function answers.
    Files are deleted after the answer, unless a conversation goes on with them. An answer that is
    refused, not complete or breaks off ends with 1.

    \b
    understudy ask ./bundle/SUPPORT_BOT "Where is my order NW-1?"
    understudy ask ./bundle/SUPPORT_BOT "Where is NW-1?" --handlers handlers.py
    understudy ask ./bundle/SUPPORT_BOT "Hello" --conversation new
    understudy ask "dump.json/Support Bot" - --using dst --file prices.csv < question.txt
    """
    session = Session(ctx)
    place, _ = split(path, session.settings)
    profile = project_for(place, session.settings, options["using"])
    handlers = load_handlers(options["handlers"]) if options["handlers"] else Handlers({})
    asking = Asking(
        question=_question(question),
        files=options["files"],
        conversation=options["conversation"] or "",
        max_turns=options["max_turns"],
    )

    async def work(_: asyncio.Event) -> Answer:
        definition = await load_async(path, session.settings)
        with _Stage(session, handlers).open() as stage:
            return await ask_one(definition, asking, profile, answer=stage.answer, tell=stage.tell)

    session.run(work, at_once=True)
    return 0


def _question(given: str) -> str:
    text = given
    if given == "-":
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"The question is not UTF-8 (at byte {error.start}).") from error
    if not text.strip():
        raise UsageError("The question is empty.")
    return text


class _Stage:
    """Shows what is heard, and answers the calls of functions."""

    def __init__(self, session: Session, handlers: Handlers) -> None:
        self._session = session
        self._handlers = handlers
        self._veil = Veil()
        self._open = False  # a line of the answer

    @contextmanager
    def open(self) -> Iterator[_Stage]:
        """Show what was held back at the end, and end the line, whatever happens."""
        try:
            yield self
        finally:
            self._settle()

    def tell(self, heard: Heard) -> None:
        if isinstance(heard, Said):
            self._show(self._veil.pass_on(heard.text))
            return
        self._settle()
        if self._session.json:
            self._session.say([heard_line(heard)])
        elif text := note_text(heard):
            self._session.note(text)
        elif isinstance(heard, Answer) and not heard.text:
            self._session.note("The answer is empty.")

    async def answer(self, call: Call) -> Output:
        if call.name in self._handlers:
            return await self._handlers.answer(call, self._session.interruptible())
        if not self._session.interactive:
            raise UnderstudyError(
                f"The model calls {clean(call.name)}, and nothing here answers it.",
                hint="--handlers FILE.py answers; understudy plan --stubs FILE.py writes a start.",
            )
        text = self._session.prompt(f"What does {clean(call.name)} answer?")
        return Output(call.call_id, call.name, text)

    def _show(self, text: str) -> None:
        if not text:
            return
        if self._session.json:
            self._session.say([heard_line(Said(text))])
        else:
            emit(said_text(text), end="")
            self._open = not text.endswith("\n")

    def _settle(self) -> None:
        self._show(self._veil.rest())
        if self._open:
            emit("")
            self._open = False
