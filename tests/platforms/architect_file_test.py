"""Architect documents as places: what was not changed stays, whatever stands in the document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from understudy.architect.document import Document
from understudy.architect.limits import MOST_BYTES
from understudy.errors import RejectedError, SnapshotError
from understudy.platforms.architect_file import ArchitectFile

FINE = (
    '{"name": "Fine", "prompts": [{"name": "a", "content": "x", "model_name": "gpt-4o", '
    '"position": 0}], "input_fields": []}'
)
WORKFLOW = (
    '{"name":"Work flow",  "prompts":[{"name":"a","content":"caf\\u00e9","model_name":"gpt-4o",'
    '"position":0,"timeout_seconds":1.50},\n\t{"name":"b","content":"{{a}}",'
    '"model_name":"gpt-4o","position":1}], "input_fields":[]}'
)
ALPHA = {"name": "Alpha", "model": "gpt-4o", "instructions": "Be kind."}


def written(path: Path, *entries: str, more: str = "") -> Path:
    path.write_text(f'{{"version": "1.0", {more}"assistants": [{", ".join(entries)}]}}\n')
    return path


async def created(path: Path, **fields: Any) -> str:
    place = ArchitectFile(path)
    made = await place.create({**ALPHA, **fields})
    await place.flush()
    return made.id


def names(path: Path) -> list[Any]:
    return [one["name"] for one in json.loads(path.read_text())["assistants"]]


@pytest.mark.parametrize(
    "entry",
    [
        WORKFLOW,
        '{"name":"Bad","timeout_seconds":NaN,"prompts":[],"input_fields":[]}',
        '{"name":"Bad","timeout_seconds":1e400}',
        '{"name":"Bad","timeout_seconds":' + "9" * 5000 + "}",
        '{"name":"One","name":"Two"}',
        '{"name":"Half \\ud800"}',
        '{"name":[]}',
        "null",
        "[[1e2 , 1.0]]",
    ],
)
async def test_what_is_no_assistant_keeps_every_byte(tmp_path: Path, entry: str) -> None:
    path = written(tmp_path / "team.json", entry, FINE)
    await created(path)
    text = path.read_text()
    assert entry in text
    assert FINE in text
    assert '"name": "Alpha"' in text


async def test_deleting_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path / "team.json", WORKFLOW, FINE)
    made = await created(path)

    place = ArchitectFile(path)
    await place.update("Fine", {"instructions": "New."})
    await place.delete(made)
    await place.flush()
    assert WORKFLOW in path.read_text()
    assert names(path) == ["Work flow", "Fine"]
    assert json.loads(path.read_text())["assistants"][1]["prompts"][0]["system_context"] == "New."


@pytest.mark.parametrize(
    "entry", ['{"name":"Bad"}', '{"name":"Bad","prompts":5}', '{"name":"Bad","prompts":["x"]}']
)
async def test_an_entry_of_ours_that_was_damaged_is_none(tmp_path: Path, entry: str) -> None:
    ours = '"$understudy": {"Bad": {"id": "arch_1"}}, '
    path = written(tmp_path / "team.json", entry, FINE, more=ours)
    await created(path)
    assert entry in path.read_text()


@pytest.mark.parametrize(
    "ours",
    [
        "[]",
        "null",
        '{"Fine": 1}',
        '{"Fine": {"id": 1}}',
        '{"Fine": {"name": {}}}',
        '{"Fine": {"metadata": []}}',
        '{"Fine": {"id": "arch_1"}, "Good": {"id": "arch_1"}}',
        '{"Fine": {"id": "Good"}}',
    ],
)
async def test_what_is_not_ours_under_our_name_is_refused(tmp_path: Path, ours: str) -> None:
    good = FINE.replace("Fine", "Good")
    path = written(tmp_path / "team.json", FINE, good, more=f'"$understudy": {ours}, ')
    before = path.read_bytes()
    with pytest.raises(SnapshotError, match=r"\$understudy"):
        await created(path)
    assert path.read_bytes() == before


async def test_a_document_that_somebody_else_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = written(tmp_path / "team.json", FINE)

    place = ArchitectFile(path)
    await place.create(ALPHA)
    await created(path, name="Other")
    with pytest.raises(RejectedError, match="meanwhile"):
        await place.flush()
    assert names(path) == ["Fine", "Other"]


async def test_two_that_make_the_same_document_do_not_overwrite_each_other(tmp_path: Path) -> None:
    path = tmp_path / "team.json"

    place = ArchitectFile(path)
    await place.create(ALPHA)
    await created(path, name="Other")
    with pytest.raises(RejectedError, match="meanwhile"):
        await place.flush()
    assert names(path) == ["Other"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"instructions": "x" * MOST_BYTES}, "bytes"), ({"instructions": "\ud800"}, "half")],
)
async def test_what_could_not_be_read_again_is_not_written(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    path = written(tmp_path / "team.json", FINE)
    before = path.read_bytes()
    with pytest.raises(RejectedError, match=words):
        await created(path, **fields)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["Two\nlines", "n" * 255, "x", None, "  Blank  ", "\x85\x9b"])
async def test_every_name_makes_a_valid_document(tmp_path: Path, name: str | None) -> None:
    path = tmp_path / "team.json"
    await created(path, name=name)
    await created(path, name=name)
    document = Document.load(path)
    assert document.valid, document.errors
    assert len(set(names(path))) == 2

    page = await ArchitectFile(path).list_page()
    assert [one.raw.get("name") for one in page.assistants] == [name, name]


async def test_renaming_into_the_name_that_it_has_adds_no_number(tmp_path: Path) -> None:
    path = tmp_path / "team.json"
    made = await created(path, name="  Blank  ")

    place = ArchitectFile(path)
    await place.update(made, {"name": "Blank"})
    await place.flush()
    assert names(path) == ["Blank"]
