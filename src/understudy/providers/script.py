"""A model that follows a script from a file: for demos, rehearsals and tests of whole runs."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import UsageError
from understudy.providers.base import Delta, Request, Usage
from understudy.providers.errors import (
    ProviderBusyError,
    ProviderError,
    ProviderKeyError,
    ProviderLostError,
    ProviderQuotaError,
    ProviderRejectedError,
)

#: The model, and the variable that names its script.
SCRIPTED = "demo/scripted"
VARIABLE = "UNDERSTUDY_SCRIPT"

_PIECE = re.compile(r"\s*\S+\s*")
_LARGEST = 10_000_000  # bytes of a script
_LONGEST = 1_000_000  # seconds, and times
_KINDS: Mapping[str, Callable[[str], ProviderError]] = {
    "busy": ProviderBusyError,
    "lost": ProviderLostError,
    "rejected": ProviderRejectedError,
    "key": ProviderKeyError,
    "quota": ProviderQuotaError,
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "when": (str,),
    "say": (str,),
    "fail": (str,),
    "after": (int, float),
    "pause": (int, float),
    "times": (int,),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a script: what is said, or how it fails, when a prompt holds a text.

    `after` is in seconds before the first piece, `pause` between two. What is said comes before a
    failure. `times` is for how many requests it holds, 0 for all.
    """

    when: str = ""
    say: str = ""
    fail: str = ""
    after: float = 0.0
    pause: float = 0.0
    times: int = 0


class Script:
    """Answers each request with the first line that fits it; one word counts as one token."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self._lines = lines
        self._used = dict.fromkeys(range(len(lines)), 0)

    @classmethod
    def load(cls, path: str | Path) -> Script:
        """Read a script: a JSON list of objects; raises UsageError."""
        try:
            if not Path(path).is_file():  # a pipe would be waited for
                raise UsageError(f"The script {path} cannot be read: there is no such file.")
            with Path(path).open("rb") as file:
                data = file.read(_LARGEST + 1)
            entries = json.loads(data)
        except OSError as error:
            raise UsageError(f"The script {path} cannot be read: {error.strerror}.") from error
        except (ValueError, RecursionError) as error:
            raise UsageError(f"The script {path} is not JSON, or too large.") from error
        if not isinstance(entries, list):
            raise UsageError(f"The script {path} is no list.", hint='Write [{"say": "Hello"}].')
        return cls(tuple(_line(path, number, one) for number, one in enumerate(entries, 1)))

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield the words, then the usage; raises the error that the script has."""
        heard = " ".join([request.instructions, *(message.text for message in request.messages)])
        line = self._next(heard)
        await asyncio.sleep(line.after)
        pieces = _PIECE.findall(line.say)
        for number, piece in enumerate(pieces):
            if number and line.pause:
                await asyncio.sleep(line.pause)
            yield Delta(piece)
        if line.fail:
            raise _KINDS[line.fail](f"The script lets {request.model} fail: {line.fail}.")
        yield Delta(usage=Usage(len(heard.split()), len(pieces)))

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _next(self, heard: str) -> Line:
        for number, line in enumerate(self._lines):
            if line.when in heard and (not line.times or self._used[number] < line.times):
                self._used[number] += 1
                return line
        raise ProviderRejectedError(
            "No line of the script fits this prompt.", hint='Add one without "when" at its end.'
        )


def _line(path: str | Path, number: int, entry: Any) -> Line:
    where = f"The script {path}, entry {number}"
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is no object.")
    for name, value in entry.items():
        kinds = _TYPES.get(name)
        if kinds is None:
            raise UsageError(
                f"{where} has an unknown {name!r}.", hint=f"Known are {', '.join(_TYPES)}."
            )
        right = isinstance(value, kinds) and not isinstance(value, bool)
        if not right or (isinstance(value, int | float) and not 0 <= value <= _LONGEST):
            raise UsageError(f"{where}: {name} has a wrong value.")
    if entry.get("fail", "") not in ("", *_KINDS):
        raise UsageError(f"{where}: fail is one of {', '.join(_KINDS)}.")
    return Line(**entry)
