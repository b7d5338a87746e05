"""What is wrong with a text that is no JSON, said so that its writer finds the place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_CONSTANTS: Mapping[str, str] = {
    "True": "true",
    "False": "false",
    "None": "null",
    "undefined": "null",
    "TRUE": "true",
    "FALSE": "false",
    "NULL": "null",
    "Null": "null",
}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BREAKS_OFF = "The text breaks off: {} is not closed."


def explain(text: str, error: json.JSONDecodeError) -> tuple[str, str, int]:
    """Return what is wrong, how to mend it, and the offset where."""
    at = error.pos
    if not text.strip():
        return "the file is empty.", 'Write {"version": "1.0", "assistants": [...]}.', 0
    known = _wrapped(text, at) or _text_problem(error) or _end(text, at) or _comma(text, at)
    known = known or _start(text, error)
    if known is not None:
        return (*known, at)
    return f"not JSON: {error.msg}.", "", at


def _wrapped(text: str, at: int) -> tuple[str, str] | None:
    """Tell of what models and mails put around a document."""
    if text[:at].strip():
        return None
    if text.startswith("```", at):
        return (
            "this is Markdown, not JSON: it begins with ```.",
            "Remove the lines with ```; what stands between them is the document.",
        )
    word = _WORD.match(text, at)
    if word and word[0] not in _CONSTANTS and "{" in text:
        return "words stand before the document.", "Remove them: a document begins with {."
    return None


def _text_problem(error: json.JSONDecodeError) -> tuple[str, str] | None:
    if error.msg.startswith("Unterminated string"):
        return (
            "a text begins here and is not closed.",
            'Close it with ", and write line breaks as \\n.',
        )
    if error.msg.startswith("Invalid control character"):
        return (
            "a text holds a line break or another control character.",
            "Write a line break as \\n and a tab as \\t.",
        )
    if error.msg.startswith("Invalid \\"):
        return (
            "a backslash is followed by what JSON does not know.",
            "Write a backslash itself as \\\\.",
        )
    if error.msg.startswith("Extra data"):
        return (
            "something follows after the end of the document.",
            "One file holds one document; put several assistants into its list.",
        )
    return None


def _end(text: str, at: int) -> tuple[str, str] | None:
    if text[at:].strip():
        return None
    return (
        "the text breaks off: an object or a list is not closed.",
        "Is the file complete? Close what is open with } and ].",
    )


def _comma(text: str, at: int) -> tuple[str, str] | None:
    before = text[:at].rstrip()[-1:]
    if text[at] in "}]" and before == ",":
        return "a comma stands before the end of a list or an object.", "Remove the comma."
    if text[at] == "," and before in ("[", "{", ","):
        return "a comma stands where a value should.", "Remove the comma."
    return None


def _start(text: str, error: json.JSONDecodeError) -> tuple[str, str] | None:
    here = text[error.pos]
    word = _WORD.match(text, error.pos)
    if text.startswith(("//", "/*", "#"), error.pos):
        return "JSON has no comments.", "Remove the comment."
    if here in "'\u2018\u2019\u201c\u201d":
        return "texts stand in straight double quotes.", 'Write " instead.'
    if word and word[0] in _CONSTANTS:
        return f"{word[0]} is not JSON.", f"Write {_CONSTANTS[word[0]]}."
    if error.msg.startswith("Expecting property name"):
        return "the name of a field should stand here, in double quotes.", 'Write "name": value.'
    if error.msg.startswith("Expecting ',' delimiter"):
        return _delimiter(text, error.pos)
    if error.msg.startswith("Expecting ':' delimiter"):
        return "a colon is missing before this.", 'Write "name": value.'
    if error.msg.startswith("Expecting value"):
        return (
            "a value should stand here.",
            "A text (in double quotes), a number, true, false, null, {} or [].",
        )
    return None


def _delimiter(text: str, at: int) -> tuple[str, str]:
    """Tell why an entry does not end where it should: a comma is not always what is missing."""
    here, before = text[at], text[:at].rstrip()[-1:]
    if here in "]}":
        return "this bracket does not fit what is open.", "Lists end with ], objects with }."
    if here.isdigit() and text[at - 1 : at] == "0":
        return "a number has no zeros before its first digit.", "Write 1, not 01."
    if here == "+":
        return "JSON joins no texts.", "Write one text, with line breaks as \\n."
    if before == '"' and (here.isalpha() or here == "\\"):
        return "the text has ended before this.", 'Write a quote within a text as \\".'
    return "a comma is missing before this.", "Put a comma between two entries."
