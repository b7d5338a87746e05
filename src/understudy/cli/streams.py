"""Standard streams as they really are: missing, narrow, full, or left by their reader."""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from typing import TextIO

import click

from understudy.errors import OutputError

_NOT_ASCII = re.compile(r"[^\n -~]")
#: Controls, and what makes a line read as something else.
_UNSEEN = re.compile(
    "[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


def prepare() -> None:
    """Make all three streams usable, whatever the caller closed and whatever the locale.

    A closed one becomes the null device, and so does its number: no socket may take it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def emit(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print a line, or part of one. A reader who has left changes nothing about what is done.

    Raises OutputError when stdout cannot take it.
    """
    try:
        click.echo(text + end, err=err, nl=False)
    except OSError as error:
        mute(sys.stderr if err else sys.stdout)
        if not err and not isinstance(error, BrokenPipeError):
            raise OutputError(f"stdout cannot be written: {error.strerror}.") from error


def spelt_for(text: str, stream: TextIO) -> str:
    """Return JSON text whose characters the stream can take, and a terminal shows as they are.

    The others become escapes of JSON: the value stays.
    """
    whole = codecs.lookup(stream.encoding or "ascii").name == "utf-8"
    odd = _UNSEEN if whole else _NOT_ASCII
    return odd.sub(lambda match: json.dumps(match[0])[1:-1], text)


def mute(stream: TextIO) -> None:
    """Send what is still to be written, the buffer included, nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
