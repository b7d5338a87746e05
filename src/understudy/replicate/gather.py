"""Reading both inventories: each list once, both at the same time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import attrgetter

from understudy.model.assistant import Assistant
from understudy.model.canonical import identical
from understudy.model.findings import Finding
from understudy.platforms.base import Platform
from understudy.replicate.inventory import Inventory
from understudy.replicate.reading import each, every, if_there, together

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
    heard: Callable[[Assistant], None] = lambda _: None,
) -> Inventory:
    """Return what the place holds, oldest first; `heard` is told of each as it was read.

    `known` are ids that must be there as far as anybody remembers: those that the list does
    not show are asked for one by one, because lists can lag behind creates.
    """
    shared = shared or Shared()
    name = platform.info.name
    unread: dict[Finding, None] = {}  # a listing may begin again

    async def page(after: str | None) -> tuple[Sequence[Assistant], str | None]:
        got = await platform.list_page(after=after)
        unread.update(dict.fromkeys(got.findings))
        return got.assistants, got.after

    def take(assistant: Assistant) -> Assistant:
        heard(assistant)
        return shared.take(assistant)

    found = await every(
        page,
        attrgetter("id"),
        what=f"assistants in {name}",
        take=take,
        on_page=lambda count: on_page(name, count),
    )
    unseen = [assistant_id for assistant_id in known if assistant_id not in found]
    for late in await each(unseen, lambda one: if_there(platform.retrieve(one))):
        if late is not None:
            found[late.id] = take(late)
    everything = tuple(found.values())
    return Inventory(platform.info, platform.capabilities, everything, findings=tuple(unread))


async def gather_both(
    source: Platform,
    destination: Platform,
    *,
    known: Collection[str] = (),
    on_page: OnPage = lambda _place, _count: None,
) -> tuple[Inventory, Inventory]:
    """Return both inventories; the first failure stops the other reading."""
    shared = Shared()
    one, other = await together(
        gather(source, shared=shared, on_page=on_page),
        gather(destination, known=known, shared=shared, on_page=on_page),
    )
    return one, other
