"""Filling vector stores: batches of any size, indexing that takes its time, failures by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import understudy
from command import DESTINATION, MODEL, SOURCE, surroundings
from mirrored import Mirror
from pieces import Pieces
from understudy import Identity, KnowledgeOptions, Memory, Report, RetryPolicy, Status
from understudy.errors import LostAnswerError, PlaceError, RejectedError
from understudy.model.knowledge import File, StoreFile
from understudy.platforms.knowledge import KnowledgeTraits
from understudy.platforms.memory_knowledge import MemoryKnowledge
from understudy.replicate.events import Event, Indexing, StoreDone
from understudy.sandbox import Fault, Sandbox

FAST = RetryPolicy(attempts=3, base=0.001, longest=0.002, patience=1.0)
BOTH = KnowledgeOptions(file_search=True, code_interpreter=True)


class Shop(MemoryKnowledge):
    """Takes so many files at once, none with attributes in a batch, or refuses all."""

    def __init__(self, *, most: int = 2_000, alone: bool = False, says: str = "") -> None:
        super().__init__("shop")
        self.most, self.alone, self.says = most, alone, says
        self.batches: list[int] = []
        self.singles = 0

    async def attach_many(self, store_id: str, files: Sequence[StoreFile]) -> None:
        self.batches.append(len(files))
        if self.says:
            raise RejectedError("Not today.", code=self.says)
        if self.alone:
            raise RejectedError("Unknown parameter: 'files'.", code="unknown_parameter")
        if len(files) > self.most:
            raise RejectedError("Array too long.", code="array_above_max_length")
        await super().attach_many(store_id, files)

    async def attach(self, store_id: str, file: StoreFile) -> None:
        self.singles += 1
        await MemoryKnowledge.attach_many(self, store_id, [file])


def place(knowledge: MemoryKnowledge) -> Memory:
    made = Memory(name="shop")
    made._knowledge = knowledge
    return made


async def library(count: int, stores: int = 1) -> Memory:
    """A source with assistants that lean on a store each, all with so many files."""
    source = Memory(name="library")
    knowledge = source.knowledge
    for number in range(stores):
        store = await knowledge.create_store({"name": f"Store {number}"})
        for one in range(count):
            made = await knowledge.upload(f"{number}-{one}.txt", Pieces(b"x"))
            await knowledge.attach(store.id, StoreFile(made.id, {"n": one}))
        resources = {"file_search": {"vector_store_ids": [store.id]}}
        await source.create({"name": f"A{number}", "model": MODEL, "tool_resources": resources})
    return source


async def clone(source: Memory, shop: MemoryKnowledge, **options: Any) -> Report:
    options = {"knowledge": BOTH, "settle": 0.0, **options}
    return await understudy.clone(source, options.pop("to", None) or place(shop), **options)


async def held(shop: MemoryKnowledge) -> dict[str, int]:
    """Return how many files each store has, by its name."""
    found = {}
    for store in (await shop.list_stores()).items:
        found[store.name] = store.count("total")
    return found


@pytest.mark.parametrize("most", [1, 2, 3, 5, 16, 17, 100])
async def test_batches_are_halved_until_they_are_taken(most: int) -> None:
    shop = Shop(most=most)
    report = await clone(await library(17), shop)
    assert report.exit_code == 0
    assert await held(shop) == {"Store 0": 17}
    taken = [size for size in shop.batches if size <= most]
    assert sum(taken) == 17
    refused = [size for size in shop.batches if size > most]
    assert refused == sorted(set(refused), reverse=True)


async def test_what_one_store_learnt_of_batches_the_next_one_knows() -> None:
    shop = Shop(most=4)
    report = await clone(await library(8, stores=3), shop, concurrency=1)
    assert report.exit_code == 0
    assert sum(size > 4 for size in shop.batches) == 1
    assert set((await held(shop)).values()) == {8}


async def test_a_place_that_takes_not_even_one_says_so_and_no_loop_is_endless() -> None:
    report = await clone(await library(9), Shop(most=0))
    (store,) = report.result.stores
    assert (store.status, store.error) == (Status.FAILED, "Array too long.")
    assert report.exit_code == 3


async def test_where_batches_know_no_attributes_files_are_attached_one_by_one() -> None:
    shop = Shop(alone=True)
    destination = place(shop)
    report = await clone(await library(5), shop, to=destination)
    assert report.exit_code == 0
    assert shop.singles == 5
    ((store, *_),) = [(await shop.list_stores()).items]
    inside = (await shop.list_store_files(store.id)).items
    assert sorted(str(f.attributes["n"]) for f in inside) == list("01234")


async def test_a_refusal_costs_this_store_only_and_the_next_run_completes_it() -> None:
    source, shop = await library(2, stores=2), Shop(says="forbidden_word")
    destination = place(shop)
    report = await clone(source, shop, to=destination)
    assert [s.error for s in report.result.stores] == ["Not today."] * 2
    assert [o.status for o in report.outcomes] == [Status.PARTIAL] * 2
    assert [s.files for s in report.result.stores] == [0, 0], "nothing is in them"
    shop.says = ""
    report = await clone(source, shop, to=destination)
    assert report.exit_code == 0
    assert await held(shop) == {"Store 0": 2, "Store 1": 2}


@pytest.mark.parametrize("identity", list(Identity))
@pytest.mark.parametrize("error", [RejectedError("No."), LostAnswerError("Broke.")])
async def test_a_store_that_was_made_is_never_made_again_whatever_followed(
    tmp_path: Path, identity: Identity, error: PlaceError
) -> None:
    class Breaking(Shop):
        broken = True

        async def attach_many(self, store_id: str, files: Sequence[StoreFile]) -> None:
            if self.broken:
                raise error
            await super().attach_many(store_id, files)

    source, shop = await library(2), Breaking()
    destination = place(shop)
    options: dict[str, Any] = {"identity": identity, "output_dir": tmp_path, "to": destination}
    report = await clone(source, shop, **options)
    (store,) = report.result.stores
    assert store.status is Status.FAILED
    assert store.destination_id
    shop.broken = False
    report = await clone(source, shop, **options)
    assert report.exit_code == 0
    assert report.result.stores[0].destination_id == store.destination_id
    assert await held(shop) == {"Store 0": 2}


class Slow(Shop):
    """Indexes for so many looks; then some have failed."""

    def __init__(self, looks: int, failing: Sequence[str] = ()) -> None:
        super().__init__()
        self.looks, self.failing = looks, failing

    @property
    def traits(self) -> KnowledgeTraits:
        return KnowledgeTraits(super().traits.limits, texts=True, indexes=True)

    async def _names(self) -> dict[str, str]:
        return {f.id: f.name for f in (await self.list_files()).items}

    async def retrieve_store(self, store_id: str) -> Any:
        store = await super().retrieve_store(store_id)
        self.looks -= 1
        counts = dict(store.raw["file_counts"])
        if self.looks > 0:
            counts["in_progress"] = counts["total"]
        else:
            counts["failed"] = len(self.failing)
        return type(store)(store.id, {**store.raw, "file_counts": counts})

    async def list_store_files(
        self, store_id: str, *, after: str | None = None, newest_first: bool = False
    ) -> Any:
        page = await super().list_store_files(store_id, after=after, newest_first=newest_first)
        names = await self._names()
        items = tuple(
            StoreFile(f.file_id, f.attributes, f.chunking, "failed", "bad", "No words in it.")
            if names[f.file_id] in self.failing and self.looks <= 0
            else f
            for f in page.items
        )
        return type(page)(items, page.after)


async def test_indexing_is_awaited_and_told_of() -> None:
    events: list[Event] = []
    report = await clone(await library(3), Slow(3), listener=events.append)
    assert report.exit_code == 0
    told = [(e.done, e.total) for e in events if isinstance(e, Indexing)]
    assert told == [(0, 3), (0, 3), (3, 3)]
    assert sum(isinstance(e, StoreDone) for e in events) == 1


async def test_failures_are_named_with_the_providers_reason_and_stay_said() -> None:
    source, shop = await library(3), Slow(2, failing=["0-1.txt"])
    destination = place(shop)
    for _ in range(2):
        report = await clone(source, shop, to=destination)
        (outcome,) = report.outcomes
        assert outcome.status is Status.PARTIAL
        (lack,) = outcome.lacks
        assert (lack.name, lack.reason) == ("0-1.txt", "not searchable: No words in it.")
        assert report.exit_code == 3


async def test_indexing_is_not_awaited_for_ever() -> None:
    began = time.monotonic()
    options = KnowledgeOptions(file_search=True, index_seconds=0.2)
    report = await clone(await library(2), Slow(10_000), knowledge=options)
    assert time.monotonic() - began < 2
    (store,) = report.result.stores
    assert store.error.startswith("It is still being indexed after 0 s (0 of 2 files)")
    assert store.status is Status.CREATED
    assert report.outcomes[0].status is Status.PARTIAL


async def test_other_work_goes_on_while_one_store_is_being_indexed() -> None:
    """A slot is held for writing only."""
    source, shop = await library(1, stores=6), Slow(20)
    began = time.monotonic()
    report = await clone(source, shop, concurrency=1)
    assert report.exit_code == 0
    assert time.monotonic() - began < 3


async def test_a_stop_during_indexing_ends_the_wait() -> None:
    stop = asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, Indexing):
            stop.set()

    began = time.monotonic()
    report = await clone(await library(1), Slow(10_000), stop=stop, listener=listen)
    assert time.monotonic() - began < 2
    assert report.exit_code == 130
    (store,) = report.result.stores
    assert store.destination_id
    assert "stopped" in store.error


async def test_a_store_of_which_no_file_arrived_is_not_made() -> None:
    class Closed(Shop):
        async def upload(self, name: str, content: Any, *, purpose: str = "assistants") -> File:
            raise RejectedError("The disk is full.")

    shop = Closed()
    report = await clone(await library(2), shop)
    (store,) = report.result.stores
    assert (store.status, store.destination_id) == (Status.FAILED, None)
    assert "none of its files arrived" in store.error
    assert await held(shop) == {}


async def test_stores_that_are_equal_and_unmarked_are_told_apart(tmp_path: Path) -> None:
    """Without markers the fields are the identity: equal creates go one after the other."""
    async with Sandbox(purpose_rule=False) as sandbox:
        project = sandbox.project(SOURCE)
        for number in range(3):
            one = project.put_file(f"{number}.txt", b"x")["id"]
            store = project.put_store(name="Same", files=[one])["id"]
            resources = {"file_search": {"vector_store_ids": [store]}}
            project.add(name=f"A{number}", model=MODEL, tool_resources=resources)
        sandbox.faults = [Fault("drop-after", "stores.create", nth=2)]
        report = await understudy.clone(
            "src",
            "dst",
            settings=understudy.load_settings(surroundings(sandbox.base_url, tmp_path), tmp_path),
            identity=Identity.MAPPING,
            knowledge=BOTH,
            retry=FAST,
            settle=3.0,
            output_dir=tmp_path / "out",
        )
        assert report.exit_code == 0
        Mirror(project, sandbox.project(DESTINATION), marked=False).check()
