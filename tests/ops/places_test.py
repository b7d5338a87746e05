"""What a user may call a place, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from understudy.config import Settings, load
from understudy.errors import UsageError
from understudy.ops.places import Places, as_path, platform_and_path
from understudy.platforms.base import Platform

BOT = {"id": "asst_1", "object": "assistant", "model": "gpt-4o"}
EXPORT = {"exported_at": "2025-11-01", "source": {}, "assistants": [BOT]}


def settings(folder: Path, **environment: str) -> Settings:
    return load(environment, folder)


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def opened(folder: Path, place: str, *, must_exist: bool = True) -> Platform:
    return Places(settings(folder)).open(place, must_exist=must_exist)


CONTENTS: dict[str, tuple[Any, str]] = {
    "a snapshot": ({"format_version": 1, "source": {"a": [1]}, "assistants": [BOT]}, "snapshot"),
    "an export": (EXPORT, "snapshot"),
    "an export, indented": (json.dumps(EXPORT, indent=2), "snapshot"),
    "a newer snapshot": ({"format_version": 9, "assistants": []}, "snapshot"),
    "a snapshot of rubbish": ({"assistants": [1]}, "snapshot"),
    "an export that breaks off": (json.dumps(EXPORT)[:-9], "dump"),
    "an export and more": (json.dumps(EXPORT) * 2, "dump"),
    "a page": ({"object": "list", "data": [BOT]}, "dump"),
    "an assistant": (BOT, "dump"),
    "a list": ([BOT], "dump"),
    "a registry": ({"BOT": BOT}, "dump"),
    "a service's answer": ({"success": True, "assistants": {"BOT": BOT}}, "dump"),
    "rubbish": ("rubbish", "dump"),
    "nothing": ("", "dump"),
}


@pytest.mark.parametrize("case", CONTENTS)
async def test_a_file_to_be_read_is_what_its_content_says(tmp_path: Path, case: str) -> None:
    content, platform = CONTENTS[case]
    path = write(tmp_path / "x.json", content)
    assert opened(tmp_path, str(path)).info.platform == platform


@pytest.mark.parametrize(
    ("files", "platform"),
    [
        (["snapshot.json"], "snapshot"),
        (["bot/assistant.json"], "snapshot"),
        (["bot/assistant.json", "other.json"], "snapshot"),
        (["one.json"], "dump"),
        (["deep/er/one.json"], "dump"),
        (["config/assistants.json"], "dump"),
        ([".hidden/assistant.json"], "dump"),
    ],
)
async def test_a_folder_to_be_read_is_what_lies_in_it(
    tmp_path: Path, files: list[str], platform: str
) -> None:
    for name in files:
        write(tmp_path / "x" / name, BOT)
    assert opened(tmp_path, str(tmp_path / "x")).info.platform == platform


@pytest.mark.parametrize(
    ("name", "content", "platform"),
    [
        ("page.json", {"object": "list", "data": [BOT]}, "dump"),
        ("list.json", [BOT], "dump"),
        ("export.json", EXPORT, "snapshot"),
        ("cut.json", json.dumps(EXPORT)[:-9], "snapshot"),
        ("rubbish.json", "rubbish", "snapshot"),
        ("folder/one.json", BOT, "snapshot"),
    ],
)
async def test_to_be_written_into_only_what_is_surely_a_dump_is_one(
    tmp_path: Path, name: str, content: Any, platform: str
) -> None:
    path = write(tmp_path / name, content)
    place = path.parent if "/" in name else path
    assert opened(tmp_path, str(place), must_exist=False).info.platform == platform


async def test_a_platform_may_be_named_before_the_path(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", EXPORT)
    assert opened(tmp_path, f"dump:{path}").info.platform == "dump"
    assert opened(tmp_path, f"snapshot:{path}").info.platform == "snapshot"
    fresh = opened(tmp_path, f"snapshot:{tmp_path / 'new'}", must_exist=False)
    assert fresh.info.address == str(tmp_path / "new")
    with pytest.raises(UsageError, match=r"new\.json does not exist"):
        opened(tmp_path, "dump:./new.json")
    with pytest.raises(UsageError, match="reached with a key"):
        opened(tmp_path, f"openai-assistants:{path}")


async def test_a_profile_of_that_name_wins(tmp_path: Path) -> None:
    write(tmp_path / "understudy.toml", '[profiles.dump]\nplatform = "memory"\n')
    assert opened(tmp_path, "dump").info.platform == "memory"


async def test_a_profile_may_be_a_dump(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", [BOT])
    old = {"UNDERSTUDY_PROFILE_OLD_PLATFORM": "dump"}
    named = Places(settings(tmp_path, UNDERSTUDY_PROFILE_OLD_PATH=str(path), **old))
    place = named.open("old", must_exist=True)
    assert (place.info.name, place.info.platform) == ("old", "dump")
    with pytest.raises(UsageError, match="is a dump and has no path"):
        Places(settings(tmp_path, **old)).open("old", must_exist=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dump:./x", ("dump", "./x")),
        ("snapshot:C:\\x", ("snapshot", "C:\\x")),
        ("C:\\x", ("", "C:\\x")),
        ("c:x.json", ("", "c:x.json")),
        ("dump:", ("", "dump:")),
        ("./dump:x", ("", "./dump:x")),
        ("https://example.com", ("", "https://example.com")),
    ],
)
def test_only_platforms_that_there_are_stand_before_a_path(
    text: str, expected: tuple[str, str]
) -> None:
    assert platform_and_path(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("src", "./src"), ("/a/b", "/a/b"), ("-", "-"), ("dump:x", "dump:x"), ("a/../b", "./a/../b")],
)
def test_what_is_given_as_a_path_is_no_profile(text: str, expected: str) -> None:
    assert as_path(text) == expected


async def test_the_same_path_is_the_same_place_however_it_is_spelt(tmp_path: Path) -> None:
    places = Places(settings(tmp_path))
    path = str(write(tmp_path / "x.json", [BOT]))
    assert places.same(path, f"dump:{path}")
    assert places.same("-", "dump:-")
    assert not places.same("-", path)
