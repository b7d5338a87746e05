"""Snapshots with files and vector stores: exported, verified, restored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import Done, Stage, surroundings
from furnished import furnish, supply
from mirrored import Mirror, moved
from understudy.sandbox import ThreadedSandbox, parse_fault

CARRY = ("--file-search", "--code-interpreter")
EXPORT = ("export", *CARRY, "--out", "snap")
IMPORT = ("import", "snap", *CARRY, "--settle", "0")


@pytest.fixture(autouse=True)
def furnished(stage: Stage) -> Iterator[None]:
    """Let the source hand out its files, of which it has some."""
    with ThreadedSandbox(purpose_rule=False) as sandbox:
        stage.sandbox = sandbox
        stage.environment = surroundings(sandbox.base_url, stage.folder.parent)
        furnish(stage.source, twins=True)
        yield


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, without the time of the export."""
    return {
        str(path.relative_to(folder)): b"\n".join(
            line for line in path.read_bytes().split(b"\n") if b'"exported_at"' not in line
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def blobs(folder: Path) -> list[Path]:
    """Return the files of a snapshot that are called like their digest."""
    return [path for path in sorted(folder.rglob("*")) if len(path.name) == 64 and path.is_file()]


def exported(stage: Stage, *arguments: object, code: int = 0) -> Done:
    return stage.call(*EXPORT, *arguments).check(code)


def test_a_snapshot_restores_everything_into_another_project(stage: Stage) -> None:
    exported(stage)
    stage.call("verify", "snap").check()
    stage.call(*IMPORT).check()
    Mirror(stage.source, stage.destination).check()
    stage.sandbox.requests.clear()
    stage.call(*IMPORT).check()
    assert stage.writes() == 0
    assert moved(stage.sandbox) == (0, 0)


def test_every_blob_is_there_once_under_its_digest(stage: Stage) -> None:
    exported(stage)
    found = blobs(stage.folder / "snap")
    for path in found:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    used = [i for i, f in stage.source.files.items() if f["filename"] != "unused.txt"]
    assert {path.name for path in found} == {stage.source.sha256(one) for one in used}


def test_exporting_again_fetches_nothing_and_changes_no_byte(stage: Stage) -> None:
    exported(stage)
    before = contents(stage.folder / "snap")
    stage.sandbox.requests.clear()
    exported(stage)
    assert moved(stage.sandbox) == (0, 0)
    assert contents(stage.folder / "snap") == before


def test_a_later_export_fetches_what_is_new_and_drops_what_is_gone(stage: Stage) -> None:
    exported(stage)
    count = len(blobs(stage.folder / "snap"))
    store = next(iter(stage.source.stores))
    new = stage.source.put_file("new.txt", b"brand new")["id"]
    stage.source.attach(store, new, {"new": True})
    stage.sandbox.requests.clear()
    exported(stage)
    # Twice: once to see whether such files are handed out at all.
    assert moved(stage.sandbox)[1] <= 2 * len(b"brand new")
    assert len(blobs(stage.folder / "snap")) == count + 1
    stage.source.remove_file(new)
    stage.sandbox.requests.clear()
    done = exported(stage)
    assert "removed" in done.out
    assert moved(stage.sandbox) == (0, 0)
    assert len(blobs(stage.folder / "snap")) == count


def test_what_was_imported_exports_to_the_same_blobs(stage: Stage) -> None:
    exported(stage)
    stage.call(*IMPORT).check()
    stage.call("export", *CARRY, "--from", "dst", "--out", "back").check()
    here, there = blobs(stage.folder / "snap"), blobs(stage.folder / "back")
    assert [path.name for path in here] == [path.name for path in there]


@pytest.mark.parametrize("damage", ["changed", "shortened", "removed", "emptied"])
def test_a_damaged_blob_is_found_and_never_restored(stage: Stage, damage: str) -> None:
    exported(stage)
    large = max(blobs(stage.folder / "snap"), key=lambda path: path.stat().st_size)
    content = large.read_bytes()
    large.chmod(0o600)
    if damage == "removed":
        large.unlink()
    else:
        changed = {"changed": b"?" + content[1:], "shortened": content[:-1], "emptied": b""}
        large.write_bytes(changed[damage])
    done = stage.call("verify", "snap").check(1)
    assert large.name[:8] in done.out or "large.bin" in done.out
    assert stage.call("--json", "verify", "snap").code == 1
    stage.call(*IMPORT).check(3)
    assert "large.bin" not in {f["filename"] for f in stage.destination.files.values()}
    assert len(stage.destination.assistants) == 5


def test_an_export_says_what_it_could_not_fetch_and_the_originals_complete_it(
    stage: Stage,
) -> None:
    with ThreadedSandbox(purpose_rule=True) as sealed:
        stage.sandbox = sealed
        stage.environment = surroundings(sealed.base_url, stage.folder.parent)
        furnish(stage.source, twins=False)
        done = exported(stage, code=3)
        assert "handbook.txt" in done.out
        stage.call("verify", "snap").check()
        assert stage.call(*IMPORT).code == 3
        assert not stage.destination.stores
        folder = supply(stage.folder / "originals", stage.source)
        exported(stage, "--files-dir", folder)
        stage.call(*IMPORT).check()
        Mirror(stage.source, stage.destination).check()


def test_an_export_of_text_is_upgraded_later(stage: Stage) -> None:
    with ThreadedSandbox(purpose_rule=True) as sealed:
        stage.sandbox = sealed
        stage.environment = surroundings(sealed.base_url, stage.folder.parent)
        furnish(stage.source, twins=False)
        exported(stage, "--text-fallback", code=3)
        stage.call("verify", "snap").check()
        folder = supply(stage.folder / "originals", stage.source)
        exported(stage, "--text-fallback", "--files-dir", folder)
        stage.call(*IMPORT).check()
        Mirror(stage.source, stage.destination).check()


def test_an_export_moves_no_more_than_it_may_and_the_next_completes_it(stage: Stage) -> None:
    done = exported(stage, "--max-bytes", "7000", code=3)
    assert "max-bytes" in done.out
    assert 0 < moved(stage.sandbox)[1] <= 7000
    stage.sandbox.requests.clear()
    exported(stage)
    stage.call("verify", "snap").check()
    stage.call(*IMPORT).check()
    Mirror(stage.source, stage.destination).check()


@pytest.mark.parametrize(
    "fault", ["drop-after:files.content#4-6", "truncated:files.content#4-6", "401:any#9-"]
)
def test_an_export_that_breaks_off_is_completed_by_the_next(stage: Stage, fault: str) -> None:
    stage.sandbox.faults = (parse_fault(fault),)
    done = stage.call(*EXPORT)
    assert done.code in (0, 3, 4)
    stage.sandbox.faults = ()
    exported(stage)
    stage.call("verify", "snap").check()
    assert not [path for path in stage.files() if ".understudy-" in path]
    stage.call(*IMPORT).check()
    Mirror(stage.source, stage.destination).check()


def test_check_compares_a_snapshot_with_a_project(stage: Stage) -> None:
    exported(stage)
    stage.call(*IMPORT).check()
    stage.call("check", "./snap", "dst", *CARRY).check()
    store = next(iter(stage.destination.stores))
    stage.destination.edit_store(store, name="Renamed")
    done = stage.call("check", "./snap", "dst", *CARRY).check(1)
    assert "1 different" in done.out


def test_a_clone_into_a_snapshot_carries_knowledge_too(stage: Stage) -> None:
    stage.call("clone", *CARRY, "--to", "./copy", "--settle", "0").check()
    stage.call("verify", "copy").check()
    stage.sandbox.requests.clear()
    stage.call("clone", *CARRY, "--to", "./copy", "--settle", "0").check()
    assert moved(stage.sandbox) == (0, 0)


def test_a_snapshot_of_one_file_holds_no_knowledge_and_says_so(stage: Stage) -> None:
    done = stage.call("export", *CARRY, "--out", "snap.json").check(64)
    assert "a directory" in done.err
