"""Creates whose answer was lost: look before creating again, and never leave two.

There is no idempotency key on this wire. What can be known is what the destination lists
afterwards; lists may lag, so a second create is followed by another look.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from understudy.errors import (
    InterruptedRunError,
    LostAnswerError,
    PlaceError,
    RejectedError,
)

#: How long a list may lag before we stop waiting for it to show what we just created.
SETTLE_SECONDS = 30.0
_POLL = 0.25
_LINGER = 2.0

#: Creates of one thing, the first included, before its lost answers count as a failure.
CREATE_ATTEMPTS = 4


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_Identified)


class Shelf(Protocol[T]):
    """One kind of thing in the destination: how it is listed, recognised and deleted."""

    async def page(self, after: str | None) -> tuple[Sequence[T], str | None]:
        """Return the page that follows `after`, newest first if the place can, and what is next."""
        ...

    def rising(self, items: Sequence[T], /) -> bool:
        """Tell whether a page lists the oldest first although it was asked otherwise."""
        ...

    def made_by(self, item: T, payload: Any) -> bool:
        """Tell whether this payload made it."""
        ...

    async def delete(self, item_id: str) -> None:
        """Delete one."""
        ...


@dataclass(frozen=True, slots=True)
class Twins(Generic[T]):
    """`others` are newest first; without `settled` there may be some that no list shows yet."""

    others: tuple[T, ...]
    settled: bool


@dataclass(frozen=True, slots=True)
class Created(Generic[T]):
    """What stays of a create; without `settled` there may be a second one that no list shows."""

    one: T
    steps: tuple[str, ...]
    settled: bool


class Finder(Generic[T]):
    """Finds what this run created although nobody told us.

    One listing serves everybody who asked before it began: a thousand lost answers do not
    become a thousand listings.
    """

    def __init__(
        self, shelf: Shelf[T], *, before: Collection[str], settle: float = SETTLE_SECONDS
    ) -> None:
        self._shelf = shelf
        self._settle = settle
        self._before = frozenset(before)
        self._lock = asyncio.Lock()
        self._listed_at = float("-inf")
        self._new: tuple[T, ...] = ()
        self._ours: set[str] = set()

    async def create(
        self,
        send: Callable[[], Awaitable[T]],
        payload: Callable[[], Any],
        stop: Callable[[], bool],
    ) -> Created[T]:
        """Create, and after every lost answer look first; never leaves two.

        `payload` returns what was sent last: that is how the result is recognised. Raises what
        `send` raises, LostAnswerError only when nothing was found after several attempts.
        """
        steps: list[str] = []
        lost: list[LostAnswerError] = []
        while True:
            try:
                got = await send()
                steps.append("create")
                if not self.claim(got.id):
                    raise RejectedError(
                        f"The destination answered a create with {got.id}, which it already had.",
                        hint="Look there what became of it.",
                    )
                break
            except LostAnswerError as error:
                lost.append(error)
                steps.append("create, answer lost")
                if found := await self.find(payload()):
                    steps.append(f"found {found.id}")
                    got = found
                    break
                if len(lost) == CREATE_ATTEMPTS or stop():
                    raise
            except InterruptedRunError:
                if lost:  # one may be there; "not begun" would hide that
                    raise lost[-1] from None
                raise
        got, settled = await self._settled(got, payload(), steps, lost=len(lost))
        return Created(got, tuple(steps), settled)

    def claim(self, item_id: str) -> bool:
        """Note that something belongs to a change, so that no other adopts it.

        Returns False if it cannot: another change has it, or it was there before the run.
        """
        if item_id in self._ours or item_id in self._before:
            return False
        self._ours.add(item_id)
        return True

    async def find(self, payload: Any) -> T | None:
        """Return something unclaimed that came into being through this payload, and claim it."""
        for item in await self._listing():
            if item.id not in self._ours and self._shelf.made_by(item, payload):
                self.claim(item.id)
                return item
        return None

    async def twins(self, ours: T, payload: Any, *, most: int, newest: bool) -> Twins[T]:
        """Return what else the same payload made, `most` of them at most.

        Waits for the list to catch up, `settle` seconds at most: a list that shows `ours` shows
        all that is older. What was sent after it, unless it is the `newest`, gets two seconds.
        """
        now = time.monotonic()
        give_up, linger = now + self._settle, now + min(self._settle, _LINGER)
        while True:
            listing = await self._listing()
            seen = any(item.id == ours.id for item in listing)
            others = [
                item
                for item in listing
                if item.id not in self._ours and self._shelf.made_by(item, payload)
            ]
            now = time.monotonic()
            if now > give_up or (seen and (newest or len(others) >= most or now > linger)):
                return Twins(tuple(others), seen)
            await asyncio.sleep(_POLL)

    async def discard(self, surplus: T) -> None:
        """Delete one of several that one change made."""
        await self._shelf.delete(surplus.id)

    async def _settled(
        self, got: T, payload: Any, steps: list[str], *, lost: int
    ) -> tuple[T, bool]:
        """Keep one of several: creates that seemed lost may show up only now.

        Returns the one that stays, the oldest that is known, and whether the list caught up:
        if not, there may be more.
        """
        answered = steps[-1] == "create"
        most = lost if answered else lost - 1
        if not most:
            return got, True
        twins = await self.twins(got, payload, most=most, newest=answered)
        others = twins.others[-most:]
        keep = others[-1] if answered and others else got
        self.claim(keep.id)
        for surplus in (one for one in (got, *others) if one.id != keep.id):
            try:
                await self.discard(surplus)
            except PlaceError as error:
                raise RejectedError(
                    f"It exists twice, as {keep.id} and {surplus.id}: the answer to a create was "
                    f"lost, and the second could not be deleted ({error.message}).",
                    hint=f"Delete {surplus.id} there.",
                ) from error
            steps.append(f"delete {surplus.id}: the first create had arrived as {keep.id}")
        return keep, twins.settled

    async def _listing(self) -> tuple[T, ...]:
        asked = time.monotonic()
        async with self._lock:
            if self._listed_at <= asked:
                began = time.monotonic()
                self._new = await self._list_new()
                self._listed_at = began
            return self._new

    async def _list_new(self) -> tuple[T, ...]:
        """Return what was not there before the run, newest first.

        Stops at the first page without anything new: what follows is older. A place that lists
        the oldest first although it was asked otherwise is read to its end.
        """
        found: dict[str, T] = {}
        after: str | None = None
        rising = False
        while True:
            items, after = await self._shelf.page(after)
            fresh = [one for one in items if one.id not in self._before and one.id not in found]
            found.update((one.id, one) for one in fresh)
            rising = rising or self._shelf.rising(items)
            if after is None or not (fresh or rising):
                newest = tuple(found.values())
                return newest[::-1] if rising else newest
