"""Creates whose answer was lost: look before creating again, and never leave two.

There is no idempotency key on this wire. What can be known is what the destination lists
afterwards; lists may lag, so a second create is followed by another look.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.model.assistant import CLONED_FROM, Assistant, definition
from understudy.model.canonical import digest
from understudy.model.meaning import meaning
from understudy.platforms.base import Platform

#: How long a list may lag before we stop waiting for it to show what we just created.
SETTLE_SECONDS = 30.0
_POLL = 0.25
_LINGER = 2.0


@dataclass(frozen=True, slots=True)
class Twins:
    """`others` are newest first; without `settled` there may be some that no list shows yet."""

    others: tuple[Assistant, ...]
    settled: bool


class Finder:
    """Finds what this run created although nobody told us.

    One listing serves everybody who asked before it began: a thousand lost answers do not
    become a thousand listings.
    """

    def __init__(
        self, platform: Platform, *, before: Collection[str], settle: float = SETTLE_SECONDS
    ) -> None:
        self._platform = platform
        self._settle = settle
        self._before = frozenset(before)
        self._lock = asyncio.Lock()
        self._listed_at = float("-inf")
        self._new: tuple[Assistant, ...] = ()
        self._ours: set[str] = set()

    def claim(self, assistant_id: str) -> bool:
        """Note that an assistant belongs to a change, so that no other adopts it.

        Returns False if it cannot: another change has it, or it was there before the run.
        """
        if assistant_id in self._ours or assistant_id in self._before:
            return False
        self._ours.add(assistant_id)
        return True

    async def find(self, payload: Mapping[str, Any]) -> Assistant | None:
        """Return an unclaimed assistant that came into being through this payload, and claim it."""
        for assistant in await self._listing():
            if assistant.id not in self._ours and _made_by(assistant, payload):
                self.claim(assistant.id)
                return assistant
        return None

    async def twins(
        self, ours: Assistant, payload: Mapping[str, Any], *, most: int, newest: bool
    ) -> Twins:
        """Return what else the same payload made, `most` assistants at most.

        Waits for the list to catch up, `settle` seconds at most: a list that shows `ours` shows
        all that is older. What was sent after it, unless it is the `newest`, gets two seconds.
        """
        now = time.monotonic()
        give_up, linger = now + self._settle, now + min(self._settle, _LINGER)
        while True:
            listing = await self._listing()
            seen = any(a.id == ours.id for a in listing)
            others = [a for a in listing if a.id not in self._ours and _made_by(a, payload)]
            now = time.monotonic()
            if now > give_up or (seen and (newest or len(others) >= most or now > linger)):
                return Twins(tuple(others), seen)
            await asyncio.sleep(_POLL)

    async def discard(self, surplus: Assistant) -> None:
        """Delete one of several that one change made."""
        await self._platform.delete(surplus.id)

    async def _listing(self) -> tuple[Assistant, ...]:
        asked = time.monotonic()
        async with self._lock:
            if self._listed_at <= asked:
                began = time.monotonic()
                self._new = await self._list_new()
                self._listed_at = began
            return self._new

    async def _list_new(self) -> tuple[Assistant, ...]:
        """Return what was not there before the run, newest first.

        Stops at the first page without anything new: what follows is older. A place that lists
        the oldest first although it was asked otherwise is read to its end.
        """
        found: dict[str, Assistant] = {}
        after: str | None = None
        while True:
            page = await self._platform.list_page(after=after, newest_first=True)
            fresh = [a for a in page.assistants if a.id not in self._before and a.id not in found]
            found.update((a.id, a) for a in fresh)
            after = page.after
            if after is None or not (fresh or _oldest_first(page.assistants)):
                return tuple(found.values())


def _oldest_first(assistants: Sequence[Assistant]) -> bool:
    """Tell whether the times of creation rise; where there are none, it is taken at its word."""
    times = [a.raw.get("created_at") for a in assistants]
    numbers = [at for at in times if isinstance(at, int | float)]
    return bool(numbers) and numbers[0] < numbers[-1]


def _made_by(assistant: Assistant, payload: Mapping[str, Any]) -> bool:
    """Tell whether this payload made it: by its marker, without one by its whole content."""
    marker = (payload.get("metadata") or {}).get(CLONED_FROM)
    if marker:
        return bool(assistant.metadata.get(CLONED_FROM) == marker)
    return fingerprint(payload) == fingerprint(definition(assistant.raw), like=payload)


def fingerprint(fields: Mapping[str, Any], *, like: Mapping[str, Any] | None = None) -> str:
    """Return a digest of what the fields mean; only the fields of `like` where it is given."""
    names = sorted(fields if like is None else like)
    return digest({name: meaning(name, fields.get(name)) for name in names})
