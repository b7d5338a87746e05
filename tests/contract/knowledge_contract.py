"""The contract of a place's knowledge, as checks that every adapter must pass.

An adapter's test gives an empty place; what is special about it is tested beside it.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pieces import PIECE, Bucket, Pieces
from understudy.errors import LostAnswerError, MissingError, PlaceError, RejectedError
from understudy.model.knowledge import File, Held, Store, StoreFile
from understudy.platforms.base import Platform
from understudy.platforms.knowledge import Knowledge

STATIC = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 100},
}
STORE: dict[str, Any] = {
    "name": "Handbücher 🙂",
    "expires_after": {"anchor": "last_active_at", "days": 7},
    "metadata": {"team": "north", "emoji 🙂": "ÿ"},
}
NAMES = [
    "Größe 🙂 مساعد.txt",
    "a b;c=d, e.md",
    "100%25.txt",
    "'single'.json",
    ".hidden.txt",
    "x" * 200,
]
SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 3]


def noise(size: int) -> bytes:
    """Return bytes in which a lost, doubled or moved piece shows."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


async def fetched(knowledge: Knowledge, file: File) -> bytes:
    bucket = Bucket()
    await knowledge.download(file.id, bucket, size=file.bytes)
    return bucket.data


async def all_files(knowledge: Knowledge) -> list[File]:
    found: list[File] = []
    after: str | None = None
    while True:
        page = await knowledge.list_files(after=after)
        found += page.items
        if (after := page.after) is None:
            return found


async def all_stores(knowledge: Knowledge) -> list[Store]:
    found: list[Store] = []
    after: str | None = None
    while True:
        page = await knowledge.list_stores(after=after)
        found += page.items
        if (after := page.after) is None:
            return found


async def members(
    knowledge: Knowledge, store: Store, *, newest_first: bool = False
) -> list[StoreFile]:
    found: list[StoreFile] = []
    after: str | None = None
    while True:
        page = await knowledge.list_store_files(store.id, after=after, newest_first=newest_first)
        found += page.items
        if (after := page.after) is None:
            return found


async def uploads(knowledge: Knowledge, count: int) -> list[File]:
    return [await knowledge.upload(f"{n}.txt", Pieces(f"text {n}".encode())) for n in range(count)]


class KnowledgeContract:
    """Inherit, and provide a fixture `place`: an empty place that hands bytes out again."""

    many = 103  # more than a page of anything but files
    parts = True  # takes uploads in parts

    @pytest.fixture
    def knowledge(self, place: Platform) -> Knowledge:
        assert place.knowledge is not None
        return place.knowledge

    async def test_an_empty_place_lists_nothing(self, knowledge: Knowledge) -> None:
        assert await all_files(knowledge) == []
        assert await all_stores(knowledge) == []

    async def test_an_uploaded_file_is_returned_listed_and_retrieved(
        self, knowledge: Knowledge
    ) -> None:
        made = await knowledge.upload("notes.txt", Pieces(b"hello"), purpose="user_data")
        for seen in (made, *await all_files(knowledge), await knowledge.retrieve_file(made.id)):
            assert (seen.id, seen.name, seen.bytes) == (made.id, "notes.txt", 5)
            assert (seen.purpose, seen.held) == ("user_data", Held.WHOLE)
        assert [file.id for file in await all_files(knowledge)] == [made.id]

    @pytest.mark.parametrize("size", SIZES)
    async def test_bytes_come_back_as_they_were(self, knowledge: Knowledge, size: int) -> None:
        content = Pieces(noise(size))
        made = await knowledge.upload("data.bin", content)
        assert made.bytes == size
        assert await fetched(knowledge, made) == content.data

    @pytest.mark.parametrize("name", NAMES)
    async def test_names_come_back_as_they_were(self, knowledge: Knowledge, name: str) -> None:
        made = await knowledge.upload(name, Pieces(b"x"))
        assert (await knowledge.retrieve_file(made.id)).name == name

    async def test_a_download_of_another_size_is_not_taken_for_the_file(
        self, knowledge: Knowledge
    ) -> None:
        made = await knowledge.upload("a.txt", Pieces(b"hello"))
        for size in (0, 4, 6):
            with pytest.raises(LostAnswerError):
                await knowledge.download(made.id, Bucket(), size=size)
        bucket = Bucket()
        await knowledge.download(made.id, bucket)
        assert (bucket.data, bucket.restarts) == (b"hello", 1)

    async def test_it_says_that_bytes_can_be_had(self, knowledge: Knowledge) -> None:
        for size in (0, 3, 3 * PIECE):
            made = await knowledge.upload(f"{size}.txt", Pieces(noise(size)))
            assert await knowledge.downloadable(made.id)

    async def test_every_file_is_listed_exactly_once(self, knowledge: Knowledge) -> None:
        made = await uploads(knowledge, self.many)
        listed = [file.id for file in await all_files(knowledge)]
        assert sorted(listed) == sorted(file.id for file in made)

    async def test_listings_go_on_after_an_id(self, knowledge: Knowledge) -> None:
        files = await uploads(knowledge, 4)
        store = await knowledge.create_store({"name": "S"})
        for number in range(3):
            await knowledge.create_store({"name": f"{number}"})
        await knowledge.attach_many(store.id, [StoreFile(file.id) for file in files])
        order = [file.id for file in await all_files(knowledge)]
        page = await knowledge.list_files(after=order[1])
        assert [file.id for file in page.items] == order[2:]
        stores = [found.id for found in await all_stores(knowledge)]
        rest = await knowledge.list_stores(after=stores[1])
        assert [found.id for found in rest.items] == stores[2:]
        inside = [file.file_id for file in await members(knowledge, store)]
        behind = await knowledge.list_store_files(store.id, after=inside[1])
        assert [file.file_id for file in behind.items] == inside[2:]

    async def test_deleting_a_file_takes_it_out_of_stores_and_may_be_repeated(
        self, knowledge: Knowledge
    ) -> None:
        keep, drop = await uploads(knowledge, 2)
        store = await knowledge.create_store({"name": "S"})
        await knowledge.attach_many(store.id, [StoreFile(keep.id), StoreFile(drop.id)])
        await knowledge.delete_file(drop.id)
        await knowledge.delete_file(drop.id)
        assert [file.id for file in await all_files(knowledge)] == [keep.id]
        assert [file.file_id for file in await members(knowledge, store)] == [keep.id]
        assert await fetched(knowledge, keep) == b"text 0"

    async def test_an_unknown_file_is_missing(self, knowledge: Knowledge) -> None:
        store = await knowledge.create_store({"name": "S"})
        for file_id in ("file-that-never-was", ".", ".."):
            for call in (
                knowledge.retrieve_file(file_id),
                knowledge.downloadable(file_id),
                knowledge.download(file_id, Bucket()),
                knowledge.update_attributes(store.id, file_id, {"a": "b"}),
            ):
                with pytest.raises(MissingError):
                    await call
        with pytest.raises(PlaceError):
            await knowledge.attach(store.id, StoreFile("file-that-never-was"))

    async def test_a_created_store_is_returned_listed_and_retrieved(
        self, knowledge: Knowledge
    ) -> None:
        fields = copy.deepcopy({**STORE, "description": None})
        made = await knowledge.create_store(fields)
        assert fields == {**STORE, "description": None}
        for seen in (made, *await all_stores(knowledge), await knowledge.retrieve_store(made.id)):
            assert seen.id == made.id
            assert {key: seen.raw.get(key) for key in STORE} == STORE
            assert (seen.count("total"), seen.expired) == (0, False)

    async def test_a_store_may_be_nameless(self, knowledge: Knowledge) -> None:
        made = [await knowledge.create_store(fields) for fields in ({}, {"name": None}, {})]
        assert len({store.id for store in made}) == 3
        assert all(not store.name for store in await all_stores(knowledge))

    async def test_every_store_is_listed_exactly_once(self, knowledge: Knowledge) -> None:
        made = [(await knowledge.create_store({"name": "Twin"})).id for _ in range(self.many)]
        assert sorted(store.id for store in await all_stores(knowledge)) == sorted(made)

    async def test_updating_a_store_changes_the_given_fields_alone(
        self, knowledge: Knowledge
    ) -> None:
        made = await knowledge.create_store(STORE)
        for _ in range(2):
            after = await knowledge.update_store(made.id, {"metadata": {"only": "one"}})
            expected = {**STORE, "metadata": {"only": "one"}}
            for seen in (after, await knowledge.retrieve_store(made.id)):
                assert {key: seen.raw.get(key) for key in STORE} == expected
        after = await knowledge.update_store(made.id, {"expires_after": None, "name": "Other"})
        assert after.name == "Other"
        seen = await knowledge.retrieve_store(made.id)
        assert seen.raw.get("expires_after") is None
        assert seen.metadata == {"only": "one"}

    async def test_deleting_a_store_leaves_its_files_and_may_be_repeated(
        self, knowledge: Knowledge
    ) -> None:
        (file,) = await uploads(knowledge, 1)
        keep, drop = [await knowledge.create_store({"name": name}) for name in "ab"]
        await knowledge.attach(drop.id, StoreFile(file.id))
        await knowledge.delete_store(drop.id)
        await knowledge.delete_store(drop.id)
        assert [store.id for store in await all_stores(knowledge)] == [keep.id]
        assert [found.id for found in await all_files(knowledge)] == [file.id]

    async def test_an_unknown_store_is_missing(self, knowledge: Knowledge) -> None:
        (file,) = await uploads(knowledge, 1)
        for call in (
            knowledge.retrieve_store("vs_never"),
            knowledge.update_store("vs_never", {"name": "x"}),
            knowledge.list_store_files("vs_never"),
            knowledge.attach("vs_never", StoreFile(file.id)),
            knowledge.attach_many("vs_never", [StoreFile(file.id)]),
        ):
            with pytest.raises(MissingError):
                await call
        await knowledge.detach("vs_never", file.id)

    async def test_files_are_attached_with_attributes_and_chunking_and_again_is_fine(
        self, knowledge: Knowledge
    ) -> None:
        one, two = await uploads(knowledge, 2)
        store = await knowledge.create_store({"name": "S"})
        attributes = {"lang": "de", "page": 3, "price": 1.5, "public": True}
        wanted = StoreFile(one.id, attributes, STATIC)
        for _ in range(2):
            await knowledge.attach(store.id, wanted)
            await knowledge.attach_many(store.id, [wanted, StoreFile(two.id)])
        found = {file.file_id: file for file in await members(knowledge, store)}
        assert found.keys() == {one.id, two.id}
        assert found[one.id].attributes == attributes
        assert found[one.id].chunking == STATIC
        assert found[one.id].status == "completed"
        assert found[two.id].attributes == {}
        assert (await knowledge.retrieve_store(store.id)).count("total") == 2

    async def test_every_file_of_a_store_is_listed_exactly_once(self, knowledge: Knowledge) -> None:
        made = await uploads(knowledge, self.many)
        store = await knowledge.create_store({"name": "S"})
        wanted = [StoreFile(file.id, {"n": n}) for n, file in enumerate(made)]
        await knowledge.attach_many(store.id, wanted)
        found = await members(knowledge, store)
        assert sorted((f.file_id, f.attributes["n"]) for f in found) == sorted(
            (f.file_id, f.attributes["n"]) for f in wanted
        )
        newest = await members(knowledge, store, newest_first=True)
        assert [f.file_id for f in newest] == [f.file_id for f in found][::-1]

    async def test_a_batch_that_is_too_large_says_so(self, knowledge: Knowledge) -> None:
        batch = knowledge.traits.limits.batch
        store = await knowledge.create_store({"name": "S"})
        if batch > 200:  # nobody tests how much more it takes
            files = [StoreFile(file.id) for file in await uploads(knowledge, 201)]
            await knowledge.attach_many(store.id, files)
            assert len(await members(knowledge, store)) == 201
            return
        files = [StoreFile(file.id) for file in await uploads(knowledge, batch + 1)]
        with pytest.raises(RejectedError) as caught:
            await knowledge.attach_many(store.id, files)
        assert caught.value.code == "array_above_max_length"
        assert await members(knowledge, store) == []

    async def test_attributes_are_replaced_and_files_detached(self, knowledge: Knowledge) -> None:
        one, two = await uploads(knowledge, 2)
        store = await knowledge.create_store({"name": "S"})
        await knowledge.attach(store.id, StoreFile(one.id, {"a": 1, "b": 2}, STATIC))
        await knowledge.attach(store.id, StoreFile(two.id))
        for _ in range(2):
            await knowledge.update_attributes(store.id, one.id, {"b": "x"})
            await knowledge.detach(store.id, two.id)
        (found,) = await members(knowledge, store)
        assert (found.file_id, found.attributes, found.chunking) == (one.id, {"b": "x"}, STATIC)
        assert len(await all_files(knowledge)) == 2

    async def test_large_files_come_in_parts(self, knowledge: Knowledge) -> None:
        content = Pieces(noise(2 * PIECE + 5))
        if not self.parts:
            with pytest.raises(RejectedError):
                await knowledge.begin_upload("large.txt", content.size)
            await knowledge.cancel_upload("upload_never")
            return
        upload = await knowledge.begin_upload("large.txt", content.size)
        cut = PIECE + 1
        last = await knowledge.upload_part(upload, content, cut, content.size - cut)
        await knowledge.upload_part(upload, content, 0, cut)  # its answer was lost
        first = await knowledge.upload_part(upload, content, 0, cut)
        made = await knowledge.finish_upload(upload, [first, last])
        assert (made.name, made.bytes) == ("large.txt", content.size)
        assert await fetched(knowledge, made) == content.data

    async def test_an_upload_is_cancelled_and_again_is_fine(self, knowledge: Knowledge) -> None:
        if not self.parts:  # there is nothing to cancel, which is fine
            await knowledge.cancel_upload("upload_never")
            return
        upload = await knowledge.begin_upload("large.txt", 10)
        for _ in range(2):
            await knowledge.cancel_upload(upload)
            await knowledge.cancel_upload("upload_never")
        with pytest.raises(PlaceError):
            await knowledge.finish_upload(upload, [])
        assert await all_files(knowledge) == []

    async def test_texts_are_shown_page_by_page(self, knowledge: Knowledge) -> None:
        words = " ".join(f"word{number}" for number in range(4_000))
        made = await knowledge.upload("words.txt", Pieces(words.encode()))
        store = await knowledge.create_store({"name": "S"})
        await knowledge.attach(store.id, StoreFile(made.id, {}, STATIC))
        if not knowledge.traits.texts:
            with pytest.raises(RejectedError):
                await knowledge.text_page(store.id, made.id)
            return
        texts: list[str] = []
        after: str | None = None
        while True:
            page = await knowledge.text_page(store.id, made.id, after=after)
            texts += page.texts
            if (after := page.after) is None:
                break
        assert texts[0].startswith("word0 word1 ")
        assert texts[-1].endswith("word3999")

    async def test_containers_hand_out_the_bytes(self, knowledge: Knowledge) -> None:
        made = await knowledge.upload("data.txt", Pieces(noise(PIECE + 1)))
        if not knowledge.traits.containers:
            with pytest.raises(RejectedError):
                await knowledge.create_container("c", [made.id])
            return
        container = await knowledge.create_container("c", [made.id])
        (copy_of,) = (await knowledge.list_container_files(container)).items
        assert (copy_of.name, copy_of.bytes) == ("data.txt", PIECE + 1)
        bucket = Bucket()
        await knowledge.download_from_container(container, copy_of.id, bucket, size=copy_of.bytes)
        assert bucket.data == noise(PIECE + 1)
        await knowledge.delete_container(container)
        await knowledge.delete_container(container)
        with pytest.raises(PlaceError):
            await knowledge.list_container_files(container)
