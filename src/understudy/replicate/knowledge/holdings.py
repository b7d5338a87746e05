"""Reading the knowledge of a place: lists first, single requests only for what they lack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from understudy.errors import LostAnswerError, MissingError
from understudy.model.canonical import digest
from understudy.model.knowledge import STORE_FIELDS, File, Store, StoreFile
from understudy.platforms.knowledge import Knowledge, StoreFilePage

#: How often a listing begins again because the place changes under it.
_RESTARTS = 5

#: Requests in flight together.
_AT_ONCE = 8

#: Files from which a store is read from both ends.
_MANY = 300

#: Called with a number of things that were read, for displays.
OnRead = Callable[[int], None]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


class _Page(Protocol[T_co]):
    @property
    def items(self) -> tuple[T_co, ...]: ...

    @property
    def after(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a place holds of knowledge, as far as it was asked for.

    `contents` are the files of each store that was looked into, oldest first. `unreadable` are
    stores whose contents could not be listed, with the reason; `absent` says why something is in
    none of them.
    """

    files: Mapping[str, File] = field(default_factory=dict)
    stores: Mapping[str, Store] = field(default_factory=dict)
    contents: Mapping[str, tuple[StoreFile, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    absent: str = "it is not in the source any more"

    def state(self, files: Iterable[str], stores: Iterable[str]) -> dict[str, str]:
        """Return a fingerprint for each of these ids that is there."""
        found = {}
        for one in files:
            if (file := self.files.get(one)) is not None:
                found[one] = digest([file.name, file.bytes, file.sha256])[:32]
        for one in stores:
            if (store := self.stores.get(one)) is not None:
                inside = [
                    [f.file_id, dict(f.attributes), dict(f.chunking or {})]
                    for f in sorted(self.contents.get(one, ()), key=lambda f: f.file_id)
                ]
                fields = {name: store.raw.get(name) for name in STORE_FIELDS}
                found[one] = digest([fields, inside])[:32]
        return found


async def source_holdings(
    knowledge: Knowledge,
    *,
    stores: Collection[str],
    files: Collection[str],
    everything: bool,
    on_read: OnRead = lambda _: None,
) -> Holdings:
    """Return these stores with their contents, and all files in them and in `files`.

    With `everything`, lists are read; otherwise each store is asked for by its id. What is not
    there is not in the result; other files are, since one that looks alike tells against guessing.
    """
    found: dict[str, Store] = {}
    if stores and everything:
        found = {s.id: s for s in await _every(knowledge.list_stores, _id, on_read)}
    missing = [one for one in stores if one not in found]
    for store in await _each(missing, lambda one: _if_there(knowledge.retrieve_store(one))):
        if store is not None:
            found[store.id] = store
    wanted = {one: found[one] for one in stores if one in found}
    contents, unreadable = await _contents(knowledge, wanted, on_read)
    needed = dict.fromkeys(files)
    for inside in contents.values():
        needed.update(dict.fromkeys(f.file_id for f in inside))
    held = await _files(knowledge, needed, on_read) if needed else {}
    return Holdings(held, wanted, contents, unreadable)


async def destination_holdings(
    knowledge: Knowledge,
    *,
    relevant: Callable[[Store], bool],
    known_stores: Collection[str] = (),
    known_files: Collection[str] = (),
    on_read: OnRead = lambda _: None,
) -> Holdings:
    """Return all stores and files, and the contents of the stores that are `relevant`.

    The known ones must be there as far as anybody remembers: those that no list shows are asked
    for one by one, because lists can lag behind creates.
    """
    listed_stores, listed_files = await asyncio.gather(
        _every(knowledge.list_stores, _id, on_read), _every(knowledge.list_files, _id, on_read)
    )
    stores = {s.id: s for s in listed_stores}
    files = {f.id: f for f in listed_files}
    unseen = [one for one in known_stores if one not in stores]
    for late in await _each(unseen, lambda one: _if_there(knowledge.retrieve_store(one))):
        if late is not None:
            stores[late.id] = late
    wanted = {one: store for one, store in stores.items() if relevant(store)}
    contents, unreadable = await _contents(knowledge, wanted, on_read)
    attached = {f.file_id for inside in contents.values() for f in inside}
    absent = [one for one in {*attached, *known_files} if one not in files]
    for file in await _each(absent, lambda one: _if_there(knowledge.retrieve_file(one))):
        if file is not None:
            files[file.id] = file
    return Holdings(files, stores, contents, unreadable)


async def contents_of(
    knowledge: Knowledge, store_id: str, *, total: int = 0
) -> tuple[StoreFile, ...]:
    """Return the files of one store, oldest first; raises PlaceError.

    A store that has many, as `total` says, is read from both ends at once.
    """

    def page(after: str | None, newest_first: bool = False) -> Awaitable[StoreFilePage]:
        return knowledge.list_store_files(store_id, after=after, newest_first=newest_first)

    if total >= _MANY and (found := await _from_both_ends(page, total)) is not None:
        return found
    return await _every(page, lambda f: f.file_id, lambda _: None, positional=True)


async def _from_both_ends(
    page: Callable[[str | None, bool], Awaitable[StoreFilePage]], total: int
) -> tuple[StoreFile, ...] | None:
    """Return what both ends found once they met, None when that is not all there should be.

    Pages follow each other, so from one end alone a large store takes twice as long.
    """
    oldest: dict[str, StoreFile] = {}
    newest: dict[str, StoreFile] = {}

    async def read(mine: dict[str, StoreFile], other: dict[str, StoreFile], *, back: bool) -> None:
        after: str | None = None
        while True:
            got = await page(after, back)
            fresh = [f for f in got.items if f.file_id not in mine]
            met = any(f.file_id in other for f in fresh)
            mine.update((f.file_id, f) for f in fresh)
            after = got.after
            if after is None or met or not fresh:
                return

    try:
        await asyncio.gather(read(oldest, newest, back=False), read(newest, oldest, back=True))
    except MissingError:  # what a page ended with was taken out meanwhile
        return None
    rest = [f for f in reversed(newest.values()) if f.file_id not in oldest]
    found = (*oldest.values(), *rest)
    # A place that lists in one order only meets itself at once.
    return found if len(found) == total else None


async def _contents(
    knowledge: Knowledge, stores: Mapping[str, Store], on_read: OnRead
) -> tuple[dict[str, tuple[StoreFile, ...]], dict[str, str]]:
    """Return the contents of each store; of an expired one what it still shows."""
    unreadable: dict[str, str] = {}

    async def read(store: Store) -> tuple[str, tuple[StoreFile, ...]] | None:
        try:
            inside = await contents_of(knowledge, store.id, total=store.count("total"))
        except MissingError as error:
            unreadable[store.id] = error.message
            return None
        on_read(len(inside))
        return store.id, inside

    found = await _each(list(stores.values()), read)
    return dict(pair for pair in found if pair is not None), unreadable


async def _files(knowledge: Knowledge, needed: Collection[str], on_read: OnRead) -> dict[str, File]:
    listed = {f.id: f for f in await _every(knowledge.list_files, _id, on_read)}
    absent = [one for one in needed if one not in listed]
    for late in await _each(absent, lambda one: _if_there(knowledge.retrieve_file(one))):
        if late is not None:
            listed[late.id] = late
    return listed


async def _every(
    page: Callable[..., Awaitable[_Page[T]]],
    key: Callable[[T], str],
    on_read: OnRead,
    *,
    positional: bool = False,
) -> tuple[T, ...]:
    """Return all items of a listing, each once; begins again when its last one was deleted."""
    found: dict[str, T] = {}
    after: str | None = None
    restarts = 0
    while True:
        try:
            got = await (page(after) if positional else page(after=after))
        except MissingError:
            if after is None or restarts == _RESTARTS:
                raise
            restarts, after = restarts + 1, None
            found.clear()
            continue
        fresh = [item for item in got.items if key(item) not in found]
        if got.after is not None and not fresh:
            raise LostAnswerError(
                f"A listing repeats itself after {len(found)} items.",
                hint="The server does not page; it cannot be read completely.",
            )
        found.update((key(item), item) for item in fresh)
        on_read(len(fresh))
        if (after := got.after) is None:
            return tuple(found.values())


async def _each(items: Collection[T], ask: Callable[[T], Awaitable[R]]) -> list[R]:
    """Ask about each item, a few at a time, and return the answers in order."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> R:
        async with turns:
            return await ask(item)

    try:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(one(item)) for item in items]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in asked]


async def _if_there(asking: Awaitable[T]) -> T | None:
    try:
        return await asking
    except MissingError:
        return None


def _id(item: Any) -> str:
    found: str = item.id
    return found
