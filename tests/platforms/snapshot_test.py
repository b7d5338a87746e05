"""Snapshots: what is read, what is refused, and what is left alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from replicate.support import holds
from understudy.errors import SnapshotError, UnderstudyError
from understudy.model.assistant import Assistant
from understudy.platforms.base import PlaceInfo
from understudy.platforms.snapshot import Snapshot

SOURCE = PlaceInfo("src", "openai-assistants", "https://example.com/v1", "org", "proj")


def record(number: int, **fields: Any) -> Assistant:
    raw = {"id": f"asst_{number:03d}", "object": "assistant", "created_at": number, **fields}
    return Assistant(raw["id"], {"model": "gpt-4o", "name": f"Bot {number}", **raw})


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def ticking() -> Any:
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def tick() -> datetime:
        nonlocal moment
        moment += timedelta(hours=1)
        return moment

    return tick


@pytest.mark.parametrize("name", ["snapshot.json", "snapshot"])
async def test_records_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    kept = [
        record(1, instructions="One.\r\nTwo.\n", future={"x": [1, 2.5, None]}),
        record(2, name=None, instructions=None, tools=[function("b"), function("a")]),
        record(3, name="Bot 1", instructions="", tool_resources={"code_interpreter": {}}),
        record(4, name="\ud800 broken", instructions="also \udfff"),
        record(5, tools=[{"type": "file_search"}, function("a"), {"type": "new_kind", "x": 1}]),
    ]
    Snapshot(tmp_path / name).keep(kept, SOURCE, prune=True)
    assert await holds(Snapshot(tmp_path / name)) == kept


@pytest.mark.parametrize("name", ["snapshot.json", "snapshot"])
def test_exporting_twice_changes_the_time_alone(tmp_path: Path, name: str) -> None:
    path, clock = tmp_path / name, ticking()
    kept = [record(n, instructions="Hello.", tools=[function("f")]) for n in range(3)]
    Snapshot(path, clock=clock).keep(kept, SOURCE, prune=True)
    before = files(tmp_path)
    Snapshot(path, clock=clock).keep(kept, SOURCE, prune=True)
    after = files(tmp_path)
    changed = [name for name in after if after[name] != before[name]]
    (header,) = changed
    one, other = json.loads(before[header]), json.loads(after[header])
    assert one.pop("exported_at") < other.pop("exported_at")
    assert one == other


def test_files_that_did_not_change_are_not_touched(tmp_path: Path) -> None:
    Snapshot(tmp_path).keep([record(1, instructions="One."), record(2)], SOURCE, prune=True)
    stamp = (tmp_path / "bot-1" / "assistant.json").stat().st_mtime_ns
    Snapshot(tmp_path).keep([record(1, instructions="New."), record(2)], SOURCE, prune=True)
    assert (tmp_path / "bot-1" / "assistant.json").stat().st_mtime_ns == stamp
    assert (tmp_path / "bot-1" / "instructions.md").read_text() == "New.\n"


async def test_a_full_export_drops_what_is_gone_and_nothing_else(tmp_path: Path) -> None:
    Snapshot(tmp_path).keep([record(1), record(2, tools=[function("f")])], SOURCE, prune=True)
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    (by_hand / "assistant.json").write_text('{"model": "gpt-4o"}')
    (tmp_path / "bot-2" / "NOTES.md").write_text("mine")
    (tmp_path / "README.md").write_text("mine")
    Snapshot(tmp_path).keep([record(1)], SOURCE, prune=True)
    assert [a.id for a in await holds(Snapshot(tmp_path))] == ["asst_001", "by-hand"]
    assert (tmp_path / "bot-2" / "NOTES.md").read_text() == "mine"
    assert (tmp_path / "README.md").read_text() == "mine"
    assert not (tmp_path / "bot-2" / "functions").exists()


async def test_exporting_a_selection_keeps_the_others(tmp_path: Path) -> None:
    Snapshot(tmp_path).keep([record(1), record(2)], SOURCE, prune=True)
    Snapshot(tmp_path).keep([record(2, instructions="New.")], SOURCE, prune=False)
    assert [a.id for a in await holds(Snapshot(tmp_path))] == ["asst_001", "asst_002"]


async def test_folders_keep_their_names_when_others_of_that_name_come_and_go(
    tmp_path: Path,
) -> None:
    Snapshot(tmp_path).keep([record(2, name="Twin")], SOURCE, prune=True)
    Snapshot(tmp_path).keep([record(1, name="Twin"), record(2, name="Twin")], SOURCE, prune=True)
    names = {name.split("/")[0] for name in files(tmp_path)} - {"snapshot.json"}
    assert "twin" in names
    assert len(names) == 2
    kept = json.loads((tmp_path / "twin" / "assistant.json").read_text())
    assert kept["id"] == "asst_002"


async def test_a_folder_written_by_hand_is_known_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "greeter"
    (folder / "functions").mkdir(parents=True)
    (folder / "assistant.json").write_text(
        '{"model": "gpt-4o", "tools": [{"type": "file_search"}]}'
    )
    (folder / "instructions.md").write_text("Say hello.\n")
    (folder / "functions" / "now.json").write_text('{"description": "The time"}')
    (folder / "functions" / "ago.json").write_text('{"name": "long_ago"}')
    (assistant,) = await holds(Snapshot(tmp_path, must_exist=True))
    assert assistant.id == "greeter"
    assert assistant.raw["instructions"] == "Say hello."
    assert [f["name"] for f in assistant.functions()] == ["long_ago", "now"]
    assert assistant.tools[0] == {"type": "file_search"}


async def test_an_export_of_the_earlier_replicator_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "assistants-export-2024-12-03.json"
    content = {
        "exported_at": "2024-12-03T10:00:00.000Z",
        "source": {"org_id": "org-1", "project_id": "proj-1"},
        "assistants": [{"id": "asst_old", "name": "Old", "model": "gpt-4o", "tools": []}],
    }
    path.write_text(json.dumps(content))
    (assistant,) = await holds(Snapshot(path, must_exist=True))
    assert (assistant.id, assistant.name) == ("asst_old", "Old")


async def test_names_of_256_emoji_become_folders(tmp_path: Path) -> None:
    names = ["🙂" * 256, "🙂" * 255 + "🙃", "客" * 256]
    kept = [record(n, name=name) for n, name in enumerate(names)]
    Snapshot(tmp_path).keep(kept, SOURCE, prune=True)
    assert [a.name for a in await holds(Snapshot(tmp_path))] == names


@pytest.mark.parametrize(
    "name", ["../../escape", "/etc/passwd", "..", ".", "con", "a\x00b", "-rf", "\u202e"]
)
async def test_names_never_lead_out_of_the_snapshot(tmp_path: Path, name: str) -> None:
    root = tmp_path / "in" / "snapshot"
    kept = [record(1, name=name, tools=[{"type": "function", "function": {"name": name}}])]
    Snapshot(root).keep(kept, SOURCE, prune=True)
    assert await holds(Snapshot(root)) == kept
    assert [name for name in files(tmp_path) if not name.startswith("in/snapshot/")] == []


BROKEN_FILES = {
    "not JSON": ('{"assistants": [1,', "line 1, column 19"),
    "not JSON further down": ('{\n "assistants": [\n  oops\n]}', "line 3, column 3"),
    "a list": ("[]", "must hold an object"),
    "no assistants": ("{}", "no list under the key assistants"),
    "assistants are no list": ('{"assistants": {}}', "no list under the key assistants"),
    "an assistant is no object": ('{"assistants": [1]}', r"assistants\[0\] is not an object"),
    "an id is no text": ('{"assistants": [{"id": 1}]}', r"assistants\[0\]\.id is not text"),
    "one id twice": ('{"assistants": [{"id": "a"}, {"id": "a"}]}', "same identity"),
    "a newer format": ('{"format_version": 2, "assistants": []}', "reads up to 1"),
    "an odd format": ('{"format_version": "x", "assistants": []}', "positive whole number"),
    "nested too deeply": ("[" * 100_000, "deeply"),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
async def test_a_broken_file_is_named_with_the_reason(tmp_path: Path, case: str) -> None:
    text, reason = BROKEN_FILES[case]
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(SnapshotError, match=reason) as caught:
        await holds(Snapshot(path, must_exist=True))
    assert "broken.json" in str(caught.value)


async def test_a_file_that_is_no_utf8_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes(b'{\n"assistants": [{"name": "Jos\xe9"}]}')
    with pytest.raises(SnapshotError, match=r"latin\.json, line 2: this is not UTF-8"):
        await holds(Snapshot(path))


BROKEN_FOLDERS: dict[str, tuple[dict[str, str], str]] = {
    "not JSON": ({"assistant.json": "{"}, "assistant.json, line 1, column 2"),
    "no object": ({"assistant.json": "[]"}, "must hold an object"),
    "id is no text": ({"assistant.json": '{"id": 3}'}, "id is not text"),
    "instructions twice": (
        {"assistant.json": '{"instructions": "a"}', "instructions.md": "b"},
        "twice",
    ),
    "a missing function": (
        {
            "assistant.json": '{"tools": [{"type": "function", '
            '"function": {"$file": "functions/gone.json"}}]}'
        },
        "functions/gone.json, which is not there",
    ),
    "a function outside": (
        {
            "assistant.json": '{"tools": [{"type": "function", '
            '"function": {"$file": "../../../etc/passwd"}}]}'
        },
        "which is not there",
    ),
    "a broken function": (
        {"assistant.json": "{}", "functions/f.json": "{,}"},
        "f.json, line 1, column 2",
    ),
    "a function that is none": ({"assistant.json": "{}", "functions/f.json": "3"}, "object"),
}


@pytest.mark.parametrize("case", BROKEN_FOLDERS)
async def test_a_broken_folder_is_named_with_the_reason(tmp_path: Path, case: str) -> None:
    contents, reason = BROKEN_FOLDERS[case]
    for name, text in contents.items():
        path = tmp_path / "bot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with pytest.raises(SnapshotError, match=reason) as caught:
        await holds(Snapshot(tmp_path, must_exist=True))
    assert "bot" in str(caught.value)


async def test_two_folders_of_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("one", "copy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "assistant.json").write_text('{"id": "same", "model": "m"}')
    with pytest.raises(SnapshotError, match="the same id same"):
        await holds(Snapshot(tmp_path))


@pytest.mark.parametrize("link", ["assistant.json", "instructions.md", "functions/f.json"])
async def test_links_that_lead_out_are_not_followed(tmp_path: Path, link: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"name": "outside"}')
    root = tmp_path / "snapshot"
    (root / "bot" / "functions").mkdir(parents=True)
    if link != "assistant.json":
        (root / "bot" / "assistant.json").write_text("{}")
    (root / "bot" / link).symlink_to(secret)
    with pytest.raises(SnapshotError, match="leads out"):
        await holds(Snapshot(root, must_exist=True))


async def test_a_path_that_is_no_snapshot_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for path in (tmp_path / "photos", tmp_path / "missing", tmp_path / "missing.json"):
        with pytest.raises(UnderstudyError):
            await holds(Snapshot(path, must_exist=True))


async def test_a_file_is_as_before_until_it_is_flushed(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    Snapshot(path).keep([record(1)], SOURCE, prune=True)
    before = path.read_bytes()
    place = Snapshot(path)
    await place.create({"model": "gpt-4o", "name": "New"})
    assert path.read_bytes() == before
    await place.flush()
    assert len(await holds(Snapshot(path))) == 2
