"""Creates whose answer was lost: look before creating again, and never leave two.

There is no idempotency key on this wire. What can be known is what the destination lists
afterwards; lists may lag, so a second create is followed by another look.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Any

from understudy.model.assistant import CLONED_FROM, Assistant, definition
from understudy.model.canonical import digest
from understudy.model.meaning import meaning
from understudy.platforms.base import Platform

#: How long a list may lag before we stop waiting for it to show what we just created.
SETTLE_SECONDS = 30.0
_POLL = 0.25


class Finder:
    """Finds what this run created although nobody told us.

    One listing serves everybody who asked before it began: a thousand lost answers do not
    become a thousand listings.
    """

    def __init__(self, platform: Platform, *, before: Collection[str]) -> None:
        self._platform = platform
        self._before = frozenset(before)
        self._lock = asyncio.Lock()
        self._listed_at = float("-inf")
        self._new: tuple[Assistant, ...] = ()
        self._ours: set[str] = set()

    def claim(self, assistant_id: str) -> None:
        """Note that an assistant belongs to a change, so that no other adopts it."""
        self._ours.add(assistant_id)

    async def find(self, payload: Mapping[str, Any]) -> Assistant | None:
        """Return an unclaimed assistant that came into being through this payload, and claim it."""
        for assistant in await self._listing():
            if assistant.id not in self._ours and _made_by(assistant, payload):
                self.claim(assistant.id)
                return assistant
        return None

    async def twin(self, created: Assistant, payload: Mapping[str, Any]) -> Assistant | None:
        """Return another assistant made by the same payload, once the list shows `created`.

        Waits up to 30 seconds for the list to catch up.
        """
        give_up = time.monotonic() + SETTLE_SECONDS
        while True:
            listing = await self._listing()
            caught_up = any(a.id == created.id for a in listing)
            if caught_up or time.monotonic() > give_up:
                break
            await asyncio.sleep(_POLL)
        others = (a for a in listing if a.id not in self._ours and _made_by(a, payload))
        return next(others, None)

    async def discard(self, surplus: Assistant, *, keep: Assistant) -> None:
        """Delete the second of two that one change made, and claim the other."""
        self.claim(keep.id)
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

        Stops at the first page without anything new: what follows is older.
        """
        found: dict[str, Assistant] = {}
        after: str | None = None
        while True:
            page = await self._platform.list_page(after=after, newest_first=True)
            fresh = [a for a in page.assistants if a.id not in self._before and a.id not in found]
            found.update((a.id, a) for a in fresh)
            after = page.after
            if after is None or not fresh:
                return tuple(found.values())


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
