"""Dumps in all their forms, and snapshots, are read alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contract.reading_contract import RECORDS, ReadingContract
from understudy.model.assistant import Assistant
from understudy.platforms.base import PlaceInfo, Platform
from understudy.platforms.dumps import Dump
from understudy.platforms.snapshot import Snapshot


class TestDumpFile(ReadingContract):
    @pytest.fixture
    def filled(self, tmp_path: Path) -> Platform:
        newest_first = {"object": "list", "data": RECORDS[::-1], "has_more": False}
        (tmp_path / "page.json").write_text(json.dumps(newest_first))
        return Dump(tmp_path / "page.json")


class TestDumpFolder(ReadingContract):
    @pytest.fixture
    def filled(self, tmp_path: Path) -> Platform:
        (tmp_path / "lines.ndjson").write_text("".join(json.dumps(r) + "\n" for r in RECORDS[2:]))
        (tmp_path / "a/b").mkdir(parents=True)
        for record in RECORDS[:2]:
            (tmp_path / f"a/b/{record['id']}.json").write_text(json.dumps(record, indent=2))
        return Dump(tmp_path)


class TestSnapshotFile(ReadingContract):
    @pytest.fixture
    def filled(self, tmp_path: Path) -> Platform:
        return _kept(Snapshot(tmp_path / "snapshot.json"))


class TestSnapshotDirectory(ReadingContract):
    @pytest.fixture
    def filled(self, tmp_path: Path) -> Platform:
        return _kept(Snapshot(tmp_path / "snapshot"))


def _kept(snapshot: Snapshot) -> Snapshot:
    records = (Assistant(record["id"], record) for record in RECORDS)
    snapshot.keep(records, PlaceInfo("src", "memory", "memory:src"), prune=True)
    return snapshot
