"""Carrying knowledge: each assistant as soon as its own is there; no surprise costs the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import understudy
from command import MODEL
from pieces import Pieces
from understudy import FileStatus, KnowledgeOptions, Memory, Report, Status
from understudy.errors import OutputError, RejectedError
from understudy.model.assistant import Assistant
from understudy.model.knowledge import File, StoreFile
from understudy.platforms.knowledge import Content
from understudy.replicate.events import ChangeDone, Event, FileDone, StoreDone

BOTH = KnowledgeOptions(file_search=True, code_interpreter=True)


class Place(Memory):
    """Uploads whose names are in `trouble` raise that; those in `slow` wait to be let go."""

    def __init__(self, trouble: Mapping[str, Exception] | None = None, slow: str = "") -> None:
        super().__init__(name="place")
        self.trouble, self.slow, self.go = trouble or {}, slow, asyncio.Event()
        self.uploads: list[str] = []
        really = self.knowledge.upload

        async def upload(name: str, content: Content, *, purpose: str = "assistants") -> File:
            self.uploads.append(name)
            if name in self.trouble:
                raise self.trouble[name]
            if name == self.slow:
                await asyncio.wait_for(self.go.wait(), 10)
            return await really(name, content, purpose=purpose)

        self.knowledge.upload = upload  # type: ignore[method-assign]

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        made = await super().create(payload)
        self.go.set()
        return made


async def library(**files: list[str]) -> Memory:
    """A source whose assistants lean on files of these names; equal names are one file."""
    source, ids = Memory(name="library"), dict[str, str]()
    for assistant, names in files.items():
        for name in names:
            if name not in ids:
                ids[name] = (await source.knowledge.upload(name, Pieces(name.encode()))).id
        await source.create(
            {
                "name": assistant,
                "model": MODEL,
                "tool_resources": {"code_interpreter": {"file_ids": [ids[n] for n in names]}},
            }
        )
    return source


async def clone(source: Memory, place: Memory, **options: Any) -> Report:
    options = {"knowledge": BOTH, "settle": 0.0, **options}
    return await understudy.clone(source, place, **options)


async def test_an_assistant_does_not_wait_for_the_files_of_others() -> None:
    """The slow file is let go by the creation of the quick assistant."""
    place = Place(slow="slow.bin")
    report = await clone(await library(late=["slow.bin"], quick=["quick.txt"]), place)
    assert report.exit_code == 0
    assert [a.name for a in (await place.list_page()).assistants] == ["quick", "late"]


async def test_a_shared_file_is_moved_once_for_all() -> None:
    place = Place()
    shared = {f"a{n}": ["one.txt", f"{n}.txt"] for n in range(20)}
    report = await clone(await library(**shared), place)
    assert report.exit_code == 0
    assert sorted(place.uploads) == sorted(["one.txt", *(f"{n}.txt" for n in range(20))])


async def test_a_surprise_with_one_file_costs_its_own_users_only() -> None:
    place = Place({"bad.txt": ZeroDivisionError("oops"), "no.txt": RejectedError("Not this one.")})
    source = await library(hit=["bad.txt", "good.txt"], refused=["no.txt"], fine=["good.txt"])
    report = await clone(source, place)
    assert [o.status for o in report.outcomes] == [Status.PARTIAL, Status.PARTIAL, Status.CREATED]
    reasons = {f.name: f.reason for f in report.result.files}
    assert "ZeroDivisionError" in reasons["bad.txt"]
    assert reasons["no.txt"] == "Not this one."
    (lack,) = report.outcomes[0].lacks
    assert lack.name == "bad.txt"
    assert report.exit_code == 3
    place.trouble = {}
    again = await clone(source, place)
    assert again.exit_code == 0
    assert [f.name for f in again.result.files if f.status is FileStatus.MOVED] == [
        "bad.txt",
        "no.txt",
    ]


async def test_what_must_fail_for_all_ends_the_run_and_everything_is_accounted_for() -> None:
    place = Place({"a.txt": OutputError("No room on the disk.")})
    source = await library(a=["a.txt"], b=["b.txt"], c=["c.txt"])
    report = await clone(source, place, concurrency=1)
    assert isinstance(report.result.stopped_by, OutputError)
    assert [f.status for f in report.result.files] == [
        FileStatus.FAILED,
        FileStatus.SKIPPED,
        FileStatus.SKIPPED,
    ]
    assert {o.status for o in report.outcomes} == {Status.SKIPPED}
    assert report.exit_code == 1
    assert (await place.list_page()).assistants == ()


async def test_with_require_an_assistant_whose_file_does_not_arrive_is_not_written() -> None:
    options = KnowledgeOptions(code_interpreter=True, require=True)
    place = Place({"bad.txt": RejectedError("Not this one.")})
    source = await library(hit=["bad.txt"], fine=["good.txt"])
    report = await clone(source, place, knowledge=options)
    assert [o.status for o in report.outcomes] == [Status.FAILED, Status.CREATED]
    assert "It would lack bad.txt" in report.outcomes[0].error
    assert [a.name for a in (await place.list_page()).assistants] == ["fine"]


async def test_everything_that_moves_is_told_of_once() -> None:
    events: list[Event] = []
    source = await library(a=["1.txt", "2.txt"])
    store = await source.knowledge.create_store({"name": "S"})
    for file in (await source.knowledge.list_files()).items:
        await source.knowledge.attach(store.id, StoreFile(file.id))
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    await source.create({"name": "b", "model": MODEL, "tool_resources": resources})
    place = Place()
    await clone(source, place, listener=events.append)
    kinds = [type(event) for event in events]
    assert [kinds.count(kind) for kind in (FileDone, StoreDone, ChangeDone)] == [2, 1, 2]
    events.clear()
    await clone(source, place, listener=events.append)
    kinds = [type(event) for event in events]
    assert [kinds.count(kind) for kind in (FileDone, StoreDone, ChangeDone)] == [0, 0, 0]


async def test_clones_within_a_place_share_its_knowledge_even_what_is_not_searchable() -> None:
    source = await library(a=["1.txt"])
    store = await source.knowledge.create_store({"name": "S"})
    (file,) = (await source.knowledge.list_files()).items
    await source.knowledge.attach(store.id, StoreFile(file.id))
    members = source.knowledge._members[store.id]
    members[file.id] = StoreFile(file.id, status="failed", error="No words in it.")
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    await source.create({"name": "b", "model": MODEL, "tool_resources": resources})
    report = await clone(source, source, allow_same=True)
    assert report.exit_code == 0
    assert [o.status for o in report.outcomes] == [Status.CREATED] * 2
    copies = (await source.list_page()).assistants[2:]
    assert copies[1].raw["tool_resources"] == resources
