"""The journal of a run, what a killed one leaves, and what the next one makes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from understudy.errors import OutputError, SnapshotError, UsageError
from understudy.ops.journal import FOLDER, KEPT, Journal, supersede
from understudy.ops.recall import MAPPING, Recalled, journals, recall
from understudy.platforms.base import PlaceInfo
from understudy.report.jsonlines import place_fields

A = PlaceInfo("a", "openai-assistants", "https://a/v1")
B = PlaceInfo("b", "openai-assistants", "https://b/v1", "org-b")
C = PlaceInfo("c", "openai-assistants", "https://c/v1")


def header(destination: PlaceInfo = B) -> dict[str, Any]:
    return {"source": place_fields(A), "destination": place_fields(destination)}


async def write(
    folder: Path,
    run_id: str,
    *pairs: tuple[str, str],
    what: str = "create assistant",
    destination: PlaceInfo = B,
    pending: tuple[str, ...] = (),
    end: bool = False,
) -> Path:
    journal = Journal(folder, run_id, header(destination))
    for one, other in pairs:
        ticket = await journal.intend(what, one)
        journal.record(ticket, id=other)
    for one in pending:
        await journal.intend(what, one)
    if end:
        await journal.end(0)
    await journal.aclose()
    await journal.aclose()
    return folder / FOLDER / f"{run_id}.jsonl"


def remembered(folder: Path, destination: PlaceInfo = B, *, required: bool = True) -> Recalled:
    return recall(folder, A, destination, required=required)


def mapping(folder: Path, run_id: str, **content: Any) -> None:
    fields = {"format_version": 1, "run_id": run_id, **header(), "mappings": [], **content}
    (folder / MAPPING).write_text(json.dumps(fields))


async def test_what_killed_runs_created_is_remembered(tmp_path: Path) -> None:
    await write(tmp_path, "run-1", ("1", "x"), ("2", "y"))
    await write(tmp_path, "run-2", ("3", "z"))
    assert remembered(tmp_path).assistants == {"1": "x", "2": "y", "3": "z"}


async def test_files_and_stores_are_remembered_apart(tmp_path: Path) -> None:
    await write(tmp_path, "run-1", ("f", "ff"), what="upload file")
    await write(tmp_path, "run-2", ("s", "ss"), what="create store")
    found = remembered(tmp_path)
    assert (found.assistants, found.files, found.stores) == ({}, {"f": "ff"}, {"s": "ss"})


async def test_an_intent_without_a_result_stays_open(tmp_path: Path) -> None:
    await write(tmp_path, "run-1", ("1", "x"), pending=("2",))
    found = remembered(tmp_path)
    assert [(one.what, one.source_id) for one in found.open] == [("create assistant", "2")]
    assert found.last > 0
    await write(tmp_path, "run-2", ("2", "y"))
    assert remembered(tmp_path).open == ()


async def test_a_refused_create_is_not_open(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run-1", header())
    journal.record(await journal.intend("create assistant", "1"), error="refused")
    await journal.aclose()
    assert remembered(tmp_path).open == ()


async def test_nothing_appears_before_the_first_intent(tmp_path: Path) -> None:
    await write(tmp_path, "run-1")
    assert journals(tmp_path) == []
    assert remembered(tmp_path) == Recalled()


async def test_intents_are_on_disk_before_the_write(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run-1", header())
    await asyncio.gather(*(journal.intend("create assistant", str(n)) for n in range(50)))
    lines = (tmp_path / FOLDER / "run-1.jsonl").read_text().splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["run", *["intent"] * 50]
    await journal.aclose()


@pytest.mark.parametrize("cut", range(2, 80, 6))
async def test_a_line_that_a_crash_tore_spoils_no_other(tmp_path: Path, cut: int) -> None:
    path = await write(tmp_path, "run-1", ("1", "x"), ("2", "y"))
    path.write_bytes(path.read_bytes()[:-cut])
    found = remembered(tmp_path)
    assert found.assistants == {"1": "x"}
    assert [one.source_id for one in found.open] == ["2"]
    supersede(path, "run-9")
    assert remembered(tmp_path).assistants == {}


async def test_another_pair_of_places_is_kept_apart_and_refused_where_it_would_be_lost(
    tmp_path: Path,
) -> None:
    await write(tmp_path, "run-1", ("1", "x"))
    await write(tmp_path, "run-2", ("1", "c"), destination=C)
    assert remembered(tmp_path, required=False).assistants == {"1": "x"}
    assert remembered(tmp_path, C, required=False).assistants == {"1": "c"}
    with pytest.raises(UsageError, match=r"run-2\.jsonl belongs to other places"):
        remembered(tmp_path)


async def test_the_newer_record_counts(tmp_path: Path) -> None:
    entries = [{"srcId": "1", "dstId": "old"}, {"srcId": "2", "dstId": None}]
    mapping(tmp_path, "run-5", mappings=entries, known=[{"srcId": "4", "dstId": "kept"}])
    await write(tmp_path, "run-6", ("1", "new"))
    assert remembered(tmp_path).assistants == {"1": "new", "4": "kept"}
    mapping(tmp_path, "run-7", mappings=entries)
    assert remembered(tmp_path).assistants == {"1": "old"}


async def test_an_ended_run_is_remembered_by_its_mapping_alone(tmp_path: Path) -> None:
    await write(tmp_path, "run-1", ("1", "x"), pending=("2",), end=True)
    found = remembered(tmp_path)
    assert found.assistants == {}
    assert [one.source_id for one in found.open] == ["2"], "its answer was lost for good"


def test_knowledge_in_a_mapping_is_remembered_with_its_digests(tmp_path: Path) -> None:
    files = [{"srcId": "f", "dstId": "ff", "sha256": "0" * 64}, {"srcId": "g", "dstId": None}]
    stores = [{"srcId": "s", "dstId": "ss"}]
    mapping(tmp_path, "run-1", knowledge={"files": files, "stores": stores})
    found = remembered(tmp_path)
    assert (found.files, found.stores) == ({"f": "ff"}, {"s": "ss"})
    assert found.digests == {"f": "0" * 64}


async def test_what_was_copied_one_way_is_known_the_other_way_round(tmp_path: Path) -> None:
    await write(tmp_path, "run-1", ("1", "x"), ("2", "y"))
    assert recall(tmp_path, B, A, required=True).assistants == {"x": "1", "y": "2"}


async def test_containers_that_were_left_are_known(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run-1", header())
    for one in ("c1", "c2"):
        journal.record(await journal.intend("create container", "f"), id=one)
        if one == "c2":
            journal.record(await journal.intend("delete container", "f", id=one), id=one)
    await journal.aclose()
    assert remembered(tmp_path).containers == ("c1",)


@pytest.mark.parametrize(
    "content",
    [
        '{"type": "run", "format_version": 2, "run_id": "r", "source": {}, "destination": {}}\n',
        '{"type": "run", "format_version": 1}\n',
        '{"type": "intent", "n": 1}\n',
    ],
)
def test_a_journal_that_cannot_be_used_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "run-1.jsonl").write_text(content)
    with pytest.raises(SnapshotError, match=r"run-1\.jsonl cannot be used"):
        remembered(tmp_path, required=False)


async def test_a_journal_that_cannot_be_written_stops_the_write(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(OutputError, match=r"run-1\.jsonl cannot be written"):
        await Journal(tmp_path, "run-1", header()).intend("create assistant", "1")


async def test_old_journals_of_ended_runs_go_and_unfinished_ones_stay(tmp_path: Path) -> None:
    await write(tmp_path, "run-000", ("1", "x"))
    for number in range(1, KEPT + 3):
        await write(tmp_path, f"run-{number:03}", ("1", "x"), end=True)
    names = [path.stem for path in journals(tmp_path)]
    assert len(names) == KEPT + 1
    assert names[0] == "run-000"


def test_a_mapping_of_nothing_known_is_empty(tmp_path: Path) -> None:
    mapping(tmp_path, "run-1")
    found: Mapping[str, str] = remembered(tmp_path).assistants
    assert found == {}
