from collections.abc import Callable
from typing import Any

import pytest

from command import DESTINATION, MODEL, Stage
from understudy.sandbox import ThreadedSandbox


def planned(stage: Stage) -> tuple[str, str]:
    """Save a plan with one update and one create; return the ids of the pair that is there."""
    one, _ = stage.fill(2)
    stage.call("clone", "--id", one).check()
    stage.source.edit(one, instructions="New.")
    stage.call("plan", "--out", "plan.json").check()
    (copy,) = stage.destination.assistants
    stage.sandbox.requests.clear()
    return one, copy


def test_a_saved_plan_is_carried_out(stage: Stage) -> None:
    _, copy = planned(stage)
    done = stage.call("apply", "plan.json").check()
    assert "1 created, 1 updated" in done.out
    assert stage.destination.assistants[copy]["instructions"] == "New."
    assert stage.names() == ["Bot 000", "Bot 001"]
    assert stage.read("out/mapping.json")["summary"]["created"] == 1
    stage.call("check", "src", "dst").check()


CHANGES: list[tuple[Callable[[Stage, str, str], Any], str]] = [
    (lambda s, _one, _copy: s.source.add(name="Late", model=MODEL), "src: new: Late"),
    (lambda s, one, _copy: s.source.remove(one), "src: gone: {one}"),
    (lambda s, one, _copy: s.source.edit(one, top_p=0.5), "src: changed: Bot 000 ({one})"),
    (lambda s, _one, _copy: s.destination.add(name="Late", model=MODEL), "dst: new: Late"),
    (lambda s, _one, copy: s.destination.remove(copy), "dst: gone: {copy}"),
    (lambda s, _one, copy: s.destination.edit(copy, top_p=0.5), "dst: changed: Bot 000 ({copy})"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=[words for _, words in CHANGES])
def test_a_plan_is_refused_when_a_place_has_changed(
    stage: Stage, change: Callable[[Stage, str, str], Any], words: str
) -> None:
    one, copy = planned(stage)
    change(stage, one, copy)
    done = stage.call("apply", "plan.json").check(1)
    assert "The plan no longer fits" in done.err
    assert words.format(one=one, copy=copy) in done.err
    assert stage.writes() == 0


def test_a_plan_is_refused_when_a_profile_points_elsewhere(stage: Stage) -> None:
    planned(stage)
    with ThreadedSandbox() as other:
        done = stage.call("apply", "plan.json", OPENAI_DST_BASE_URL=other.base_url).check(1)
        assert f"dst: was dst (openai-assistants, {stage.sandbox.base_url})" in done.err
        assert other.project(DESTINATION).assistants == {}
    done = stage.call("apply", "plan.json", OPENAI_DST_ORG_ID="org-other").check(1)
    assert "org-other" in done.err
    assert stage.writes() == 0


def test_apply_obeys_the_plan_and_nothing_else(stage: Stage) -> None:
    """What the plan says is sent, though the source says something else."""
    planned(stage)
    plan = stage.read("plan.json")
    for change in plan["plan"]["changes"]:
        change["fields"] = []
        change["name"] = "Shown only"
        if change["action"] == "update":
            change["payload"] = {"instructions": "As planned."}
    stage.write("plan.json", plan)
    stage.call("apply", "plan.json").check()
    found = {str(a["name"]): a["instructions"] for a in stage.destination.assistants.values()}
    assert found == {"Bot 000": "As planned.", "Bot 001": None}


def test_planning_twice_gives_the_same_bytes(stage: Stage) -> None:
    planned(stage)
    first = (stage.folder / "plan.json").read_bytes()
    stage.call("plan", "--out", "again.json").check()
    assert (stage.folder / "again.json").read_bytes() == first


def test_a_plan_holds_no_key(stage: Stage) -> None:
    planned(stage)
    text = (stage.folder / "plan.json").read_text()
    assert not [key for name, key in stage.environment.items() if "KEY" in name and key in text]


def test_a_plan_with_nothing_to_do_writes_nothing(stage: Stage) -> None:
    stage.fill(1)
    stage.call("clone").check()
    stage.call("plan", "--out", "plan.json").check()
    stage.sandbox.requests.clear()
    assert "1 unchanged" in stage.call("apply", "plan.json").check().out
    assert stage.writes() == 0


def tampered(plan: Any, *path: str | int, to: Any) -> None:
    for part in path[:-1]:
        plan = plan[part]
    plan[path[-1]] = to


DAMAGE: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("format_version",), 2, "format_version 2; this version reads 1"),
    (("format_version",), "1", "format_version '1'; this version reads 1"),
    (("type",), "snapshot", "is no saved plan"),
    (("surprise",), 1, "damaged at surprise"),
    (("plan", "changes", 0, "surprise"), 1, "damaged at plan.changes.0.surprise"),
    (("plan", "changes", 0, "action"), "destroy", "damaged at plan.changes.0.action"),
    (("plan", "changes", 0, "destination_id"), None, "does not name its target"),
    (("plan", "changes", 0, "payload"), {}, "update and its payload"),
    (("plan", "changes", 1, "destination_id"), "asst_x", "a create that names what it creates"),
    (("plan", "source", "address"), None, "damaged at plan.source.address"),
    (("source",), [], "damaged at source"),
]


@pytest.mark.parametrize(("path", "value", "words"), DAMAGE)
def test_a_damaged_plan_is_refused(
    stage: Stage, path: tuple[str | int, ...], value: Any, words: str
) -> None:
    planned(stage)
    plan = stage.read("plan.json")
    tampered(plan, *path, to=value)
    stage.write("plan.json", plan)
    done = stage.call("apply", "plan.json").check(1)
    assert "plan.json" in done.err
    assert words in done.err
    assert stage.sandbox.requests == []


def test_a_truncated_plan_is_refused_with_its_line(stage: Stage) -> None:
    planned(stage)
    text = (stage.folder / "plan.json").read_text()
    stage.write("plan.json", text[: len(text) // 2])
    assert ", line " in stage.call("apply", "plan.json").check(1).err
    assert stage.sandbox.requests == []


def test_a_plan_within_one_project_is_carried_out(stage: Stage) -> None:
    stage.fill(1)
    same = ("--from", "src", "--to", "src", "--allow-same")
    stage.call("plan", *same, "--out", "plan.json").check()
    stage.call("apply", "plan.json").check()
    assert len(stage.source.assistants) == 2
    assert "1 unchanged" in stage.call("clone", *same).check().out
