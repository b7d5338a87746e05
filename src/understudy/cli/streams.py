"""Standard streams as they really are: missing, narrow, full, or left by their reader."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click

from understudy.errors import OutputError


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


def mute(stream: TextIO) -> None:
    """Send what is still to be written, the buffer included, nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
