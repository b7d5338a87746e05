"""SIGKILL at every line of the journal: the same command completes the work, and nothing twice."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from command import MODEL, Done, until
from furnished import furnish, supply, surround
from killing import Condemned, Empty, Executioner
from mirrored import Mirror, moved, sizes
from understudy.sandbox import parse_fault

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")

CLONE = ("clone", "--file-search", "--code-interpreter", "--settle", "0")
APPLY = ("--concurrency", "3")
LINES = 40  # a little more than an undisturbed run writes; its variants are killed at some of them


@dataclass
class Scene(Condemned):
    """Two projects, whose knowledge is carried from one to the other."""

    marked: bool = True
    others: frozenset[str] = frozenset()
    lag: int = 0

    def complete(self, *, resume: bool = False, code: int = 0) -> Done:
        """Run the command again, or carry on, without moving a byte that is there already.

        What was killed before its first line or after its last one cannot be resumed.
        """
        resume = resume and self.resumable()
        there = {f["id"]: f["bytes"] for f in self.stage.destination.files.values()}
        arrived = sum(size for one, size in there.items() if one not in self.others)
        self.stage.sandbox.requests.clear()
        done = self.stage.call(*(("resume",) if resume else self.arguments)).check(code)
        assert moved(self.stage.sandbox)[0] <= max(0, self.needed() - arrived), "uploaded twice"
        return done

    def needed(self) -> int:
        """How many bytes the assistants of the source lean on."""
        spare = [
            int(f["bytes"]) for f in self.stage.source.files.values() if "unused" in f["filename"]
        ]
        return sizes(self.stage.source) - sum(spare)

    def check(self) -> None:
        """Fail unless source and destination are alike and nothing is left to do."""
        stage = self.stage
        Mirror(stage.source, stage.destination, marked=self.marked).check(self.others)
        for _ in range(self.lag):
            stage.call("plan", *self.arguments[1:-2]).check()
        stage.sandbox.requests.clear()
        again = stage.call(*self.arguments).check()
        assert "0 created, 0 updated, 5 unchanged" in again.out
        assert stage.writes() == 0
        assert moved(stage.sandbox) == (0, 0)
        kept = {"log.jsonl", "mapping.json", "report.md", ".lock"}
        out = stage.folder / "out"
        assert {path.name for path in out.iterdir() if path.is_file()} <= kept
        assert {path.suffix for path in self.journals()} <= {".jsonl"}


Make = Callable[..., Scene]


@pytest.fixture
def scene(empty: Empty, executioner: Executioner) -> Make:
    """Make scenes; `originals`: the source hands nothing out, a folder has it all."""

    def make(
        *arguments: object, originals: bool = False, marked: bool = True, lag: int = 0
    ) -> Scene:
        stage = empty(purpose_rule=originals, list_lag_calls=lag)
        furnish(stage.source, twins=not originals)
        others = frozenset(surround(stage.destination))
        if originals:
            arguments = (
                *arguments,
                "--files-dir",
                supply(stage.folder / "originals", stage.source),
            )
        if not marked:
            arguments = (*arguments, "--identity", "mapping")
        return Scene(stage, executioner, (*CLONE, *arguments, *APPLY), marked, others, lag)

    return make


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("first", range(1, LINES, 6))
def test_a_clone_that_is_killed_at_any_line_is_completed(
    scene: Make, first: int, after: bool
) -> None:
    for line in range(first, min(first + 6, LINES + 1)):
        now = scene()
        if now.kill(line, after=after):
            now.complete(resume=line % 2 == 0)
        now.check()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("first", range(1, LINES, 12))
def test_so_is_one_that_takes_the_files_from_a_folder(scene: Make, first: int, after: bool) -> None:
    for line in range(first + 3 * after, min(first + 12, LINES + 1), 6):
        now = scene(originals=True)
        if now.kill(line, after=after):
            now.complete(resume=line % 2 == 0)
        now.check()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("first", range(1, LINES, 12))
def test_so_is_one_that_keeps_identity_in_mapping_json(
    scene: Make, first: int, after: bool
) -> None:
    for line in range(first + 1 + 3 * after, min(first + 12, LINES + 1), 6):
        now = scene(marked=False)
        if now.kill(line, after=after):
            now.complete(resume=line % 2 == 0)
        now.check()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("first", range(1, LINES, 12))
def test_so_is_one_whose_journal_is_lost(scene: Make, first: int, after: bool) -> None:
    for line in range(first + 2 + 3 * after, min(first + 12, LINES + 1), 6):
        now = scene(originals=True)
        if now.kill(line, after=after):
            shutil.rmtree(now.stage.folder / "out")
            now.complete()
        now.check()


@pytest.mark.parametrize("marked", [False, True], ids=["mapping", "metadata"])
@pytest.mark.parametrize("first", range(1, LINES, 12))
def test_so_is_one_into_a_place_whose_lists_lag_behind(
    scene: Make, first: int, marked: bool
) -> None:
    for line in range(first + 3 * marked, min(first + 12, LINES + 1), 6):
        now = scene("--settle", "0.5", marked=marked, lag=2)
        if now.kill(line, after=False):
            now.complete(resume=line % 2 == 0)
        now.check()


@pytest.mark.parametrize("first", range(1, 12, 4))
def test_a_killed_pruning_is_completed(scene: Make, first: int) -> None:
    for line in range(first, first + 4):
        for after in (False, True):
            now = scene("--prune", "--force")
            source, stage = now.stage.source, now.stage
            gone = source.put_file("gone.txt", b"it will go")["id"]
            store = source.put_store(name="Going", files=[gone])["id"]
            spare = source.put_file("spare.txt", b"it will go, too")["id"]
            resources = {
                "file_search": {"vector_store_ids": [store]},
                "code_interpreter": {"file_ids": [spare]},
            }
            one = source.add(name="Going", model=MODEL, tool_resources=resources)["id"]
            stage.call(*now.arguments).check()
            source.remove(one)
            source.remove_store(store)
            source.remove_file(gone)
            source.remove_file(spare)
            for path in now.journals():
                path.unlink()
            if now.kill(line, after=after):
                now.complete(resume=line % 2 == 0)
            now.check()


@pytest.mark.parametrize("kind", ["hang", "hang-after"])
@pytest.mark.parametrize(
    "where", ["files.content", "files.create#2", "stores.create", "batches.create", "create#2"]
)
def test_a_kill_in_the_middle_of_a_request_leaves_nothing_twice(
    scene: Make, kind: str, where: str
) -> None:
    now = scene()
    sandbox, stage = now.stage.sandbox, now.stage
    here, _, number = where.partition("#")
    sandbox.faults = (parse_fault(f"{kind}:{where}"),)
    with stage.start(*now.arguments) as process:
        until(lambda: sandbox.count(here) >= int(number or 1), where)
        process.send_signal(signal.SIGKILL)
        process.wait()
    sandbox.faults = ()
    now.complete(resume=True)
    now.check()


def test_there_are_no_more_lines_than_were_tried(scene: Make) -> None:
    now = scene()
    assert not now.kill(LINES + 1, after=False)
    assert len(now.journals()) == 1
    lines = len(now.lines())
    assert LINES - 6 <= lines <= LINES, lines
    now.check()
