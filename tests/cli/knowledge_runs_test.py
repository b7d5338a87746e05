"""Pruning, resuming and full disks, where files and vector stores are carried."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from command import MODEL, Stage, surroundings, until
from mirrored import Mirror, moved
from understudy.sandbox import Project, ThreadedSandbox, parse_fault

CARRY = ("--file-search", "--code-interpreter")
CLONE = ("clone", *CARRY, "--settle", "0")


@pytest.fixture(autouse=True)
def frank(stage: Stage) -> Iterator[None]:
    """Let the source hand out its files."""
    with ThreadedSandbox(purpose_rule=False) as sandbox:
        stage.sandbox = sandbox
        stage.environment = surroundings(sandbox.base_url, stage.folder.parent)
        yield


def add(project: Project, name: str, *files: str, store: str | None = None) -> str:
    """Add an assistant with files of its own, and one in its own store unless one is given."""
    own = (
        store
        or project.put_store(
            name=f"{name}'s", files=[project.put_file(f"{name}.txt", name.encode())["id"]]
        )["id"]
    )
    resources = {
        "file_search": {"vector_store_ids": [own]},
        "code_interpreter": {"file_ids": list(files)},
    }
    return str(project.add(name=name, model=MODEL, tool_resources=resources)["id"])


def held(project: Project) -> tuple[int, int, int]:
    return len(project.assistants), len(project.stores), len(project.files)


# Pruning


def test_pruning_takes_the_copies_and_what_only_they_leaned_on(stage: Stage) -> None:
    source = stage.source
    shared = source.put_file("shared.txt", b"shared")["id"]
    kept, gone = add(source, "Kept", shared), add(source, "Gone", shared)
    assert kept
    stage.call(*CLONE).check()
    source.remove(gone)
    shown = stage.call("plan", *CARRY, "--prune", "--force").check()
    for words in ("Gone", "vector store", "Gone.txt"):
        assert words in shown.out
    assert held(stage.destination) == (2, 2, 3)
    stage.call(*CLONE, "--prune", "--force").check()
    assert held(stage.destination) == (1, 1, 2)
    assert {f["filename"] for f in stage.destination.files.values()} == {"Kept.txt", "shared.txt"}
    stage.sandbox.requests.clear()
    stage.call(*CLONE, "--prune").check()
    assert stage.writes() == 0


@pytest.mark.parametrize(
    ("allowance", "code"),
    [((), 1), (("--max-delete", "1"), 1), (("--max-delete", "2"), 0), (("--force",), 0)],
)
def test_no_more_is_pruned_than_was_allowed(
    stage: Stage, allowance: tuple[str, ...], code: int
) -> None:
    ids = [add(stage.source, f"Bot {i}") for i in range(12)]
    stage.call(*CLONE).check()
    for one in ids[:2]:
        stage.source.remove(one)
    before = held(stage.destination)
    stage.sandbox.requests.clear()
    done = stage.call(*CLONE, "--prune", *allowance).check(code)
    if code:
        assert "2 of 12 copies have lost their original" in done.err
        assert stage.writes() == 0
        assert held(stage.destination) == before
    else:
        assert held(stage.destination) == (10, 10, 10)


def test_a_tenth_may_go_without_being_asked_for_twice(stage: Stage) -> None:
    ids = [add(stage.source, f"Bot {i}") for i in range(10)]
    stage.call(*CLONE).check()
    stage.source.remove(ids[4])
    stage.call(*CLONE, "--prune").check()
    assert held(stage.destination) == (9, 9, 9)


def test_pruning_leaves_clones_of_other_sources_and_what_people_made(stage: Stage) -> None:
    kept, gone = add(stage.source, "Kept"), add(stage.source, "Gone")
    assert kept
    other = stage.sandbox.project("sk-third-0123456789abcdef")
    add(other, "Other")
    add(stage.destination, "Mine")
    third = {"OPENAI_SRC_API_KEY": "sk-third-0123456789abcdef"}
    stage.call(*CLONE).check()
    stage.call(*CLONE, "--output-dir", "other", **third).check()
    stage.source.remove(gone)
    done = stage.call(*CLONE, "--prune", "--force").check()
    assert "1 clones in dst have no original in src" in done.out
    assert stage.names() == ["Kept", "Mine", "Other"]
    assert held(stage.destination) == (3, 3, 3)


def test_pruning_leaves_what_somebody_else_uses_by_now(stage: Stage) -> None:
    kept, gone = add(stage.source, "Kept"), add(stage.source, "Gone")
    assert kept
    stage.call(*CLONE).check()
    stage.source.remove(gone)
    (store,) = [i for i, s in stage.destination.stores.items() if s["name"] == "Gone's"]
    add(stage.destination, "Mine", store=store)
    stage.call(*CLONE, "--prune", "--force").check()
    assert stage.names() == ["Kept", "Mine"]
    assert held(stage.destination) == (2, 2, 2)
    assert len(stage.destination.store_files(store)) == 1


def test_another_project_under_the_same_name_prunes_nothing(stage: Stage) -> None:
    add(stage.source, "One")
    stage.call(*CLONE).check()
    add(stage.sandbox.project("sk-third-0123456789abcdef"), "Other")
    third = {"OPENAI_SRC_API_KEY": "sk-third-0123456789abcdef"}
    done = stage.call(*CLONE, "--prune", "--force", **third).check(1)
    assert "looks like another project" in done.err
    assert stage.names() == ["One"]


def test_without_knowledge_pruning_leaves_files_and_stores(stage: Stage) -> None:
    kept, gone = add(stage.source, "Kept"), add(stage.source, "Gone")
    assert kept
    stage.call(*CLONE).check()
    stage.source.remove(gone)
    stage.call("clone", "--prune", "--force").check()
    assert held(stage.destination) == (1, 2, 2)


def test_a_deletion_that_fails_is_made_up_for_by_the_next_run(stage: Stage) -> None:
    kept, gone = add(stage.source, "Kept"), add(stage.source, "Gone")
    assert kept
    stage.call(*CLONE).check()
    stage.source.remove(gone)
    stage.sandbox.faults = (parse_fault("403:stores.delete"),)
    done = stage.call(*CLONE, "--prune", "--force")
    assert done.code in (3, 4)
    assert stage.names() == ["Kept"]
    stage.sandbox.faults = ()
    stage.call(*CLONE, "--prune").check()
    assert held(stage.destination) == (1, 1, 1)


@pytest.mark.parametrize("flags", [("--max-delete", "3"), ("--force",), ("--prune", "--name", "x")])
def test_pruning_flags_that_make_no_sense_are_refused(stage: Stage, flags: tuple[str, ...]) -> None:
    stage.call(*CLONE, *flags).check(64)


# Resuming


def killed(stage: Stage, *arguments: object) -> str:
    """Kill a clone that waits for its second assistant; return its run's id."""
    for number in range(3):
        add(stage.source, f"Bot {number}")
    before = set((stage.folder / "out/journal").glob("*"))
    stage.sandbox.faults = (parse_fault("hang:create#2-"),)
    done = stage.sandbox.count("create")
    with stage.start(*CLONE, "--concurrency", "2", *arguments) as process:
        until(lambda: stage.sandbox.count("create") >= done + 2, "a second create")
        process.kill()
        process.wait()
    stage.sandbox.faults = ()
    (journal,) = set((stage.folder / "out/journal").glob("*")) - before
    return journal.stem


@pytest.mark.parametrize("named", [False, True], ids=["the newest", "by its id"])
def test_resume_does_what_the_killed_run_was_asked_to(stage: Stage, named: bool) -> None:
    run = killed(stage)
    done = stage.call("resume", *([run] if named else ())).check()
    assert "Resuming from src to dst" in done.err
    Mirror(stage.source, stage.destination).check()
    assert "nothing to resume" in stage.call("resume").check(1).err
    stage.sandbox.requests.clear()
    stage.call("resume", run).check()
    assert stage.writes() == 0
    assert moved(stage.sandbox) == (0, 0)


def test_resume_keeps_the_selection_and_the_folder_of_originals(stage: Stage) -> None:
    (stage.folder / "originals").mkdir()
    killed(stage, "--files-dir", "originals", "--name", "Bot*")
    stage.source.add(name="Other", model=MODEL)
    stage.call("resume").check()
    assert stage.names() == ["Bot 0", "Bot 1", "Bot 2"]


def test_resume_without_an_interrupted_run_says_so(stage: Stage) -> None:
    assert "nothing to resume" in stage.call("resume").check(1).err
    assert "no journal of a run none" in stage.call("resume", "none").check(1).err


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]\n", '{"type": "run"}\n', '{"type": "run", "request": {"from": 1}}\n', "\0\0\n"],
)
def test_resume_from_a_damaged_journal_says_what_to_do(stage: Stage, content: str) -> None:
    stage.write("out/journal/20260101T000000Z-aaaaaa.jsonl", content)
    stage.call("resume").check(1)
    stage.call("resume", "20260101T000000Z-aaaaaa").check(1)


def test_a_journal_holds_no_key(stage: Stage) -> None:
    run = killed(stage)
    text = (stage.folder / f"out/journal/{run}.jsonl").read_text()
    assert "sk-" not in text
    assert json.loads(text.splitlines()[0])["type"] == "run"


# Full disks


@pytest.mark.parametrize("route", ["text", "container"])
def test_a_disk_that_fills_up_stops_the_run_and_leaves_nothing_behind(
    stage: Stage, route: str
) -> None:
    flag = {"text": "--text-fallback", "container": "--container-copy"}[route]
    with ThreadedSandbox(purpose_rule=True) as sealed:
        stage.sandbox = sealed
        stage.environment = surroundings(sealed.base_url, stage.folder.parent)
        source = stage.source
        large = source.put_file("large.txt", b"".join(b"line %d\n" % i for i in range(200_000)))[
            "id"
        ]
        store = source.put_store(name="Docs", files=[large])["id"]
        add(source, "One", store=store)
        done = stage.run(*CLONE, flag, disk=1_500_000)
        done.check(1)
        assert "Make room there" in done.out + done.err
        assert not stage.destination.assistants
        left = {path for path in stage.files() if "understudy" in path or "reserve" in path}
        assert left == set()
        stage.call(*CLONE, flag).check()
        assert len(stage.destination.files) == len(stage.destination.stores) == 1
        assert not source.containers
        stage.sandbox.requests.clear()
        stage.call(*CLONE, flag).check()
        assert stage.writes() == 0


def test_a_journal_that_cannot_grow_stops_the_run_and_the_next_completes_it(stage: Stage) -> None:
    for number in range(8):
        add(stage.source, f"Bot {number}")
    done = stage.run(*CLONE, disk=66_000)
    assert done.code in (0, 1)
    stage.call(*CLONE).check()
    Mirror(stage.source, stage.destination).check()
