"""Knowledge in a snapshot that is damaged, broken, led astray, or left by a killed process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pieces import PIECE, Bucket, Pieces
from platforms.kept import exported, fetched, keep, sha, tree
from understudy.errors import SnapshotError
from understudy.model.knowledge import Held, Store
from understudy.platforms.snapshot_knowledge import SnapshotKnowledge


def _flip(blob: Path) -> None:
    blob.write_bytes(b"s?me")


def _cut(blob: Path) -> None:
    blob.write_bytes(b"sam")


def _folder(blob: Path) -> None:
    blob.unlink()
    blob.mkdir()


@pytest.mark.parametrize("damage", [_flip, _cut, Path.unlink, _folder])
async def test_damaged_bytes_are_never_taken_for_the_file(tmp_path: Path, damage: Any) -> None:
    exported(tmp_path, [1, 3])
    damage(tmp_path / "files" / sha(b"same"))
    knowledge = SnapshotKnowledge(tmp_path)
    with pytest.raises(SnapshotError, match=sha(b"same")) as caught:
        await fetched(knowledge, "file-1")
    assert "understudy verify" in caught.value.hint
    assert await fetched(knowledge, "file-3") == b"other"
    found = knowledge.verify()
    assert not found.whole
    bad = found.damaged if damage in (_flip, _cut) else found.missing
    assert [file.id for file in bad] == ["file-1"]
    there = damage in (_flip, _cut)
    assert await knowledge.downloadable("file-1") == there
    shown = {file.id: file.held for file in (await knowledge.list_files()).items}
    assert shown == {"file-1": Held.WHOLE if there else Held.NOTHING, "file-3": Held.WHOLE}
    assert (await knowledge.retrieve_file("file-1")).held is shown["file-1"]
    if damage is not _folder:
        keep(knowledge, 1, b"same")
        assert await fetched(knowledge, "file-1") == b"same"
        assert knowledge.verify().whole


async def test_a_large_damaged_file_is_noticed_at_its_end(tmp_path: Path) -> None:
    data = bytes(3 * PIECE)
    knowledge = SnapshotKnowledge(tmp_path)
    keep(knowledge, 1, data)
    with (tmp_path / "files" / sha(data)).open("r+b") as blob:
        blob.seek(-1, os.SEEK_END)
        blob.write(b"x")
    with pytest.raises(SnapshotError):
        await fetched(knowledge, "file-1")


def test_a_check_names_everything_that_is_wrong(tmp_path: Path) -> None:
    exported(tmp_path, [1, 2, 3])
    whole = SnapshotKnowledge(tmp_path).verify()
    assert whole.whole
    assert (whole.blobs, whole.bytes) == (2, 9)
    records = json.loads((tmp_path / "files.json").read_text())
    records[2]["bytes"] = 6
    records.append({"id": "file-4", "bytes": 1, "sha256": sha(b"gone")})
    records.append({"id": "file-5", "held": "nothing", "bytes": 9})
    del records[1]
    (tmp_path / "files.json").write_text(json.dumps(records))
    (tmp_path / "files" / sha(b"stray")).write_bytes(b"stray")
    (tmp_path / "files" / "README").write_bytes(b"not ours")
    (tmp_path / "files" / ".part-1").write_bytes(b"on its way")
    found = SnapshotKnowledge(tmp_path).verify()
    assert not found.whole
    assert (found.blobs, found.bytes) == (3, 14)
    assert [file.id for file in found.wrong_size] == ["file-3"]
    assert [file.id for file in found.missing] == ["file-4"]
    assert found.damaged == ()
    assert found.stray == (sha(b"stray"),)
    assert found.unknown == (("Docs", "file-2"), ("Docs", "file-2"))


def test_stray_bytes_alone_do_no_harm(tmp_path: Path) -> None:
    exported(tmp_path, [1])
    (tmp_path / "files" / sha(b"stray")).write_bytes(b"stray")
    found = SnapshotKnowledge(tmp_path).verify()
    assert found.stray
    assert found.whole


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("files.json", '[\n  {"id": "a" 1}\n]', "files.json, line 2, column 14"),
        ("files.json", "{}", "must hold a list"),
        ("files.json", "[1]", r"files.json: \[0\]"),
        ("files.json", "[{}]", r"\[0\] has no id"),
        ("files.json", '[{"id": 1}]', r"\[0\]: id is 1"),
        ("files.json", '[{"id": "a", "bytes": true, "sha256": "SHA"}]', "bytes is true"),
        ("files.json", '[{"id": "a", "bytes": -1, "sha256": "SHA"}]', "bytes is -1"),
        ("files.json", '[{"id": "a", "name": null, "sha256": "SHA"}]', "name is null"),
        ("files.json", '[{"id": "a", "sha256": "../../etc/passwd"}]', "sha256"),
        ("files.json", '[{"id": "a", "sha256": "SHA\\n"}]', "sha256"),
        ("files.json", '[{"id": "a"}]', "sha256"),
        ("files.json", '[{"id": "a", "sha256": "SHA", "held": "half"}]', "held"),
        ("files.json", '[{"id": "a", "sha256": "SHA", "held": []}]', "held"),
        ("files.json", '[{"id": "a", "sha256": "SHA"}, {"id": "a", "sha256": "SHA"}]', r"\[1\]"),
        ("files/.added.jsonl", '{"id": "a", "held": "nothing"}\n{"id": \n', "line 2, column"),
        ("files/.added.jsonl", "[]\n", "line 1"),
        ("stores/x.json", '{"id": "a"', r"x.json, line 1"),
        ("stores/x.json", "[]", "must hold an object"),
        ("stores/x.json", '{"id": 1}', "id"),
        ("stores/x.json", '{"id": ""}', "id"),
        ("stores/x.json", '{"name": 1}', "name must be text"),
        ("stores/x.json", '{"metadata": []}', "metadata"),
        ("stores/x.json", '{"expires_after": "7d"}', "expires_after"),
        ("stores/x.json", '{"files": {}}', "files must be a list"),
        ("stores/x.json", '{"files": ["a"]}', r"files\[0\]"),
        ("stores/x.json", '{"files": [{}]}', r"files\[0\]: file_id"),
        ("stores/x.json", '{"files": [{"file_id": "a", "attributes": 1}]}', "attributes"),
        ("stores/x.json", '{"files": [{"file_id": "a", "chunking_strategy": []}]}', "chunking"),
        ("stores/x.json", '{"files": [{"file_id": "a"}, {"file_id": "a"}]}', r"files\[1\]"),
        ("stores/x.json", '{"id": "y"}', "the same id"),
    ],
)
async def test_what_cannot_be_read_is_named(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "stores").mkdir()
    (tmp_path / "stores" / "y.json").write_text("{}")
    (tmp_path / name).write_text(text.replace("SHA", sha(b"")))
    with pytest.raises(SnapshotError, match=said) as caught:
        SnapshotKnowledge(tmp_path).verify()
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("name", ["files", "stores", "files.json", "files/.added.jsonl"])
async def test_links_that_lead_out_are_not_followed(tmp_path: Path, name: str) -> None:
    root, outside = tmp_path / "snapshot", tmp_path / "outside"
    exported(outside, [1])
    (outside / "files" / ".added.jsonl").write_text("")
    exported(root, [1])
    link = root / name
    if link.is_dir():
        link.rename(tmp_path / "away")
    link.unlink(missing_ok=True)
    link.symlink_to(outside / name)
    before = tree(outside)
    with pytest.raises(SnapshotError, match="leads out"):
        SnapshotKnowledge(root).verify()
    for call in (keep_two, create_store):
        with pytest.raises(SnapshotError, match="leads out"):
            await call(root)
    assert tree(outside) == before


async def keep_two(root: Path) -> None:
    knowledge = SnapshotKnowledge(root)
    keep(knowledge, 2, b"two")
    knowledge.keep_stores([(Store("vs_1", {"name": "Docs"}), [])])
    knowledge.flush()


async def create_store(root: Path) -> None:
    knowledge = SnapshotKnowledge(root)
    await knowledge.create_store({"name": "New"})
    keep(knowledge, 2, b"two")
    knowledge.flush()


async def test_a_blob_that_leads_out_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "snapshot"
    exported(root, [1])
    secret = tmp_path / "secret"
    secret.write_bytes(b"same")
    blob = root / "files" / sha(b"same")
    blob.unlink()
    blob.symlink_to(secret)
    knowledge = SnapshotKnowledge(root)
    for call in (knowledge.download("file-1", Bucket()), knowledge.downloadable("file-1")):
        with pytest.raises(SnapshotError, match="leads out"):
            await call
    keep(knowledge, 1, b"same")
    assert not blob.is_symlink()
    assert secret.read_bytes() == b"same"


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from pieces import Pieces
from understudy.model.knowledge import StoreFile
from understudy.platforms.snapshot_knowledge import SnapshotKnowledge

async def main(root):
    knowledge = SnapshotKnowledge(root)
    one = await knowledge.upload("one.txt", Pieces(b"one"))
    two = await knowledge.upload("two.txt", Pieces(b"two"), purpose="user_data")
    three = await knowledge.upload("three.txt", Pieces(b"three"))
    await knowledge.delete_file(three.id)
    store = await knowledge.create_store({"name": "Docs"})
    await knowledge.attach_many(store.id, [StoreFile(one.id, {"n": 1}), StoreFile(two.id)])
    blob = knowledge.incoming()
    blob.write(b"half")
    blob._file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(Path(sys.argv[1])))
"""


def killed(root: Path) -> int:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", _KILLED, str(root)]
    return subprocess.run(command, env=environment, check=False).returncode


async def test_what_was_uploaded_survives_a_kill(tmp_path: Path) -> None:
    assert killed(tmp_path) == -signal.SIGKILL
    assert not (tmp_path / "files.json").exists()
    knowledge = SnapshotKnowledge(tmp_path)
    files = {file.name: file for file in (await knowledge.list_files()).items}
    assert files.keys() == {"one.txt", "two.txt"}
    assert files["two.txt"].purpose == "user_data"
    assert await fetched(knowledge, files["one.txt"].id) == b"one"
    (store,) = (await knowledge.list_stores()).items
    assert len((await knowledge.list_store_files(store.id)).items) == 2
    assert knowledge.verify().whole
    assert knowledge.flush()
    assert not (tmp_path / "files" / ".added.jsonl").exists()
    assert not knowledge.flush()
    listed = {file.name for file in (await SnapshotKnowledge(tmp_path).list_files()).items}
    assert listed == files.keys()


_FULL = """
import resource, sys
sys.dont_write_bytecode = True  # Python would leave compiled modules cut off for all other tests
from pathlib import Path
from understudy.errors import OutputError
from understudy.model.knowledge import File
from understudy.platforms.snapshot_knowledge import SnapshotKnowledge

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
knowledge = SnapshotKnowledge(Path(sys.argv[1]))
for size in (1 << 20, (1 << 20) + 1, 1 << 22):
    try:
        with knowledge.incoming() as blob:
            blob.write(bytes(size))
            knowledge.keep_file(File(f"file-{size}", "x"), blob)
    except OutputError:
        print("full")
knowledge.flush()
"""


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", _FULL, str(tmp_path)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["full", "full"]
    assert [p.name for p in (tmp_path / "files").iterdir()] == [sha(bytes(1 << 20))]
    assert SnapshotKnowledge(tmp_path).verify().whole


async def test_a_torn_line_is_ignored_and_nothing_is_glued_to_it(tmp_path: Path) -> None:
    knowledge = SnapshotKnowledge(tmp_path)
    await knowledge.upload("one.txt", Pieces(b"one"))
    with (tmp_path / "files" / ".added.jsonl").open("ab") as added:
        added.write(b'{"id": "file-torn", "na')
    for number in range(2):
        knowledge = SnapshotKnowledge(tmp_path)
        await knowledge.upload(f"{number}.txt", Pieces(b"x"))
    names = {file.name for file in (await SnapshotKnowledge(tmp_path).list_files()).items}
    assert names == {"one.txt", "0.txt", "1.txt"}


async def test_a_line_whose_bytes_never_reached_the_disk_is_ignored(tmp_path: Path) -> None:
    knowledge = SnapshotKnowledge(tmp_path)
    made = await knowledge.upload("one.txt", Pieces(b"one"))
    (tmp_path / "files" / made.sha256).write_bytes(b"")
    assert (await SnapshotKnowledge(tmp_path).list_files()).items == ()


async def test_what_a_killed_process_left_goes_once_it_is_old(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, age in ((".part-old", 3700), (".part-new", 60)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)
    await SnapshotKnowledge(tmp_path).list_files()
    assert (folder / ".part-old").exists()
    await SnapshotKnowledge(tmp_path).upload("a.txt", Pieces(b"x"))
    assert not (folder / ".part-old").exists()
    assert (folder / ".part-new").exists()
