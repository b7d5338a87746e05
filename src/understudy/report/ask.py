"""An answer as it comes: text for people, JSON lines for machines."""

from __future__ import annotations

import re
from typing import Any

from understudy.model.dialogue import Answer, Call, Heard, Noted, Output, Said
from understudy.redact import hide
from understudy.report.clean import clean, clean_lines
from understudy.report.jsonlines import line

#: What could be the beginning of a key: it is shown once it has ended.
_TAIL = re.compile(r"[!-~]{1,300}\Z")
_LONG = 400  # characters of arguments and outputs that are shown


class Veil:
    """Hides our keys in a text that comes in pieces: a key may be cut anywhere."""

    def __init__(self) -> None:
        self._rest = ""

    def pass_on(self, text: str) -> str:
        """Return what can be shown now."""
        whole = hide(self._rest + text)
        tail = _TAIL.search(whole)
        cut = tail.start() if tail else len(whole)
        self._rest = whole[cut:]
        return whole[:cut]

    def rest(self) -> str:
        """Return what was held back; nothing follows it."""
        rest, self._rest = self._rest, ""
        return rest


def note_text(heard: Heard) -> str:
    """Return what a function call, its output, or a note is to people, else an empty text."""
    if isinstance(heard, Call):
        return f"→ {clean(heard.name)} {_short(heard.arguments)}"
    if isinstance(heard, Output):
        return f"← {'failed: ' if heard.failed else ''}{_short(heard.text)}"
    return clean(heard.text) if isinstance(heard, Noted) else ""


def said_text(text: str) -> str:
    """Return a piece of the answer, harmless to show."""
    return clean_lines(text)


def heard_line(heard: Heard) -> str:
    """Return an event as a JSON line."""
    if isinstance(heard, Said):
        return line("delta", {"text": heard.text})
    if isinstance(heard, Call):
        fields: dict[str, Any] = {"call_id": heard.call_id, "name": heard.name}
        return line("function_call", {**fields, "arguments": heard.arguments})
    if isinstance(heard, Output):
        fields = {"call_id": heard.call_id, "name": heard.name, "output": heard.text}
        return line("function_output", {**fields, "failed": heard.failed})
    if isinstance(heard, Noted):
        return line("note", {"text": heard.text})
    return line("answer", _answer(heard))


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "text": answer.text,
        "response": answer.response_id,
        "conversation": answer.conversation or None,
        "turns": answer.turns,
        "usage": dict(answer.usage),
    }


def _short(text: str) -> str:
    shown = clean(text)
    return shown if len(shown) <= _LONG else f"{shown[:_LONG]}… ({len(text):,} characters)"
