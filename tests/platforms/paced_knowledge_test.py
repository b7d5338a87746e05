"""Retry and pacing around knowledge that is told what to answer."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pieces import Bucket, Pieces
from understudy.errors import (
    BusyError,
    LostAnswerError,
    PlaceError,
    RejectedError,
    UnreachableError,
)
from understudy.model.knowledge import File, StoreFile
from understudy.platforms.knowledge import Knowledge, KnowledgeTraits, Sink
from understudy.platforms.limiter import Limiter
from understudy.platforms.memory import Memory
from understudy.platforms.memory_knowledge import MemoryKnowledge
from understudy.platforms.pacing import Paced, RetryPolicy
from virtual_time import now, run

POLICY = RetryPolicy(attempts=4, base=1.0, longest=8.0, patience=100.0)
CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "list_files": lambda k: k.list_files(after="a"),
    "retrieve_file": lambda k: k.retrieve_file("f"),
    "downloadable": lambda k: k.downloadable("f"),
    "download": lambda k: k.download("f", Bucket(), size=3),
    "upload": lambda k: k.upload("n", Pieces(b"x"), purpose="p"),
    "begin_upload": lambda k: k.begin_upload("n", 1, purpose="p"),
    "upload_part": lambda k: k.upload_part("u", Pieces(b"x"), 0, 1),
    "finish_upload": lambda k: k.finish_upload("u", ["p"]),
    "cancel_upload": lambda k: k.cancel_upload("u"),
    "delete_file": lambda k: k.delete_file("f"),
    "list_stores": lambda k: k.list_stores(after="a"),
    "retrieve_store": lambda k: k.retrieve_store("s"),
    "create_store": lambda k: k.create_store({"name": "n"}),
    "update_store": lambda k: k.update_store("s", {"name": "n"}),
    "delete_store": lambda k: k.delete_store("s"),
    "list_store_files": lambda k: k.list_store_files("s", after="a", newest_first=True),
    "attach": lambda k: k.attach("s", StoreFile("f")),
    "attach_many": lambda k: k.attach_many("s", [StoreFile("f")]),
    "update_attributes": lambda k: k.update_attributes("s", "f", {"a": 1}),
    "detach": lambda k: k.detach("s", "f"),
    "text_page": lambda k: k.text_page("s", "f", after="a"),
    "create_container": lambda k: k.create_container("n", ["f"]),
    "list_container_files": lambda k: k.list_container_files("c", after="a"),
    "download_from_container": lambda k: k.download_from_container("c", "f", Bucket(), size=3),
    "delete_container": lambda k: k.delete_container("c"),
}
ONCE = {"upload", "finish_upload", "create_store", "create_container"}


class Scripted:
    """Knowledge that fails as it is told, and notes what it was asked for and when."""

    traits = KnowledgeTraits()

    def __init__(self, *failures: PlaceError) -> None:
        self.failures = list(failures)
        self.asked: list[tuple[float, str, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[str]]:
        async def method(*args: Any, **named: Any) -> str:
            self.asked.append((now(), name, (args, named)))
            if self.failures:
                raise self.failures.pop(0)
            return "answer"

        return method


class Holding(Memory):
    """A place with other knowledge than its own."""

    def __init__(self, knowledge: Any) -> None:
        super().__init__()
        self._other = knowledge

    @property
    def knowledge(self) -> Any:
        return self._other


def call(name: str, *failures: PlaceError) -> tuple[Any, Scripted]:
    """Return the answer or the error of one call, and what it led to."""
    inner = Scripted(*failures)

    async def main() -> Any:
        knowledge = Paced(Holding(inner), Limiter(clock=now), policy=POLICY).knowledge
        try:
            return await CALLS[name](knowledge)
        except PlaceError as error:
            return error

    return run(main()), inner


def test_every_call_of_the_contract_is_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Knowledge, inspect.iscoroutinefunction)}
    assert set(CALLS) == methods


@pytest.mark.parametrize("name", CALLS)
def test_calls_arrive_as_they_were_made(name: str) -> None:
    direct = Scripted()
    run(_made(name, direct))
    answer, inner = call(name)
    assert answer in ("answer", None)
    assert len(inner.asked) == len(direct.asked) == 1
    (_, _, (args, named)), (_, _, (wanted_args, wanted_named)) = inner.asked[0], direct.asked[0]
    assert inner.asked[0][1] == name
    assert [_plain(a) for a in args] == [_plain(a) for a in wanted_args]
    assert named == wanted_named


async def _made(name: str, knowledge: Scripted) -> None:
    await CALLS[name](knowledge)


def _plain(value: Any) -> Any:
    return type(value) if isinstance(value, Bucket | Pieces) else value


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("error", [UnreachableError("nobody"), BusyError("busy")])
def test_what_was_certainly_not_carried_out_is_repeated(name: str, error: PlaceError) -> None:
    answer, inner = call(name, error, error, error)
    assert not isinstance(answer, PlaceError)
    assert len(inner.asked) == 4


@pytest.mark.parametrize("name", CALLS)
def test_only_what_may_be_repeated_is_repeated_when_nobody_knows(name: str) -> None:
    lost = LostAnswerError("lost")
    answer, inner = call(name, lost)
    assert (answer is lost) == (name in ONCE)
    assert len(inner.asked) == (1 if name in ONCE else 2)


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_is_not_repeated(name: str) -> None:
    refusal = RejectedError("no")
    answer, inner = call(name, refusal)
    assert answer is refusal
    assert len(inner.asked) == 1


def test_a_download_that_is_repeated_begins_anew() -> None:
    class Breaking(MemoryKnowledge):
        broken = 0

        async def download(self, file_id: str, sink: Sink, *, size: int | None = None) -> None:
            await super().download(file_id, sink, size=size)
            if self.broken < 2:
                self.broken += 1
                raise LostAnswerError("broke off")

    inner = Breaking("memory")

    async def main() -> tuple[bytes, int]:
        knowledge = Paced(Holding(inner), Limiter(clock=now), policy=POLICY).knowledge
        assert knowledge is not None
        made = await knowledge.upload("a.txt", Pieces(b"hello"))
        bucket = Bucket()
        await knowledge.download(made.id, bucket)
        return bucket.data, bucket.restarts

    assert run(main()) == (b"hello", 3)


def test_an_upload_that_is_repeated_is_read_again() -> None:
    class Busy(MemoryKnowledge):
        refused = False

        async def upload(self, name: str, content: Any, *, purpose: str = "assistants") -> File:
            made = await super().upload(name, content, purpose=purpose)
            if not self.refused:
                self.refused = True
                await self.delete_file(made.id)
                raise BusyError("busy", retry_after=1)
            return made

    content = Pieces(b"hello")

    async def main() -> File:
        knowledge = Paced(Holding(Busy("m")), Limiter(clock=now), policy=POLICY).knowledge
        assert knowledge is not None
        return await knowledge.upload("a.txt", content)

    assert run(main()).bytes == 5
    assert content.reads == 2


def test_knowledge_and_assistants_wait_for_each_other() -> None:
    inner = Scripted(BusyError("busy", retry_after=5))

    async def main() -> float:
        paced = Paced(Holding(inner), Limiter(clock=now), policy=POLICY)
        assert paced.knowledge is not None
        asked = asyncio.ensure_future(paced.knowledge.list_files())
        await asyncio.sleep(1)
        await paced.list_page()
        waited = now()
        await asked
        return waited

    assert run(main()) >= 5


def test_the_unstoppable_form_has_unstoppable_knowledge() -> None:
    inner = Scripted(BusyError("busy", retry_after=3))

    async def main() -> None:
        stop = asyncio.Event()
        stop.set()
        paced = Paced(Holding(inner), Limiter(stop=stop, clock=now), policy=POLICY)
        assert paced.knowledge is not None
        finisher = paced.unstoppable()
        assert finisher.knowledge is finisher.knowledge is not paced.knowledge
        assert finisher.knowledge is not None
        await finisher.knowledge.detach("s", "f")

    run(main())
    assert [at for at, _, _ in inner.asked] == [0, pytest.approx(3)]


def test_a_place_without_knowledge_has_none_when_it_is_paced() -> None:
    paced = Paced(Holding(None), Limiter())
    assert paced.knowledge is None
    assert paced.unstoppable().knowledge is None
    full = Paced(Memory(), Limiter())
    assert full.knowledge is full.knowledge
    assert full.knowledge is not None
    assert full.knowledge.traits.texts
