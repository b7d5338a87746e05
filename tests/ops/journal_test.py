import json
from pathlib import Path

import pytest

from understudy.errors import OutputError, SnapshotError, UsageError
from understudy.ops.journal import JOURNAL, MAPPING, Journal, remembered
from understudy.platforms.base import PlaceInfo

A = PlaceInfo("a", "openai-assistants", "https://a/v1")
B = PlaceInfo("b", "openai-assistants", "https://b/v1", "org-b")
C = PlaceInfo("c", "openai-assistants", "https://c/v1")


def write(folder: Path, *pairs: tuple[str, str], destination: PlaceInfo = B) -> None:
    journal = Journal(folder, A, destination, durable=True)
    for one, other in pairs:
        journal.add(one, other)
    journal.close()
    journal.close()


def test_what_was_added_is_remembered_over_runs(tmp_path: Path) -> None:
    write(tmp_path, ("1", "x"), ("2", "y"))
    write(tmp_path, ("3", "z"))
    assert remembered(tmp_path, A, B, required=True) == {"1": "x", "2": "y", "3": "z"}


def test_a_name_is_no_part_of_a_place(tmp_path: Path) -> None:
    write(tmp_path, ("1", "x"))
    other_name = PlaceInfo("other", "openai-assistants", "https://b/v1", "org-b")
    assert remembered(tmp_path, A, other_name, required=True) == {"1": "x"}


def test_nothing_appears_before_the_first_pair(tmp_path: Path) -> None:
    write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert remembered(tmp_path, A, B, required=True) == {}


@pytest.mark.parametrize("cut", range(1, 30, 3))
def test_a_line_that_a_crash_tore_spoils_no_other(tmp_path: Path, cut: int) -> None:
    write(tmp_path, ("1", "x"), ("2", "y"))
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-cut])
    write(tmp_path, ("3", "z"))
    found = remembered(tmp_path, A, B, required=True)
    assert found in ({"1": "x", "3": "z"}, {"1": "x", "2": "y", "3": "z"})


def test_another_pair_of_places_is_kept_apart_and_refused_where_it_would_be_lost(
    tmp_path: Path,
) -> None:
    write(tmp_path, ("1", "x"))
    write(tmp_path, ("1", "c"), destination=C)
    assert remembered(tmp_path, A, B, required=False) == {"1": "x"}
    assert remembered(tmp_path, A, C, required=False) == {"1": "c"}
    with pytest.raises(UsageError, match=r"journal\.jsonl belongs to other places"):
        remembered(tmp_path, A, B, required=True)


def test_the_journal_is_newer_than_the_mapping(tmp_path: Path) -> None:
    places = {
        name: {"platform": p.platform, "address": p.address, "organization": p.organization}
        for name, p in (("source", A), ("destination", B))
    }
    entries = [{"srcId": "1", "dstId": "old"}, {"srcId": "2", "dstId": None}]
    known = [{"srcId": "4", "dstId": "kept"}]
    mapping = {"format_version": 1, **places, "mappings": entries, "known": known}
    (tmp_path / MAPPING).write_text(json.dumps(mapping))
    write(tmp_path, ("1", "new"))
    assert remembered(tmp_path, A, B, required=True) == {"1": "new", "4": "kept"}


def test_what_was_copied_one_way_is_known_the_other_way_round(tmp_path: Path) -> None:
    write(tmp_path, ("1", "x"), ("2", "y"))
    assert remembered(tmp_path, B, A, required=True) == {"x": "1", "y": "2"}


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text('{"format_version": 2, "source": {}, "destination": {}}\n')
    with pytest.raises(SnapshotError, match="its format_version is 2"):
        remembered(tmp_path, A, B, required=False)


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).mkdir()
    with pytest.raises(OutputError, match=r"journal\.jsonl cannot be written"):
        Journal(tmp_path, A, B, durable=False).add("1", "x")
