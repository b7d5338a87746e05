"""Hanging up: a response that was opened for a stream is closed with it.

Google's library leaves the connection of a stream that is left early to the garbage collector, and
the vendor goes on answering.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Protocol


class Response(Protocol):
    """What an HTTP client hands to its hooks."""

    async def aclose(self) -> None:
        """Close the connection unless all was read; may be repeated."""
        ...


_opened: ContextVar[list[Response] | None] = ContextVar("opened", default=None)


async def note(response: Response) -> None:
    """Remember a response; a hook of a client's."""
    if (opened := _opened.get()) is not None:
        opened.append(response)


@asynccontextmanager
async def hung_up() -> AsyncIterator[None]:
    """Close, at the end, the responses that were noted since the beginning."""
    opened: list[Response] = []
    _opened.set(opened)
    try:
        yield
    finally:
        _opened.set(None)  # not by a token: a stream may be closed in another context
        for response in opened:
            await response.aclose()
