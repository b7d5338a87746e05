"""Dumps as places: files and folders on a real disk, whole, broken and hostile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from replicate.support import holds
from understudy.errors import SnapshotError, UsageError
from understudy.model.findings import Findings
from understudy.platforms import dump_files
from understudy.platforms.dumps import Dump


def bot(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"asst_{number}", "object": "assistant", "model": "gpt-4o", **fields}


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


async def listed(path: Path) -> tuple[list[str], Findings]:
    page = await Dump(path).list_page()
    return [a.id for a in page.assistants], page.findings


async def codes(path: Path) -> tuple[list[str], list[str]]:
    found, findings = await listed(path)
    return found, [finding.code for finding in findings]


async def test_it_can_only_be_copied_from(tmp_path: Path) -> None:
    place = Dump(write(tmp_path / "d.json", [bot(1)]))
    assert place.capabilities.read_only
    assert place.knowledge is None
    for writing in (place.create({}), place.update("asst_1", {}), place.delete("asst_1")):
        with pytest.raises(UsageError, match="can only be copied from"):
            await writing


async def test_a_folder_of_mixed_shapes_is_one_dump(tmp_path: Path) -> None:
    write(tmp_path / "1.json", {"object": "list", "data": [bot(1)], "has_more": True})
    write(tmp_path / "2.json", {"object": "list", "data": [bot(2)], "has_more": False})
    write(tmp_path / "one/three.JSON", bot(3))
    write(tmp_path / "one/two/lines.jsonl", f"{json.dumps(bot(4))}\n{json.dumps(bot(5))}\n")
    write(tmp_path / "config/assistants.json", {"SIX": bot(6)})
    write(tmp_path / "no-suffix", [bot(7)])
    write(tmp_path / "README.md", "[A link](https://example.com) and {braces}")
    write(tmp_path / ".hidden/8.json", bot(8))
    assert await codes(tmp_path) == ([f"asst_{n}" for n in (1, 2, 6, 7, 3, 4, 5)], [])


async def test_agents_keep_their_records(tmp_path: Path) -> None:
    agent = {"id": "agent_1", "object": "agent", "name": "A", "model": "m", "reasoning": {}}
    (found,) = await holds(Dump(write(tmp_path / "a.json", agent)))
    assert found.raw == agent


async def test_one_id_in_two_files_counts_once_or_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.json", [bot(1), bot(2)])
    write(tmp_path / "b.json", [bot(1), bot(2, name="Newer")])
    found, (finding,) = await listed(tmp_path)
    assert found == ["asst_1"]
    assert finding.code == "two-versions"
    assert "a.json, line 1, column " in finding.message
    assert "b.json, line 1, column " in finding.message


async def test_a_broken_file_in_a_folder_leaves_the_others(tmp_path: Path) -> None:
    write(tmp_path / "a.json", bot(1))
    write(tmp_path / "b.json", '{"id": "asst_2", "na')
    (tmp_path / "c.json").write_bytes(b'{"id": "asst_3", "model": "m", "name": "Jos\xe9"}')
    write(tmp_path / "d.json", bot(4))
    assert await codes(tmp_path) == (["asst_1", "asst_4"], ["cut-short", "not-utf8"])


async def test_a_listing_whose_other_pages_are_missing_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "d.json", {"object": "list", "data": [bot(1)], "has_more": True})
    assert await codes(path) == (["asst_1"], ["incomplete-listing"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no assistant: it is empty"),
        ("  \n", "it is empty"),
        ("[]", "it is empty"),
        ("{}", "it is empty"),
        ("null", "line 1, column 1: null is no assistant"),
        ("nonsense", "line 1, column 1: this is not JSON"),
        ('{"object":"list","data":[', "line 1, column 26: a record breaks off here"),
        ('[{"object":"file","id":"file-1"}]', "kind 'file'"),
        ("[" * 100_000, "nested too deeply"),
        ('{"id": "a", "model": "m", "top_p": ' + "1" * 5000 + "}", "digits"),
    ],
    ids=range(10),
)
async def test_where_nothing_can_be_read_it_says_what_was_found(
    tmp_path: Path, content: str, words: str
) -> None:
    with pytest.raises(SnapshotError) as caught:
        await listed(write(tmp_path / "d.json", content))
    assert "d.json" in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("content", ['{"object":"list","data":[]}', '{"assistants":[]}'])
async def test_an_empty_listing_is_an_empty_place(tmp_path: Path, content: str) -> None:
    assert await listed(write(tmp_path / "d.json", content)) == ([], ())


async def test_a_folder_without_json_is_no_dump(tmp_path: Path) -> None:
    write(tmp_path / "photo.txt", "not JSON")
    with pytest.raises(SnapshotError, match="holds no JSON file"):
        await listed(tmp_path)


async def test_what_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="No such file"):
        await listed(tmp_path / "missing.json")


async def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "secret/s.json", bot(9))
    root = tmp_path / "dump"
    write(root / "a.json", bot(1))
    (root / "file.json").symlink_to(tmp_path / "secret/s.json")
    (root / "folder").symlink_to(tmp_path / "secret")
    (root / "inside.json").symlink_to(root / "a.json")
    (root / "round").symlink_to(root)
    assert await codes(root) == (["asst_1"], ["leads-out", "leads-out"])


async def test_a_snapshot_within_a_folder_is_not_read_by_half(tmp_path: Path) -> None:
    write(tmp_path / "a.json", bot(1))
    write(tmp_path / "kept/snapshot.json", {"format_version": 1})
    write(tmp_path / "kept/bot/assistant.json", bot(2))
    write(tmp_path / "by-hand/assistant.json", bot(3))
    write(tmp_path / "by-hand/instructions.md", "Be brief.")
    assert await codes(tmp_path) == (["asst_1"], ["snapshot", "snapshot"])


async def test_what_is_too_large_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_files, "MOST_BYTES", 1000)
    write(tmp_path / "d/a.json", bot(1))
    write(tmp_path / "d/b.json", bot(2, instructions="x" * 1000))
    write(tmp_path / "d/c.json", bot(3))
    assert await codes(tmp_path / "d") == (["asst_1", "asst_3"], ["file-too-large"])
    with pytest.raises(SnapshotError, match="more than 1,000 bytes"):
        await listed(tmp_path / "d/b.json")


async def test_the_number_of_files_and_their_depth_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_files, "MOST_FILES", 2)
    for number in range(3):
        write(tmp_path / f"many/{number}.json", bot(number))
    assert await codes(tmp_path / "many") == (["asst_0", "asst_1"], ["too-many-files"])
    deep = tmp_path / "deep" / "/".join("d" * 20)
    write(deep / "far.json", bot(2))
    write(tmp_path / "deep/near.json", bot(1))
    assert await codes(tmp_path / "deep") == (["asst_1"], ["nested-too-deeply"])


@pytest.mark.skipif(os.name == "nt", reason="no named pipes")
async def test_a_pipe_that_nobody_can_look_into_first_is_read(tmp_path: Path) -> None:
    import threading

    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text(json.dumps(bot(1))))
    writer.start()
    assert await listed(path) == (["asst_1"], ())
    writer.join()
