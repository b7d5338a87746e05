import signal
import sys

import pytest

from command import Done, Stage, interrupt, surroundings, until
from understudy.sandbox import ThreadedSandbox, parse_fault

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def slow(stage: Stage, count: int = 24) -> list[str]:
    ids = stage.fill(count)
    stage.sandbox.faults = (parse_fault("latency=0.2:create"),)
    return ids


def interrupted(stage: Stage, *arguments: str, number: int = signal.SIGINT) -> Done:
    """Run the command and send the signal while the second batch of creates is in flight."""
    with stage.start(*arguments, "--concurrency", "4") as process:
        until(lambda: stage.sandbox.count("create") > 4, "the second batch")
        return interrupt(process, number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("identity", ["metadata", "mapping"])
def test_an_interrupted_clone_ends_its_writes_reports_and_can_be_completed(
    stage: Stage, number: int, identity: str
) -> None:
    ids = slow(stage)
    done = interrupted(stage, "clone", "--identity", identity, number=number).check(130)
    assert "Stopping: writes in flight end first" in done.err
    created = len(stage.destination.assistants)
    assert 4 <= created < len(ids)
    assert all(r.status == 200 for r in stage.sandbox.requests)  # none was broken off
    summary = stage.read("out/mapping.json")["summary"]
    assert (summary["created"], summary["skipped"]) == (created, len(ids) - created)
    assert "Ended early" in (stage.folder / "out/report.md").read_text()
    stage.sandbox.faults = ()
    again = stage.call("clone", "--identity", identity).check()
    assert f"{len(ids) - created} created, 0 updated, {created} unchanged" in again.out
    assert stage.names() == [f"Bot {i:03}" for i in range(len(ids))]


def test_an_interrupted_clone_in_json_says_so_in_json(stage: Stage) -> None:
    slow(stage)
    done = interrupted(stage, "clone", "--json").check(130)
    assert done.of("error")[0]["exit_code"] == 130
    assert done.of("run")[0]["summary"]["skipped"] > 0


def test_an_interrupted_apply_leaves_a_plan_that_is_refused_and_a_clone_that_completes(
    stage: Stage,
) -> None:
    slow(stage)
    stage.call("plan", "--out", "plan.json").check()
    interrupted(stage, "apply", "plan.json").check(130)
    stage.sandbox.faults = ()
    assert "dst: new: Bot 000" in stage.call("apply", "plan.json").check(1).err
    stage.call("clone").check()
    assert len(stage.names()) == len(set(stage.names())) == 24


def test_a_second_interrupt_stops_at_once_and_the_next_run_finds_what_was_done(
    stage: Stage,
) -> None:
    stage.fill(3)
    stage.sandbox.faults = (parse_fault("hang-after:create"),)
    with stage.start("clone") as process:
        until(lambda: stage.sandbox.count("create") == 3, "the creates")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("Stopping")
        done = interrupt(process).check(130)
    assert "Stopped at once" in done.err
    stage.sandbox.faults = ()
    assert "3 unchanged" in stage.call("clone").check().out
    assert len(stage.names()) == 3


@pytest.mark.parametrize("identity", ["metadata", "mapping"])
def test_a_killed_clone_is_completed_without_twins(stage: Stage, identity: str) -> None:
    stage.fill(24)
    stage.sandbox.faults = (parse_fault("hang:create#9-"),)
    with stage.start("clone", "--identity", identity, "--concurrency", "4") as process:
        until(lambda: stage.sandbox.count("create") == 12, "the third batch")
        process.kill()
        process.wait()
    assert len(list((stage.folder / "out/journal").iterdir())) == 1
    stage.sandbox.faults = ()
    again = stage.call("clone", "--identity", identity, "--settle", "0").check()
    assert "16 created, 0 updated, 8 unchanged" in again.out
    assert len(stage.names()) == len(set(stage.names())) == 24
    assert stage.read("out/mapping.json")["summary"]["total"] == 24


def test_a_killed_clone_is_completed_without_twins_though_lists_lag_behind(stage: Stage) -> None:
    with ThreadedSandbox(list_lag=600.0) as lagging:
        stage.sandbox = lagging
        stage.environment = surroundings(lagging.base_url, stage.folder)
        stage.fill(12)
        lagging.faults = (parse_fault("hang:create#9-"),)
        with stage.start("clone", "--concurrency", "4") as process:
            until(lambda: lagging.count("create") == 12, "the third batch")
            process.kill()
            process.wait()
        lagging.faults = ()
        assert (
            "4 created, 0 updated, 8 unchanged" in stage.call("clone", "--settle", "0").check().out
        )
        assert len(stage.destination.assistants) == 12


def test_two_runs_at_once_into_one_output_directory_are_refused(stage: Stage) -> None:
    slow(stage, 8)
    with stage.start("clone", "--concurrency", "2") as process:
        until(lambda: stage.sandbox.count("create"), "the first create")
        done = stage.call("clone").check(1)
        assert "Another run is writing into out right now." in done.err
        assert process.wait(30) == 0
    assert len(stage.names()) == 8
    assert "8 unchanged" in stage.call("clone").check().out


def test_an_interrupt_while_reading_ends_with_130_and_writes_nothing(stage: Stage) -> None:
    stage.fill(1)
    stage.sandbox.faults = (parse_fault("429=30:list"),)
    with stage.start("clone") as process:
        until(lambda: stage.sandbox.count("list"), "a list")
        done = interrupt(process).check(130)
    assert "Error: Stopped" in done.err
    assert stage.writes() == 0
