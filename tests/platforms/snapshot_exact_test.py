"""Whatever a record holds, a snapshot gives it back exactly, in the same order."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from replicate.support import holds
from strategies import NASTY, json_values
from understudy.errors import SnapshotError
from understudy.model.assistant import Assistant
from understudy.platforms.base import PlaceInfo
from understudy.platforms.snapshot import Snapshot

SOURCE = PlaceInfo("src", "memory", "memory:src")
IDS = [f"asst_{number}" for number in range(9)]


def on_the_wire(value: Any) -> Any:
    """Return the value as JSON would bring it: no halves of a pair that belong together."""
    return json.loads(json.dumps(value))


any_text = st.sampled_from(
    [*NASTY, "\ufeffmarked", "\ud800", "x\udfff", "\u2028", "\x00", "a\r", "\n", "\r\n", "\ufeff"]
) | st.text(st.characters(exclude_categories=())).map(on_the_wire)
functions = st.dictionaries(
    st.sampled_from(["name", "description", "parameters", "strict", "$file"]),
    json_values | any_text | st.just("functions/a.json"),
    max_size=4,
)
any_tool = (
    st.builds(
        lambda kind, function: {"type": kind, "function": function},
        st.sampled_from(["function", "custom", None]),
        functions | json_values,
    )
    | st.fixed_dictionaries({"function": functions})
    | json_values
)
records = st.fixed_dictionaries(
    {},
    optional={
        "name": any_text | st.none() | st.just(7),
        "instructions": any_text | json_values,
        "tools": st.lists(any_tool, max_size=4) | json_values,
        "metadata": st.dictionaries(any_text, any_text, max_size=3) | json_values,
        "created_at": st.integers(0, 9) | json_values,
        "object": st.just("assistant"),
        "future": json_values,
    },
).map(on_the_wire)


def kept(place: str, raws: list[dict[str, Any]]) -> list[Assistant]:
    """Return what a snapshot holds after it was told to keep the records, twice, read anew."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / place
        for _ in range(2):
            assistants = [
                Assistant(f"asst_{n}", {"id": f"asst_{n}", **r}) for n, r in enumerate(raws)
            ]
            Snapshot(path).keep(assistants, SOURCE, prune=True)
        page = Snapshot(path)._loaded()
        return [Assistant(i, {"id": i, **record}) for i, record in sorted(page.items())]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["snapshot.json", "snapshot"]), st.lists(records, max_size=3))
@example("snapshot", [{"instructions": "\ufeffBe brief."}])
@example("snapshot", [{"tools": [{"type": "function", "function": {}}]}])
@example("snapshot", [{"tools": [{"type": "function", "function": {"$file": "functions/a.json"}}]}])
@example("snapshot", [{"tools": [{"type": "custom", "function": {"$file": "functions/a.json"}}]}])
@example("snapshot", [{"tools": [{"type": "function", "function": {"name": n}} for n in "aA"]}])
@example("snapshot", [{"tools": None}, {"tools": "none"}, {"tools": {}}])
@example("snapshot", [{"name": name} for name in ("CON", "con", "../..", "\u202e", "")])
def test_any_record_comes_back_exactly(place: str, raws: list[dict[str, Any]]) -> None:
    expected = [{"id": i, **raw} for i, raw in zip(IDS, raws, strict=False)]
    found = [dict(assistant.raw) for assistant in kept(place, raws)]
    assert [json.dumps(f, sort_keys=True) for f in found] == [
        json.dumps(e, sort_keys=True) for e in expected
    ]


@pytest.mark.parametrize("place", ["snapshot.json", "snapshot"])
def test_schemas_keep_the_order_in_which_models_read_them(place: str) -> None:
    properties = {name: {"type": "string", "description": name} for name in ("zeta", "alpha", "mu")}
    schema = {"type": "object", "properties": properties, "required": ["zeta"]}
    raw = {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    }
    (found,) = kept(place, [raw])
    parameters = found.functions()[0]["parameters"]
    answer = found.raw["response_format"]["json_schema"]["schema"]
    for seen in (parameters, answer):
        assert list(seen["properties"]) == ["zeta", "alpha", "mu"]
        assert list(seen) == ["type", "properties", "required"]


@pytest.mark.parametrize("place", ["snapshot.json", "snapshot"])
def test_fields_and_metadata_are_sorted_whatever_order_a_server_sends(
    tmp_path: Path, place: str
) -> None:
    one = {"id": "a", "model": "gpt-4o", "name": "N", "metadata": {"x": "1", "b": "2"}}
    other = {"metadata": {"b": "2", "x": "1"}, "name": "N", "model": "gpt-4o", "id": "a"}
    texts = []
    for raw in (one, other):
        Snapshot(tmp_path / place).keep([Assistant("a", raw)], SOURCE, prune=True)
        path = tmp_path / place
        path = path if path.is_file() else path / "n" / "assistant.json"
        texts.append([line for line in path.read_text().splitlines() if "exported_at" not in line])
    assert texts[0] == texts[1]


async def test_functions_laid_into_a_folder_by_hand_need_no_list(tmp_path: Path) -> None:
    folder = tmp_path / "snapshot" / "helper"
    (folder / "functions").mkdir(parents=True)
    (folder / "assistant.json").write_text('{"model": "gpt-4o", "tools": null}')
    (folder / "functions" / "look_up.json").write_text('{"parameters": {}}')
    (found,) = await holds(Snapshot(tmp_path / "snapshot"))
    assert found.tools == [{"type": "function", "function": {"name": "look_up", "parameters": {}}}]


async def test_a_link_that_leads_in_a_circle_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "snapshot" / "helper"
    (folder / "functions").mkdir(parents=True)
    (folder / "assistant.json").write_text('{"model": "gpt-4o"}')
    circle = folder / "functions" / "f.json"
    circle.symlink_to(circle)
    with pytest.raises(SnapshotError, match=r"f\.json"):
        await holds(Snapshot(tmp_path / "snapshot"))


def test_two_of_one_name_get_folders_that_tell_them_apart(tmp_path: Path) -> None:
    ids = ("asst_abcdefgh1", "asst_abcdefgh2")
    twins = [Assistant(i, {"id": i, "name": "Bot"}) for i in ids]
    for _ in range(2):
        Snapshot(tmp_path).keep(twins, SOURCE, prune=True)
        folders = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
        assert folders == ["bot", "bot-bcdefgh2"]
        twins.reverse()
