import pytest

from command import Stage
from understudy.sandbox import parse_fault


def test_a_run_without_trouble_exits_with_0(stage: Stage) -> None:
    stage.fill(1)
    stage.call("clone").check(0)


def test_changes_are_2_only_where_that_was_asked_for(stage: Stage) -> None:
    stage.fill(1)
    stage.call("plan").check(0)
    stage.call("plan", "--detailed-exitcode").check(2)
    stage.call("check", "src", "dst").check(1)
    stage.call("check", "src", "dst", "--detailed-exitcode").check(2)
    stage.call("clone").check(0)
    stage.call("plan", "--detailed-exitcode").check(0)
    stage.call("check", "src", "dst", "--detailed-exitcode").check(0)


def test_one_rejected_assistant_is_3_and_the_others_are_done(stage: Stage) -> None:
    stage.fill(2)
    stage.source.add(name="Odd", model="gpt-4o", response_format={"type": "nonsense"})
    done = stage.call("clone").check(3)
    assert "2 created" in done.out
    assert "1 failed" in done.out
    assert stage.names() == ["Bot 000", "Bot 001"]
    assert [m["status"] for m in stage.read("out/mapping.json")["mappings"]].count("failed") == 1
    stage.call("clone").check(3)
    assert stage.names() == ["Bot 000", "Bot 001"]


def test_a_conflict_is_3_and_nothing_is_guessed(stage: Stage) -> None:
    (one, _) = stage.fill(2)
    for _ in range(2):
        stage.destination.add(name="Twin", model="gpt-4o", metadata={"cloned_from": one})
    done = stage.call("clone").check(3)
    assert "1 conflict" in done.out
    assert "could be its copy" in done.out
    assert stage.names() == ["Bot 001", "Twin", "Twin"]
    assert stage.read("out/mapping.json")["summary"]["conflicts"] == 1


@pytest.mark.parametrize("kind", ["401", "403"])
@pytest.mark.parametrize("where", ["list", "create"])
def test_a_refused_key_is_4_and_stops_everything(stage: Stage, kind: str, where: str) -> None:
    stage.fill(30)
    stage.sandbox.faults = (parse_fault(f"{kind}:{where}"),)
    done = stage.call("clone", "--concurrency", "2").check(4)
    assert "profiles --check" in done.err
    assert stage.sandbox.count("create") <= 2
    assert stage.names() == []


def test_used_up_credit_is_5_and_what_was_done_is_kept(stage: Stage) -> None:
    stage.fill(10)
    stage.sandbox.faults = (parse_fault("quota:create#4-"),)
    done = stage.call("clone", "--concurrency", "1").check(5)
    assert "credit" in done.err
    assert "3 created" in done.out
    summary = stage.read("out/mapping.json")["summary"]
    assert (summary["created"], summary["failed"], summary["skipped"]) == (3, 1, 6)
    assert "Ended early" in (stage.folder / "out/report.md").read_text()
    stage.sandbox.faults = ()
    assert "7 created" in stage.call("clone").check().out
    assert len(set(stage.origins())) == 10


@pytest.mark.parametrize(
    "arguments", [["list", "src"], ["plan"], ["clone"], ["export", "--out", "x"]]
)
def test_an_endpoint_that_is_gone_is_6_with_guidance(stage: Stage, arguments: list[str]) -> None:
    stage.sandbox.faults = (parse_fault("gone:any"),)
    done = stage.call(*arguments).check(6)
    assert "removed the Assistants API" in done.err
    assert "understudy import" in done.err


def test_an_endpoint_that_goes_away_in_the_middle_ends_the_run_with_6(stage: Stage) -> None:
    stage.fill(10)
    stage.sandbox.faults = (parse_fault("gone:create#4-"),)
    done = stage.call("clone", "--concurrency", "1").check(6)
    assert "3 created" in done.out
    assert stage.sandbox.count("create") == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["list", "--nothing"],
        ["list", "src", "too", "many"],
        ["clone", "--concurrency", "0"],
        ["clone", "--rate", "0"],
        ["clone", "--rate", "nan"],
        ["clone", "--identity", "guess"],
        ["export"],
        ["apply"],
        ["apply", "none.json"],
        ["import", "none.json"],
        ["list", "nowhere"],
        ["list", ""],
        ["clone", "--from", ""],
        ["clone", "--all", "--id", "x"],
        ["list", "--name", "/(/"],
    ],
    ids=" ".join,
)
def test_a_request_that_is_off_is_64(stage: Stage, arguments: list[str]) -> None:
    stage.fill(1)
    done = stage.call(*arguments).check(64)
    assert done.err.startswith("Error: ")
    assert done.out == ""
    assert stage.writes() == 0


def test_an_id_or_a_pattern_that_fits_nothing_is_1_and_names_what_is_near(stage: Stage) -> None:
    stage.fill(1)
    assert "Bot 000" in stage.call("clone", "--name", "bott*").check(1).err
    assert "holds no assistant asst_no" in stage.call("clone", "--id", "asst_no").check(1).err
    assert stage.writes() == 0


def test_a_server_that_nobody_reaches_is_1_and_says_which(stage: Stage) -> None:
    nowhere = "http://127.0.0.1:9/v1"
    done = stage.call("profiles", "--check", OPENAI_SRC_BASE_URL=nowhere).check(1)
    assert f"no connection to {nowhere}: Connection refused" in done.out
