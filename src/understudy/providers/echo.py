"""Providers without a network: an echo to rehearse with, and one that follows a script."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator

from understudy.providers.base import Delta, Request, Usage
from understudy.providers.errors import ProviderLostError, ProviderRejectedError

#: The model that ships.
ECHO = "demo/echo"

_PIECE = re.compile(r"\s*\S+\s*")


class Echo:
    """Repeats the last message of the user, word by word; one word counts as one token.

    Where JSON is asked for, it gives the last JSON object that stands in the instructions, so that
    instructions which end in an answer rehearse it.
    """

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield the words, then the usage; raises ProviderRejectedError for another model."""
        if request.model != ECHO:
            raise ProviderRejectedError(
                f"There is no model {request.model}.", hint=f"The model for demos is {ECHO}."
            )
        said = [message.text for message in request.messages if message.role == "user"]
        text = said[-1] if said else ""
        if request.schema is not None and (found := _last_object(request.instructions)):
            text = found
        for delta in _told(text, request):
            yield delta

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


class Scripted:
    """Gives the next entry of a script to each request: a text as the answer, an error is raised.

    `delay` is in seconds, before each of them. `requests` holds what was asked; a script that is
    at its end is a ProviderLostError.
    """

    def __init__(self, *script: str | Exception, delay: float = 0.0) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self._script = iter(script)
        self._delay = delay

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield the next text word by word, or raise the next error."""
        self.requests.append(request)
        entry = next(self._script, None)
        await asyncio.sleep(self._delay)
        if entry is None:
            raise ProviderLostError("The script is at its end.")
        if isinstance(entry, Exception):
            raise entry
        for delta in _told(entry, request):
            yield delta

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True


def _told(text: str, request: Request) -> Iterator[Delta]:
    pieces = _PIECE.findall(text)
    for piece in pieces:
        yield Delta(piece)
    heard = " ".join([request.instructions, *(message.text for message in request.messages)])
    yield Delta(usage=Usage(len(heard.split()), len(pieces)))


def _last_object(text: str) -> str | None:
    """Return the last JSON object in a text as it stands there, None where there is none."""
    decoder, found, place = json.JSONDecoder(), None, text.find("{")
    while place >= 0:
        try:
            _, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            found = text[place:end]
        place = text.find("{", end)
    return found
