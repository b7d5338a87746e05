from collections.abc import Mapping

import pytest

from command import Stage

DRY: list[tuple[list[str], Mapping[str, str]]] = [
    (["plan"], {}),
    (["plan", "--detailed-exitcode"], {}),
    (["plan", "--output-dir", "reports"], {}),
    (["clone", "--dry-run"], {}),
    (["clone", "--dry-run", "--yes", "--json"], {}),
    (["clone", "--to", "./folder", "--dry-run"], {}),
    (["clone", "--to", "folder.json", "--dry-run"], {}),
    (["clone", "--yes"], {"DRY_RUN": "true"}),
    (["clone", "--to", "./folder"], {"DRY_RUN": "YES"}),
    (["import", "s.json", "--dry-run"], {}),
    (["import", "s.json", "--yes"], {"DRY_RUN": "1"}),
    (["apply", "p.json", "--yes"], {"DRY_RUN": "true"}),
    (["check", "src", "dst"], {}),
    (["list", "src"], {}),
    (["profiles", "--check"], {}),
]


@pytest.mark.parametrize(("arguments", "environment"), DRY)
def test_a_dry_run_writes_nothing_anywhere(
    stage: Stage, arguments: list[str], environment: Mapping[str, str]
) -> None:
    (one, _, _) = stage.fill(3)
    stage.call("clone", "--id", one, "--output-dir", "before").check()
    stage.source.edit(one, instructions="New.")
    stage.call("export", "--out", "s.json").check()
    stage.call("plan", "--out", "p.json").check()
    files, held = stage.files(), dict(stage.destination.assistants)
    stage.sandbox.requests.clear()
    done = stage.call(*arguments, **environment)
    assert done.code in (0, 1, 2)
    assert stage.sandbox.requests or "folder" in str(arguments)
    assert stage.writes() == 0
    assert stage.files() == files
    assert stage.destination.assistants == held


def test_a_saved_plan_is_the_only_file_that_appears(stage: Stage) -> None:
    stage.fill(2)
    stage.call("plan", "--out", "deep/down/plan.json").check()
    assert stage.files() == ["deep", "deep/down", "deep/down/plan.json"]
    assert stage.writes() == 0


def test_dry_run_false_writes(stage: Stage) -> None:
    stage.fill(1)
    stage.call("clone", DRY_RUN="false").check()
    assert stage.names() == ["Bot 000"]


def test_a_dry_run_setting_that_is_neither_yes_nor_no_stops_everything(stage: Stage) -> None:
    stage.fill(1)
    done = stage.call("clone", DRY_RUN="maybe").check(64)
    assert "DRY_RUN (environment) must be true or false, it is 'maybe'" in done.err
    assert stage.writes() == 0
