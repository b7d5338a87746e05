"""Bundles: files that an application sends as they are, and that nobody's work is lost in."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replicate.support import replicate
from understudy.errors import MissingError, RejectedError, SnapshotError
from understudy.model.assistant import Assistant
from understudy.platforms.base import Marker
from understudy.platforms.memory import Memory
from understudy.platforms.responses import Bundle
from understudy.platforms.responses_form import HEADER, check_arguments, folded, lifted
from understudy.replicate.plan import Action

ORIGIN = "asst_AbCdEfGh12345678"
CLONE = {"cloned_from": ORIGIN}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bundle"


async def named(folder: Path, name: str | None, **fields: Any) -> str:
    """Create an assistant of that name and return the key that it got."""
    return (await Bundle(folder).create({"model": "gpt-4o", "name": name, **fields})).id


def stems(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.json") if path.name != HEADER)


def content(folder: Path, key: str) -> Any:
    return json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def put(folder: Path, name: str, value: Any) -> Path:
    """Write a file by hand: text as it is, anything else as JSON."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Arcanos Runtime Companion", "ARCANOS_RUNTIME_COMPANION"),
        ("Test Assistant-123", "TEST_ASSISTANT123"),
        ("My AI Helper (v2)", "MY_AI_HELPER_V2"),
        ("  many\t \nblanks ", "MANY_BLANKS"),
        ("Größe 🙂 L", "GRE_L"),
        ("../../etc/passwd", "ETCPASSWD"),
        ("_hidden", "HIDDEN"),
        ("aux", "AUX_ASSISTANT"),
        ("Com1", "COM1_ASSISTANT"),
    ],
)
async def test_a_file_is_called_by_the_key_that_applications_look_up(
    folder: Path, name: str, key: str
) -> None:
    assert await named(folder, name) == key
    assert stems(folder) == [key]


@pytest.mark.parametrize("name", [None, "", "   ", "!?!", "日本語", "🙂"])
async def test_what_has_no_key_is_called_by_its_origin(folder: Path, name: str | None) -> None:
    assert await named(folder, name, metadata=CLONE) == "12345678"
    assert await named(folder, name) == "ASSISTANT"


@pytest.mark.parametrize("length", [199, 200, 201, 256])
async def test_a_name_too_long_for_a_file_is_cut(folder: Path, length: int) -> None:
    keys = [await named(folder, "x" * length, metadata=CLONE) for _ in range(3)]
    assert keys[0] == "X" * min(length, 200)
    assert len(set(keys)) == len(stems(folder)) == 3


async def test_three_hundred_of_one_name_are_three_hundred_files(folder: Path) -> None:
    place = Bundle(folder)
    made = [await place.create({"model": "gpt-4o", "name": "Twin"}) for _ in range(300)]
    assert len({one.id for one in made}) == len(stems(folder)) == 300


@pytest.mark.parametrize("name", ["TWIN.json", "twin.json", "Twin.JSON", "TWIN.txt"])
async def test_a_name_that_anything_has_in_any_case_is_taken(folder: Path, name: str) -> None:
    before = put(folder, name, {"model": "mine"})
    assert await named(folder, "Twin", metadata=CLONE) == "TWIN_12345678"
    assert json.loads(before.read_text()) == {"model": "mine"}


async def test_so_is_the_name_of_a_folder_or_of_a_link_to_nowhere(folder: Path) -> None:
    (folder / "DESK.json").mkdir(parents=True)
    (folder / "LOST.json").symlink_to(folder / "nowhere")
    assert await named(folder, "Desk") == "DESK_2"
    assert await named(folder, "Lost") == "LOST_2"
    assert (folder / "DESK.json").is_dir()
    assert (folder / "LOST.json").is_symlink()
    assert [one.id for one in (await Bundle(folder).list_page()).assistants] == ["DESK_2", "LOST_2"]


async def test_a_file_that_appears_meanwhile_is_not_written_over(folder: Path) -> None:
    place = Bundle(folder)
    await place.create({"model": "gpt-4o", "name": "First"})
    put(folder, "SECOND.json", {"model": "mine"})
    assert (await place.create({"model": "gpt-4o", "name": "Second"})).id == "SECOND_2"
    assert content(folder, "SECOND") == {"model": "mine"}


async def test_a_refused_request_takes_no_name(folder: Path) -> None:
    place = Bundle(folder)
    with pytest.raises(RejectedError) as told:
        await place.create({"model": "gpt-4o", "name": "One", "unheard_of": 1})
    assert told.value.param == "unheard_of"
    assert (await place.create({"model": "gpt-4o", "name": "One"})).id == "ONE"


async def test_a_link_out_of_the_folder_is_neither_read_nor_followed(
    folder: Path, tmp_path: Path
) -> None:
    secret = put(tmp_path / "elsewhere", "secret.json", {"model": "gpt-4o", "instructions": "x"})
    put(folder, ".keep", "").with_name("X.json").symlink_to(secret)
    place = Bundle(folder)
    assert (await place.list_page()).assistants == ()
    with pytest.raises(MissingError):
        await place.update("X", {"instructions": "y"})
    await place.delete("X")
    assert (folder / "X.json").is_symlink()
    assert await named(folder, "X") == "X_2"
    assert json.loads(secret.read_text())["instructions"] == "x"


@pytest.mark.parametrize("key", ["../elsewhere/secret", "..", ".", "", "/etc/hostname", "a\0b"])
async def test_no_key_leads_out_of_the_folder(folder: Path, tmp_path: Path, key: str) -> None:
    secret = put(tmp_path / "elsewhere", "secret.json", {"model": "gpt-4o"})
    place = Bundle(folder)
    with pytest.raises(MissingError):
        await place.retrieve(key)
    await place.delete(key)
    assert secret.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1"),
        ("[]", "must hold an object"),
        ('"text"', "must hold an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"model": ' + "9" * 5000 + "}", "X.json"),
        ("\udcff".encode("utf-8", "surrogatepass").decode("latin-1"), "X.json"),
    ],
    ids=["torn", "list", "text", "deep", "number", "bytes"],
)
async def test_a_broken_file_is_named_and_stays(folder: Path, text: str, reason: str) -> None:
    path = put(folder, "X.json", text)
    before = path.read_bytes()
    for place in (Bundle(folder), Bundle(folder, must_exist=True)):
        with pytest.raises(SnapshotError, match=reason) as told:
            await place.list_page()
        assert str(path) in told.value.message
    assert path.read_bytes() == before


async def test_other_files_of_the_folder_are_nobody_s_business(folder: Path) -> None:
    await named(folder, "One")
    for name in (".hidden.json", "_notes.json", "README.md", "data.csv", ".understudy-torn"):
        put(folder, name, "no JSON at all")
    place = Bundle(folder)
    place.require_readable()
    assert [one.id for one in (await place.list_page()).assistants] == ["ONE"]


async def test_what_the_owner_added_survives_updates(folder: Path) -> None:
    key = await named(
        folder, "One", tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]
    )
    own = {"max_output_tokens": 500, "include": ["file_search_call.results"], "timeout": 30}
    put(folder, f"{key}.json", {**content(folder, key), **own})
    place = Bundle(folder)
    await place.update(key, {"instructions": "Other.", "tools": []})
    expected = {"model": "gpt-4o", "instructions": "Other.", **own}
    assert content(folder, key) == expected
    await place.update(key, {"instructions": None})
    assert content(folder, key) == {k: v for k, v in expected.items() if k != "instructions"}


async def test_tools_that_lean_on_different_stores_keep_their_own(folder: Path) -> None:
    tools = [
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
        {"type": "file_search", "vector_store_ids": ["vs_2"], "max_num_results": 3},
        {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}},
        {"type": "code_interpreter", "container": "cntr_1"},
    ]
    put(folder, "X.json", {"model": "gpt-4o", "tools": tools})
    await Bundle(folder).update("X", {"instructions": "New."})
    assert content(folder, "X")["tools"] == tools


async def test_a_renamed_file_is_still_the_copy(folder: Path) -> None:
    source = Memory([{"id": ORIGIN, "model": "gpt-4o", "name": "One", "instructions": "First."}])
    await replicate(source, Bundle(folder))
    (folder / "ONE.json").rename(folder / "my-own-name.json")
    plan, _ = await replicate(source, Bundle(folder))
    assert [c.action for c in plan.changes] == [Action.UNCHANGED]
    await source.update(ORIGIN, {"instructions": "Second."})
    await replicate(source, Bundle(folder))
    assert stems(folder) == ["my-own-name"]
    assert content(folder, "my-own-name")["instructions"] == "Second."


async def test_a_second_run_touches_no_file(folder: Path) -> None:
    records = [{"model": "gpt-4o", "name": f"Bot {n}", "temperature": 0.5} for n in range(5)]
    source = Memory(records)
    await replicate(source, Bundle(folder))
    before = times(folder)
    plan, _ = await replicate(source, Bundle(folder))
    assert {c.action for c in plan.changes} == {Action.UNCHANGED}
    assert times(folder) == before


ids = st.lists(st.sampled_from(["one", "two", "three"]), min_size=1, max_size=2)
tools = st.lists(
    st.fixed_dictionaries(
        {"type": st.just("file_search"), "vector_store_ids": ids},
        optional={"max_num_results": st.integers(1, 50)},
    )
    | st.fixed_dictionaries(
        {
            "type": st.just("code_interpreter"),
            "container": st.just("cntr_1")
            | st.fixed_dictionaries({"type": st.just("auto")}, optional={"file_ids": ids}),
        }
    )
    | st.just({"type": "web_search"})
    | st.just({"type": "function", "name": "f", "parameters": None, "strict": False}),
    max_size=4,
)
requests = st.fixed_dictionaries(
    {"model": st.just("gpt-4o")},
    optional={
        "instructions": st.text(max_size=5),
        "tools": tools.filter(bool),
        "include": st.just(["file_search_call.results"]),
        "max_output_tokens": st.integers(1, 9),
    },
)


@settings(max_examples=250, deadline=None)
@given(requests)
def test_lifting_ids_out_of_the_tools_and_folding_them_back_changes_nothing(
    arguments: dict[str, Any],
) -> None:
    before = copy.deepcopy(arguments)
    check_arguments(arguments)
    assert folded(lifted(arguments)) == arguments == before


def test_a_request_is_told_by_the_package_s_own_types() -> None:
    with pytest.raises(RejectedError, match=r"tools\[1\]"):
        check_arguments({"model": "m", "tools": [{"type": "web_search"}, {"type": "nothing"}]})
    with pytest.raises(RejectedError, match="temperature"):
        check_arguments({"model": "m", "temperature": "warm"})


def test_a_rendering_never_brings_the_name_into_the_arguments() -> None:
    rendered = Bundle("b").render(Assistant("a", {"id": "a", "name": "N", "model": "m"}), Marker())
    assert folded(rendered.payload) == {"model": "m", "metadata": {}}
