"""Knowledge on other ways: back, on to a third project, within one, and a part of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from command import DESTINATION, Done, Stage, surroundings, until
from furnished import furnish
from mirrored import CLONED_FROM, Mirror, moved, sizes
from understudy.sandbox import ThreadedSandbox, parse_fault

CARRY = ("--file-search", "--code-interpreter")
CLONE = ("clone", *CARRY, "--settle", "0")
THIRD = "sk-third-0123456789abcdef"


@pytest.fixture(autouse=True)
def furnished(stage: Stage) -> Iterator[None]:
    """Let the source hand out its files, of which it has some."""
    with ThreadedSandbox(purpose_rule=False) as sandbox:
        stage.sandbox = sandbox
        stage.environment = surroundings(sandbox.base_url, stage.folder.parent)
        furnish(stage.source, twins=True)
        yield


def idle(stage: Stage, *arguments: object, **environment: str) -> Done:
    """Run once more and fail unless nothing is written and no byte moves."""
    stage.sandbox.requests.clear()
    done = stage.call(*CLONE, *arguments, **environment).check()
    assert stage.writes() == 0
    assert moved(stage.sandbox) == (0, 0)
    return done


BACK = ("--from", "dst", "--to", "src")


@pytest.mark.parametrize("identity", ["metadata", "mapping"])
def test_copying_back_finds_the_originals(stage: Stage, identity: str) -> None:
    stage.call(*CLONE, "--identity", identity).check()
    before = len(stage.source.stores), len(stage.source.files)
    idle(stage, *BACK, "--identity", identity)
    store = next(iter(stage.destination.stores))
    stage.destination.edit_store(store, name="Renamed there")
    stage.call(*CLONE, *BACK, "--identity", identity).check()
    assert "Renamed there" in {one["name"] for one in stage.source.stores.values()}
    assert (len(stage.source.stores), len(stage.source.files)) == before
    idle(stage, "--identity", identity)


def test_copying_back_without_the_records_finds_them_too(stage: Stage) -> None:
    stage.call(*CLONE).check()
    stage.call(*CLONE, *BACK, "--output-dir", "other").check()
    assert len(stage.source.assistants) == 5
    assert len(stage.source.stores) == 4


def test_a_copy_is_copied_on_and_the_original_finds_its_grandchild(stage: Stage) -> None:
    stage.call(*CLONE).check()
    on = {"OPENAI_SRC_API_KEY": DESTINATION, "OPENAI_DST_API_KEY": THIRD}
    third = stage.sandbox.project(THIRD)
    stage.call(*CLONE, "--output-dir", "on", **on).check()
    Mirror(stage.destination, third).check()
    idle(stage, "--output-dir", "on", **on)


def test_clones_within_a_project_share_its_knowledge(stage: Stage) -> None:
    files, stores = len(stage.source.files), len(stage.source.stores)
    same = ("--to", "src", "--allow-same")
    stage.call(*CLONE, *same).check()
    assert (len(stage.source.files), len(stage.source.stores)) == (files, stores)
    there = stage.source.assistants
    copies = [one for one in there.values() if CLONED_FROM in one["metadata"]]
    assert len(copies) == len(there) - len(copies) == 5
    for copy in copies:
        original = there[copy["metadata"][CLONED_FROM]]
        assert copy["tool_resources"] == original["tool_resources"]
    idle(stage, *same)


def test_a_selection_carries_only_what_it_leans_on(stage: Stage) -> None:
    stage.call(*CLONE, "--name", "Sales").check()
    assert [one["name"] for one in stage.destination.stores.values()] == ["Handbooks"]
    assert len(stage.destination.files) == 3
    arrived = sizes(stage.destination)
    stage.sandbox.requests.clear()
    stage.call(*CLONE).check()
    assert moved(stage.sandbox)[0] == 1206670 - arrived
    Mirror(stage.source, stage.destination).check()


def test_one_tool_at_a_time_leaves_the_other_as_it_is(stage: Stage) -> None:
    stage.call("clone", "--file-search", "--settle", "0").check()
    stage.call("clone", "--code-interpreter", "--settle", "0").check()
    Mirror(stage.source, stage.destination).check()
    stage.call("clone").check()
    Mirror(stage.source, stage.destination).check()


def test_a_store_without_room_for_the_marker_is_a_conflict_but_not_with_a_mapping(
    stage: Stage,
) -> None:
    store = next(iter(stage.source.stores))
    stage.source.edit_store(store, metadata={f"k{i}": "v" for i in range(16)})
    done = stage.call(*CLONE).check(3)
    assert "its metadata would hold 17 pairs" in done.out
    stage.call(*CLONE, "--identity", "mapping", "--output-dir", "map", **into_third()).check()
    third = stage.sandbox.project(THIRD)
    Mirror(stage.source, third, marked=False).check()


def into_third() -> dict[str, str]:
    return {"OPENAI_DST_API_KEY": THIRD}


def test_a_file_without_room_for_the_marker_leaves_the_copy_with_the_original(
    stage: Stage,
) -> None:
    stage.call(*CLONE).check()
    store = next(i for i, s in stage.source.stores.items() if s["name"] == "Handbooks")
    (full,) = [i for i, f in stage.source.store_files(store).items() if len(f["attributes"]) == 16]
    stage.source.detach(store, full)
    stage.call(*CLONE).check()
    copies = {s["name"]: i for i, s in stage.destination.stores.items()}
    assert len(stage.destination.store_files(copies["Handbooks"])) == 2
    idle(stage)


def test_what_somebody_put_into_a_copy_stays_there(stage: Stage) -> None:
    stage.call(*CLONE).check()
    mine = stage.destination.put_file("mine.txt", b"mine")["id"]
    store = next(iter(stage.destination.stores))
    stage.destination.attach(store, mine)
    idle(stage)
    assert mine in stage.destination.store_files(store)


def test_definitions_alone_have_no_knowledge_and_the_plan_says_so(stage: Stage) -> None:
    stage.call("export", "--out", "plain.json").check()
    done = stage.call("import", "plain.json", *CARRY).check(3)
    assert "holds definitions only" in done.out
    assert len(stage.destination.assistants) == 5
    assert not stage.destination.stores


def test_containers_are_used_when_asked_for_and_deleted_afterwards(stage: Stage) -> None:
    with ThreadedSandbox(purpose_rule=True) as sealed:
        stage.sandbox = sealed
        stage.environment = surroundings(sealed.base_url, stage.folder.parent)
        furnish(stage.source, twins=True)
        stage.call(*CLONE, "--container-copy").check()
        Mirror(stage.source, stage.destination).check()
        idle(stage, "--container-copy")
        idle(stage)


def test_a_container_that_a_killed_run_left_is_deleted_by_the_next(stage: Stage) -> None:
    with ThreadedSandbox(purpose_rule=True) as sealed:
        stage.sandbox = sealed
        stage.environment = surroundings(sealed.base_url, stage.folder.parent)
        furnish(stage.source, twins=True)
        sealed.faults = (parse_fault("hang:container_files.content"),)
        with stage.start(*CLONE, "--container-copy", "--concurrency", "1") as process:
            until(lambda: sealed.count("container_files.content"), "a container")
            process.kill()
            process.wait()
        assert stage.source.containers
        sealed.faults = ()
        stage.call(*CLONE, "--container-copy").check()
        assert not stage.source.containers
        Mirror(stage.source, stage.destination).check()


@pytest.mark.parametrize(
    ("fault", "code"),
    [("401:files.create#2-", 4), ("quota:stores.create", 5), ("gone:stores", 6), ("403:files", 4)],
)
def test_a_fault_that_ends_the_run_has_its_exit_code_and_the_next_run_completes(
    stage: Stage, fault: str, code: int
) -> None:
    stage.sandbox.faults = (parse_fault(fault),)
    assert stage.call(*CLONE).code == code
    stage.sandbox.faults = ()
    stage.call(*CLONE).check()
    Mirror(stage.source, stage.destination).check()
