"""Reading the knowledge of a place: lists first, single requests only for what they lack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from understudy.errors import MissingError
from understudy.model.canonical import digest
from understudy.model.knowledge import STORE_FIELDS, File, Store, StoreFile
from understudy.platforms.knowledge import Knowledge
from understudy.replicate.reading import each, every, if_there, together

#: Files from which a store is read from both ends.
_MANY = 300

#: Called with a number of things that were read, for displays.
OnRead = Callable[[int], None]


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
        found = await _all_stores(knowledge, on_read)
    missing = [one for one in stores if one not in found]
    for store in await each(missing, lambda one: if_there(knowledge.retrieve_store(one))):
        if store is not None:
            found[store.id] = store
    wanted = {one: found[one] for one in stores if one in found}
    contents, unreadable = await _contents(knowledge, wanted, on_read)
    needed = dict.fromkeys(files)
    for inside in contents.values():
        needed.update(dict.fromkeys(f.file_id for f in inside))
    held = await _all_files(knowledge, on_read) if needed else {}
    held |= await _asked_for(knowledge, [one for one in needed if one not in held])
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
    stores, files = await together(_all_stores(knowledge, on_read), _all_files(knowledge, on_read))
    unseen = [one for one in known_stores if one not in stores]
    for late in await each(unseen, lambda one: if_there(knowledge.retrieve_store(one))):
        if late is not None:
            stores[late.id] = late
    wanted = {one: store for one, store in stores.items() if relevant(store)}
    contents, unreadable = await _contents(knowledge, wanted, on_read)
    attached = {f.file_id for inside in contents.values() for f in inside}
    absent = [one for one in {*attached, *known_files} if one not in files]
    files |= await _asked_for(knowledge, absent)
    return Holdings(files, stores, contents, unreadable)


async def contents_of(
    knowledge: Knowledge, store_id: str, *, total: int = 0
) -> tuple[StoreFile, ...]:
    """Return the files of one store, oldest first; raises PlaceError.

    A store that has many, as `total` says, is read from both ends at once.
    """

    async def page(
        after: str | None, newest_first: bool = False
    ) -> tuple[Sequence[StoreFile], str | None]:
        got = await knowledge.list_store_files(store_id, after=after, newest_first=newest_first)
        return got.items, got.after

    if total >= _MANY and (found := await _from_both_ends(page, total)) is not None:
        return found
    inside = await every(page, attrgetter("file_id"), what="files in a vector store")
    return tuple(inside.values())


async def _from_both_ends(
    page: Callable[[str | None, bool], Awaitable[tuple[Sequence[StoreFile], str | None]]],
    total: int,
) -> tuple[StoreFile, ...] | None:
    """Return what both ends found once they met, None when that is not all there should be.

    Pages follow each other, so from one end alone a large store takes twice as long.
    """
    oldest: dict[str, StoreFile] = {}
    newest: dict[str, StoreFile] = {}

    async def read(mine: dict[str, StoreFile], other: dict[str, StoreFile], *, back: bool) -> None:
        after: str | None = None
        while True:
            items, after = await page(after, back)
            fresh = [f for f in items if f.file_id not in mine]
            met = any(f.file_id in other for f in fresh)
            mine.update((f.file_id, f) for f in fresh)
            if after is None or met or not fresh:
                return

    try:
        await together(read(oldest, newest, back=False), read(newest, oldest, back=True))
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

    found = await each(list(stores.values()), read)
    return dict(pair for pair in found if pair is not None), unreadable


async def _all_stores(knowledge: Knowledge, on_read: OnRead) -> dict[str, Store]:
    async def page(after: str | None) -> tuple[Sequence[Store], str | None]:
        got = await knowledge.list_stores(after=after)
        on_read(len(got.items))
        return got.items, got.after

    return await every(page, attrgetter("id"), what="vector stores")


async def _all_files(knowledge: Knowledge, on_read: OnRead) -> dict[str, File]:
    async def page(after: str | None) -> tuple[Sequence[File], str | None]:
        got = await knowledge.list_files(after=after)
        on_read(len(got.items))
        return got.items, got.after

    return await every(page, attrgetter("id"), what="files")


async def _asked_for(knowledge: Knowledge, absent: Collection[str]) -> dict[str, File]:
    """Return those of the files that are there although no list shows them."""
    found = await each(absent, lambda one: if_there(knowledge.retrieve_file(one)))
    return {file.id: file for file in found if file is not None}
