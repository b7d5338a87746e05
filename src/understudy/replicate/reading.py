"""Reading from places: whole listings, many things at once, and what may not be there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, TypeVar

from understudy.errors import LostAnswerError, MissingError

#: How often a listing begins again because the place changes under it.
_RESTARTS = 5

#: Requests in flight together.
_AT_ONCE = 8

T = TypeVar("T")
R = TypeVar("R")


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Return what each coroutine returns; the first failure stops the others and is raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            begun = [tasks.create_task(one) for one in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in begun]


async def each(
    items: Collection[T], ask: Callable[[T], Awaitable[R]], *, at_once: int = _AT_ONCE
) -> list[R]:
    """Ask about each item, a few at a time, and return the answers in order."""
    turns = asyncio.Semaphore(at_once)

    async def one(item: T) -> R:
        async with turns:
            return await ask(item)

    return await together(*(one(item) for item in items))


async def if_there(asking: Awaitable[T]) -> T | None:
    """Return the answer, None when the place has no such thing."""
    try:
        return await asking
    except MissingError:
        return None


async def every(
    page: Callable[[str | None], Awaitable[tuple[Sequence[T], str | None]]],
    key: Callable[[T], str],
    *,
    what: str,
    take: Callable[[T], T] = lambda item: item,
    on_page: Callable[[int], None] = lambda _: None,
) -> dict[str, T]:
    """Return all items of a listing under their keys, each once and as `take` makes it.

    `page` returns what follows a key, and how to go on. When the last item of a page was deleted
    meanwhile, the listing begins again. `on_page` hears how many there are so far; `what` they
    are called is for people. Raises LostAnswerError for a place that does not page.
    """
    found: dict[str, T] = {}
    after: str | None = None
    restarts = 0
    coming = _asked(page, None)
    try:
        while True:
            try:
                items, following = await coming
            except MissingError:
                if after is None or restarts == _RESTARTS:
                    raise
                restarts, after = restarts + 1, None
                found.clear()
                coming = _asked(page, None)
                continue
            fresh = [item for item in items if key(item) not in found]
            if following is not None and not fresh:
                raise LostAnswerError(
                    f"The listing of {what} repeats itself after {len(found)}.",
                    hint="The server does not page; it cannot be read completely.",
                )
            after = following
            if following is not None:
                coming = _asked(page, following)
                await asyncio.sleep(0)  # on its way before this page is looked at
            for item in fresh:
                found[key(item)] = take(item)
            on_page(len(found))
            if following is None:
                return found
    finally:
        await _dropped(coming)


def _asked(
    page: Callable[[str | None], Awaitable[tuple[Sequence[T], str | None]]], after: str | None
) -> asyncio.Future[tuple[Sequence[T], str | None]]:
    return asyncio.ensure_future(page(after))


async def _dropped(coming: asyncio.Future[Any]) -> None:
    """Let go of a page that nobody waits for any more."""
    if not coming.done():
        coming.cancel()
        await asyncio.wait({coming})
    elif not coming.cancelled():
        coming.exception()  # heard, whether or not it was raised
