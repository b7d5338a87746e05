"""Reading both inventories: each list once, both at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from understudy.errors import LostAnswerError, MissingError
from understudy.model.assistant import Assistant
from understudy.model.canonical import identical
from understudy.platforms.base import Platform
from understudy.replicate.inventory import Inventory

#: How often a listing begins again because the place changes under it.
_RESTARTS = 5

#: Retrieves in flight together.
_AT_ONCE = 8

#: The fields that take most of the memory.
_LARGE = ("instructions", "tools", "response_format")

#: Told how many assistants of which place have been read so far.
OnPage = Callable[[str, int], None]


class Shared:
    """Lets records that describe the same assistant share their equal parts.

    Two inventories of 10,000 equal assistants then take the memory of one, and comparing them
    is mostly comparing identities.
    """

    def __init__(self) -> None:
        self._seen: dict[str, Assistant] = {}

    def take(self, assistant: Assistant) -> Assistant:
        """Return the assistant, its record holding parts seen before where they are equal."""
        twin = self._seen.setdefault(assistant.cloned_from or assistant.id, assistant)
        if twin is assistant:
            return assistant
        other = twin.raw
        try:
            shared = {
                key: other[key]
                for key in _LARGE
                if key in other and identical(assistant.raw.get(key), other[key])
            }
        except RecursionError:  # nested too deeply to be compared; the plan will say so
            return assistant
        return Assistant(assistant.id, {**assistant.raw, **shared}) if shared else assistant


async def gather(
    platform: Platform,
    *,
    known: Collection[str] = (),
    shared: Shared | None = None,
    on_page: OnPage = lambda _place, _count: None,
) -> Inventory:
    """Return what the place holds, oldest first.

    `known` are ids that must be there as far as anybody remembers: those that the list does
    not show are asked for one by one, because lists can lag behind creates.
    """
    shared = shared or Shared()
    found: dict[str, Assistant] = {}
    after: str | None = None
    restarts = 0
    while True:
        try:
            page = await platform.list_page(after=after)
        except MissingError:
            # The last one of a page was deleted meanwhile: the listing has to begin again.
            if after is None or restarts == _RESTARTS:
                raise
            restarts, after = restarts + 1, None
            found.clear()
            continue
        fresh = [a for a in page.assistants if a.id not in found]
        if page.after is not None and not fresh:
            raise LostAnswerError(
                f"{platform.info.name}: the listing repeats itself after {len(found)} assistants.",
                hint="The server does not page; it cannot be read completely.",
            )
        for assistant in fresh:
            found[assistant.id] = shared.take(assistant)
        on_page(platform.info.name, len(found))
        if (after := page.after) is None:
            break
    unseen = [assistant_id for assistant_id in known if assistant_id not in found]
    for start in range(0, len(unseen), _AT_ONCE):
        at_once = unseen[start : start + _AT_ONCE]
        for late in await asyncio.gather(*(_retrieve(platform, i) for i in at_once)):
            if late is not None:
                found[late.id] = shared.take(late)
    return Inventory(platform.info, platform.capabilities, tuple(found.values()))


async def gather_both(
    source: Platform,
    destination: Platform,
    *,
    known: Collection[str] = (),
    on_page: OnPage = lambda _place, _count: None,
) -> tuple[Inventory, Inventory]:
    """Return both inventories; the first failure stops the other reading."""
    shared = Shared()
    try:
        async with asyncio.TaskGroup() as tasks:
            one = tasks.create_task(gather(source, shared=shared, on_page=on_page))
            two = tasks.create_task(
                gather(destination, known=known, shared=shared, on_page=on_page)
            )
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return one.result(), two.result()


async def _retrieve(platform: Platform, assistant_id: str) -> Assistant | None:
    try:
        return await platform.retrieve(assistant_id)
    except MissingError:
        return None
