"""A sync that sees nothing new knows so at once, and stores what one that looks closely stores."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strategies import definitions
from understudy import Memory, Registry
from understudy.model.assistant import Assistant
from understudy.registry.marks import Marks, mark, read, spelt

NAMES = ["Support Bot", "support bot", "Other", "日本", None]


def one(**fields: Any) -> Assistant:
    return Assistant("asst_1", {"id": "asst_1", **fields})


@given(definitions(extra=True), definitions(extra=True))
def test_a_record_is_marked_by_all_that_it_says(
    left: dict[str, Any], right: dict[str, Any]
) -> None:
    same = json.dumps(left) == json.dumps(right)
    assert (mark(one(**left)) == mark(one(**right))) is same
    assert mark(one(**left)) == mark(one(**json.loads(json.dumps(left))))


def test_one_is_not_true_and_the_depth_of_a_record_stops_nothing() -> None:
    assert len({mark(one(a=value)) for value in (1, True, 1.0, "1", None)}) == 5
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    assert mark(one(a=deep)) == ""
    assert not Marks("f", {"asst_1": ("A", "")}, {}).fit({"asst_1": ""})


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"made_by": "0.0.1"}', "null", '{"made_by": 5, "keys": 1}']
)
def test_marks_that_are_none_are_left_alone(text: str) -> None:
    assert read(text) is None


@given(st.dictionaries(st.text(), st.tuples(st.text(), st.text())))
def test_marks_survive_being_written(keys: dict[str, tuple[str, str]]) -> None:
    marks = Marks("digest", keys, {"BOT": ("a", "b")})
    assert read(spelt(marks)) == marks
    assert marks.fit({key: mark for key, (_, mark) in keys.items()}) is all(
        mark for _, mark in keys.values()
    )


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(NAMES)),
        st.tuples(st.just("rename"), st.sampled_from(NAMES)),
        st.tuples(st.just("remove"), st.none()),
        st.tuples(st.just("edit the file"), st.none()),
        st.tuples(st.just("spoil the marks"), st.sampled_from(["", "{}", "[1]"])),
        st.tuples(st.just("restore"), st.none()),
        st.tuples(st.just("sync"), st.none()),
    ),
    max_size=12,
)


@given(steps)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_stores_what_a_sync_without_marks_would(steps: list[tuple[str, Any]]) -> None:
    place = Memory()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config" / "assistants.json"
        for step, value in [*steps, ("sync", None), ("sync", None)]:
            _take(step, value, place, path)


def _take(step: str, value: Any, place: Memory, path: Path) -> None:
    there = asyncio.run(place.list_page()).assistants
    marks = path.parent / "assistants.history" / "marks.json"
    if step == "add":
        asyncio.run(place.create({"name": value, "model": "gpt-4o"}))
    elif step == "rename" and there:
        asyncio.run(place.update(there[0].id, {"name": value}))
    elif step == "remove" and there:
        asyncio.run(place.delete(there[-1].id))
    elif step == "edit the file" and path.exists():
        entries = json.loads(path.read_text(encoding="utf-8"))
        for entry in list(entries.values())[:1]:
            entry["instructions"] = "by hand"
        path.write_text(json.dumps(entries), encoding="utf-8")
    elif step == "spoil the marks" and marks.exists():
        marks.write_text(value, encoding="utf-8")
    elif step == "restore":
        _restore(Registry(path, source=place, gate=None))
    elif step == "sync":
        _same_without_marks(place, path)


def _restore(registry: Registry) -> None:
    for record in registry.history():
        for key in record.removed:
            if key not in registry.entries():
                registry.restore(key)
                return


def _same_without_marks(place: Memory, path: Path) -> None:
    with tempfile.TemporaryDirectory() as other:
        twin = Path(other) / "config" / path.name
        if path.parent.exists():
            shutil.copytree(path.parent, twin.parent)
        (twin.parent / "assistants.history" / "marks.json").unlink(missing_ok=True)
        closely = Registry(twin, source=place, gate=None).sync_assistants(allow_removal=True)
        quickly = Registry(path, source=place, gate=None).sync_assistants(allow_removal=True)
        assert path.read_bytes() == twin.read_bytes()
    assert quickly.proposal.difference == closely.proposal.difference
    assert quickly.proposal.shared == closely.proposal.shared
    assert quickly.proposal.pinned == closely.proposal.pinned
    assert dict(quickly.proposal.entries) == dict(closely.proposal.entries)
    assert quickly.problems == closely.problems
