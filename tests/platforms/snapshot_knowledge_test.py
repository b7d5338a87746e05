"""What lies in a directory snapshot that holds knowledge, and that it comes back."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pieces import Bucket, Pieces
from platforms.kept import SOURCE, STATIC, exported, fetched, keep, put, sha, tree
from strategies import NASTY, json_values
from understudy.errors import OutputError, RejectedError, SnapshotError
from understudy.model.assistant import Assistant
from understudy.model.knowledge import File, Held, Store, StoreFile
from understudy.platforms.snapshot import Snapshot
from understudy.platforms.snapshot_knowledge import SnapshotKnowledge


def test_the_same_knowledge_gives_the_same_bytes_in_whatever_order_it_comes(tmp_path: Path) -> None:
    one = exported(tmp_path / "one", [1, 2, 3])
    other = exported(tmp_path / "other", [3, 1, 2])
    again = exported(tmp_path / "one", [2, 1, 3])
    assert one == other == again
    assert sorted(one) == sorted(
        [
            f"files/{sha(b'same')}",
            f"files/{sha(b'other')}",
            "files.json",
            "stores/docs.json",
            "stores/docs-vs_2.json",
        ]
    )
    assert json.loads(one["files.json"])[0] == {
        "id": "file-1",
        "name": "1.txt",
        "bytes": 4,
        "purpose": "assistants",
        "created_at": 999,
        "sha256": sha(b"same"),
    }
    store = json.loads(one["stores/docs.json"])
    assert [file["file_id"] for file in store["files"]] == ["file-1", "file-2", "file-3"]
    assert store["files"][0] == {
        "file_id": "file-1",
        "attributes": {"a": True, "z": 1},
        "chunking_strategy": STATIC,
    }
    assert store.keys() == {"id", "name", "metadata", "files"}
    assert one["stores/docs.json"].index(b'"a"') < one["stores/docs.json"].index(b'"z"')


async def test_the_oldest_file_comes_first_when_it_is_read_back(tmp_path: Path) -> None:
    exported(tmp_path, [1, 2, 3])
    page = await SnapshotKnowledge(tmp_path).list_files()
    assert [file.id for file in page.items] == ["file-3", "file-2", "file-1"]
    assert page.items[0] == File("file-3", "3.txt", 5, "assistants", 997, sha(b"other"), Held.WHOLE)


async def test_an_uploaded_file_has_an_id_that_follows_from_name_and_bytes(tmp_path: Path) -> None:
    ids = []
    for root in (tmp_path / "one", tmp_path / "two"):
        knowledge = SnapshotKnowledge(root)
        one = await knowledge.upload("a.txt", Pieces(b"x"))
        again = await knowledge.upload("a.txt", Pieces(b"x"))
        renamed = await knowledge.upload("b.txt", Pieces(b"x"))
        assert one == again != renamed
        assert one.id == "file-" + sha((sha(b"x") + "a.txt").encode())[:24]
        ids.append([one.id, renamed.id])
        assert len(list((root / "files").glob("[0-9a-f]*"))) == 1
    assert ids[0] == ids[1]


async def test_an_id_that_something_else_has_is_not_taken(tmp_path: Path) -> None:
    knowledge = SnapshotKnowledge(tmp_path)
    wanted = "file-" + sha((sha(b"x") + "a.txt").encode())[:24]
    put(knowledge, File(wanted, "other.txt"), b"other")
    made = await knowledge.upload("a.txt", Pieces(b"x"))
    assert made.id != wanted
    assert (await knowledge.upload("a.txt", Pieces(b"x"))).id == made.id
    assert await fetched(knowledge, wanted) == b"other"


async def test_a_one_file_snapshot_holds_no_knowledge(tmp_path: Path) -> None:
    assert Snapshot(tmp_path / "snapshot.json").knowledge is None
    assert Snapshot(tmp_path / "snapshot").knowledge is not None


async def test_knowledge_alone_makes_a_snapshot_and_keeps_its_origin(tmp_path: Path) -> None:
    Snapshot(tmp_path).keep([], SOURCE, prune=True)
    place = Snapshot(tmp_path)
    assert place.knowledge is not None
    await place.knowledge.upload("a.txt", Pieces(b"x"))
    await place.flush()
    again = Snapshot(tmp_path, must_exist=True)
    assert again.header.source["base_url"] == "https://example.com/v1"
    before = tree(tmp_path)
    await again.flush()
    assert tree(tmp_path) == before


async def test_reading_alone_writes_nothing(tmp_path: Path) -> None:
    place = Snapshot(tmp_path / "never")
    assert place.knowledge is not None
    await place.knowledge.list_files()
    await place.knowledge.list_stores()
    place.knowledge.verify()
    await place.flush()
    assert not (tmp_path / "never").exists()


def test_assistants_called_files_and_stores_do_not_get_in_the_way(tmp_path: Path) -> None:
    names = ["Files", "files", "STORES", "files.json", "Assistant"]
    assistants = [Assistant(f"asst_{n}", {"id": f"asst_{n}", "name": n}) for n in names]
    Snapshot(tmp_path).keep(assistants, SOURCE, prune=True)
    exported(tmp_path, [1, 2, 3])
    knowledge = SnapshotKnowledge(tmp_path)
    assert knowledge.verify().whole
    folders = {path.name for path in tmp_path.iterdir() if (path / "assistant.json").exists()}
    assert len(folders) == 5
    assert not folders & {"files", "stores"}


async def test_an_old_snapshot_whose_assistant_lies_in_stores_still_works(tmp_path: Path) -> None:
    for name in ("files", "stores"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "assistant.json").write_text('{"model": "gpt-4o"}')
    exported(tmp_path, [1])
    place = Snapshot(tmp_path)
    assert [a.id for a in (await place.list_page()).assistants] == ["files", "stores"]
    assert place.knowledge is not None
    assert len((await place.knowledge.list_stores()).items) == 2
    await place.knowledge.create_store({"name": "assistant"})
    await place.delete("stores")
    assert len((await SnapshotKnowledge(tmp_path).list_stores()).items) == 3


async def test_bytes_on_their_way_become_a_file_without_another_copy(tmp_path: Path) -> None:
    knowledge = SnapshotKnowledge(tmp_path)
    with knowledge.incoming() as blob:
        blob.write(b"an attempt that broke off")
        blob.restart()
        blob.write(b"hel")
        blob.write(b"lo")
        kept = knowledge.keep_file(File("file-1", "a.txt", purpose="vision"), blob)
    assert kept == File("file-1", "a.txt", 5, "vision", None, sha(b"hello"))
    assert await fetched(knowledge, "file-1") == b"hello"
    with knowledge.incoming() as blob:
        blob.write(b"not taken")
    assert sorted(p.name for p in (tmp_path / "files").iterdir()) == [".added.jsonl", sha(b"hello")]


def test_content_that_is_not_what_it_should_be_is_refused(tmp_path: Path) -> None:
    class Shrunk(Pieces):
        @property
        def size(self) -> int:
            return 9

        def chunks(self, start: int = 0, length: int | None = None) -> Any:
            yield self.data

    knowledge = SnapshotKnowledge(tmp_path)
    with pytest.raises(SnapshotError, match="changed"):
        asyncio.run(knowledge.upload("a.txt", Shrunk(b"x")))
    with pytest.raises(SnapshotError, match="digest"):
        put(knowledge, File("file-1", "a.txt", sha256=sha(b"y")), b"x")
    assert list((tmp_path / "files").iterdir()) == []


async def test_a_file_without_bytes_is_noted_and_given_up_for_nothing_less(tmp_path: Path) -> None:
    knowledge = SnapshotKnowledge(tmp_path)
    noted = knowledge.keep_file(File("file-1", "a.txt", 9, created_at=7), None)
    assert noted.held is Held.NOTHING
    assert not await knowledge.downloadable("file-1")
    with pytest.raises(RejectedError, match=r"a\.txt"):
        await knowledge.download("file-1", Bucket())
    text = File("file-1", "a.txt.txt", held=Held.TEXT)
    assert put(knowledge, text, b"text").held is Held.TEXT
    assert knowledge.keep_file(File("file-1", "a.txt", 9), None).held is Held.TEXT
    whole = put(knowledge, replace(noted, sha256=""), b"the whole")
    assert whole.held is Held.WHOLE
    assert put(knowledge, text, b"text") == whole
    knowledge.flush()
    (found,) = (await SnapshotKnowledge(tmp_path).list_files()).items
    assert found == whole
    (tmp_path / "files" / whole.sha256).unlink()
    assert knowledge.keep_file(File("file-1", "a.txt", 9), None).held is Held.NOTHING


def test_pruning_leaves_what_was_asked_for_and_what_was_written_by_hand(tmp_path: Path) -> None:
    exported(tmp_path, [1, 2, 3])
    keep(SnapshotKnowledge(tmp_path), 4, b"four")
    by_hand = '{"name": "Mine", "files": [{"file_id": "file-3"}]}'
    (tmp_path / "stores" / "mine.json").write_text(by_hand)
    (tmp_path / "files" / sha(b"stray")).write_bytes(b"stray")
    knowledge = SnapshotKnowledge(tmp_path)
    assert knowledge.prune({"file-1"}, {"vs_1"}) == 3
    knowledge.flush()
    assert knowledge.prune({"file-1"}, {"vs_1"}) == 0
    found = SnapshotKnowledge(tmp_path)
    assert {file.id for file in found._files} == {"file-1", "file-3"}
    assert {shelf.id for shelf in found._stores} == {"vs_1", "mine"}
    assert {p.name for p in (tmp_path / "files").iterdir()} == {sha(b"same"), sha(b"other")}
    assert (tmp_path / "stores" / "mine.json").read_text() == by_hand


def test_fields_that_nobody_knows_yet_stay_in_a_store(tmp_path: Path) -> None:
    (tmp_path / "stores").mkdir()
    path = tmp_path / "stores" / "docs.json"
    path.write_text('{"id": "vs_1", "name": "Docs", "future": [1], "description": "old"}')
    knowledge = SnapshotKnowledge(tmp_path)
    knowledge.keep_stores([(Store("vs_1", {"id": "vs_1", "name": "New", "status": "x"}), [])])
    assert json.loads(path.read_text()) == {
        "id": "vs_1",
        "name": "New",
        "future": [1],
        "files": [],
    }


def test_files_may_be_kept_from_many_threads(tmp_path: Path) -> None:
    knowledge = SnapshotKnowledge(tmp_path)

    def work(first: int) -> None:
        for number in range(first, first + 20):
            keep(knowledge, number, b"%d" % (number % 7))

    threads = [threading.Thread(target=work, args=(n * 20,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(SnapshotKnowledge(tmp_path)._files)) == 160
    knowledge.flush()
    assert knowledge.verify().whole
    assert len(list(SnapshotKnowledge(tmp_path)._files)) == 160


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(OutputError, match="files"):
        keep(SnapshotKnowledge(tmp_path), 1, b"x")


texts = st.sampled_from(
    [*NASTY, "\ud800", "\ufeff", "../x", "CON", "assistant", "a\r\n", "\x85", "\u2028"]
) | st.text(max_size=20)
ids = st.text(min_size=1, max_size=8) | st.sampled_from(
    ["../x", "a/b", ".", "\udfff", "VS_1", "vs_1"]
)
attributes = st.dictionaries(texts, texts | st.booleans() | st.integers() | st.floats(-9, 9))
store_fields = st.fixed_dictionaries(
    {},
    optional={
        "name": texts | st.none(),
        "description": texts | st.none(),
        "metadata": st.dictionaries(texts, texts, max_size=3),
        "expires_after": st.just({"anchor": "last_active_at", "days": 3}) | st.none(),
        "file_counts": json_values,
        "future": json_values,
    },
)
stores = st.dictionaries(
    ids,
    st.tuples(
        store_fields, st.dictionaries(ids, st.tuples(attributes, st.sampled_from([None, STATIC])))
    ),
    max_size=4,
)
files = st.dictionaries(
    ids,
    st.tuples(texts, st.none() | st.binary(max_size=5), st.none() | st.integers(0, 9), texts),
    max_size=4,
)


@settings(max_examples=100, deadline=None)
@given(stores, files)
def test_any_knowledge_comes_back_as_it_was(stores: dict[str, Any], files: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "snapshot"
        for _ in range(2):
            knowledge = SnapshotKnowledge(root)
            kept = [
                put(knowledge, File(i, name, purpose=purpose, created_at=at), data)
                for i, (name, data, at, purpose) in files.items()
            ]
            knowledge.keep_stores(
                (Store(i, fields), [StoreFile(f, *how) for f, how in members.items()])
                for i, (fields, members) in stores.items()
            )
            before = tree(root)
            knowledge.flush()
        assert {k: v for k, v in tree(root).items() if k != "files/.added.jsonl"} == {
            k: v for k, v in before.items() if k != "files/.added.jsonl"
        }
        assert {path.name for path in Path(folder).iterdir()} <= {"snapshot"}
        again = SnapshotKnowledge(root)
        assert {file.id: file for file in again._files} == {file.id: file for file in kept}
        found = {shelf.id: shelf for shelf in again._stores}
        assert found.keys() == stores.keys()
        for store_id, (fields, members) in stores.items():
            shelf = found[store_id]
            for key in ("name", "description", "expires_after", "metadata"):
                assert shelf.fields.get(key) == fields.get(key)
            assert shelf.members == {f: StoreFile(f, *how) for f, how in members.items()}
