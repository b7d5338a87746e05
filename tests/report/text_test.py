import time
from typing import Any

import pytest

from understudy.errors import QuotaError
from understudy.model.assistant import Assistant
from understudy.model.findings import error
from understudy.platforms.base import PlaceInfo
from understudy.replicate.diff import FieldChange, How
from understudy.replicate.events import Outcome, Status
from understudy.replicate.plan import Action, Change, Plan
from understudy.replicate.records import Records
from understudy.replicate.result import RunResult
from understudy.report.jsonlines import outcome_fields, run_summary
from understudy.report.mapping import mapping
from understudy.report.markdown import report_markdown
from understudy.report.text import (
    assistants_text,
    change_text,
    field_text,
    plan_counts,
    plan_text,
    result_text,
)

HERE = PlaceInfo("src", "memory", "memory:src")
THERE = PlaceInfo("dst", "memory", "memory:dst")
PLAN = Plan(HERE, THERE, ())


def plain(lines: Any) -> str:
    import click

    return click.unstyle("\n".join(lines))


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (FieldChange("t", How.CHANGED, 0.3, 0.55), "    t: 0.3 → 0.55"),
        (FieldChange("t", How.ADDED, None, {"a": 1}), '    t: + {"a": 1}'),
        (FieldChange("t", How.REMOVED, "x", None), '    t: - "x"'),
        (
            FieldChange("t", How.MOVED, ["a", "b"], ["b", "a"]),
            '    t: order ["a", "b"] → ["b", "a"]',
        ),
        (FieldChange("t", How.CHANGED, None, "x"), '    t: null → "x"'),
    ],
)
def test_a_short_field_takes_one_line(change: FieldChange, shown: str) -> None:
    assert plain(field_text(change)) == shown


def test_a_long_text_is_shown_as_a_difference() -> None:
    before = "\n".join(f"line {i}" for i in range(20))
    after = before.replace("line 10", "line ten")
    text = plain(field_text(FieldChange("instructions", How.CHANGED, before, after)))
    assert "-line 10" in text
    assert "+line ten" in text
    assert "line 2\n" not in text


def test_texts_of_too_many_lines_are_counted_and_not_compared() -> None:
    """Comparing them would take hours."""
    before = "\n".join(str(i) for i in range(60_000))
    after = "\n".join(str(i) if i % 2 else f"x{i}" for i in range(60_000))
    began = time.process_time()
    text = plain(field_text(FieldChange("instructions", How.CHANGED, before, after)))
    assert "60,000 lines → 60,000 lines" in text
    assert time.process_time() - began < 5


def test_each_action_has_its_sign_and_says_whom_it_concerns() -> None:
    changes = (
        Change(Action.CREATE, "a", "A", model="gpt-4o", functions=2),
        Change(Action.UPDATE, "b", "B", "bb", {"model": "x", "tools": []}),
        Change(Action.UNCHANGED, "c", "", "cc"),
        Change(Action.CONFLICT, "d", "D", findings=(error("x", "Bad.", hint="Mend it."),)),
    )
    text = plain(plan_text(Plan(HERE, THERE, changes)))
    for words in (
        "+ A  ",
        "create  gpt-4o, 2 functions",
        "~ B  ",
        "update  bb: model, tools",
        "= (nameless c)",
        "unchanged  cc",
        "! D  ",
        "    error: Bad.\n      Mend it.",
        "Plan: 1 to create, 1 to update, 1 unchanged, 1 conflict",
    ):
        assert words in text
    assert plan_counts(Plan(HERE, THERE, ())).endswith("0 conflicts")


EVIL = "e\x1b[31m\r\n# x\x07\u202e|`"


def test_nothing_from_elsewhere_reaches_the_terminal_raw() -> None:
    change = Change(
        Action.UPDATE,
        EVIL,
        EVIL,
        EVIL,
        {EVIL: 1},
        (FieldChange(EVIL, How.CHANGED, EVIL, EVIL * 20),),
        findings=(error("x", EVIL, hint=EVIL),),
        model=EVIL,
    )
    outcome = Outcome(EVIL, EVIL, Status.FAILED, error=EVIL)
    record = {"name": EVIL, "model": EVIL, "metadata": {"cloned_from": EVIL}, "tools": [EVIL]}
    text = plain(
        [
            *change_text(change),
            *result_text(RunResult((outcome,))),
            *assistants_text([Assistant(EVIL, record)]),
        ]
    )
    assert not set("\x1b\r\x07\u202e") & set(text)


OUTCOMES = (
    Outcome("a", "A", Status.CREATED, "aa", ("create",)),
    Outcome("b", "B", Status.FAILED, error="It broke."),
    Outcome("c", "C", Status.SKIPPED),
    Outcome("d", "", Status.UNCHANGED, "dd"),
    Outcome("e", EVIL, Status.CONFLICT, error="Two of them."),
)


def test_the_counts_of_a_run_add_up() -> None:
    counts = run_summary(RunResult(OUTCOMES))
    assert counts.pop("total") == len(OUTCOMES) == sum(counts.values())


def test_the_report_begins_with_what_needs_attention() -> None:
    text = report_markdown("run-1", PLAN, RunResult(OUTCOMES, QuotaError("No credit."), 1.0))
    order = [text.index(f"## {word}") for word in ("Failed", "Conflict", "Skipped", "Created")]
    assert order == sorted(order)
    assert "**Ended early**: No credit." in text
    assert "**It broke.**" in text
    assert "| (nameless) | `d` | `dd` |" in text
    assert not set("\x1b\r\x07\u202e") & set(text)
    assert "\n# x" not in text


def test_what_failed_has_no_fidelity() -> None:
    assert outcome_fields(OUTCOMES[1])["fidelity"] == []
    assert outcome_fields(OUTCOMES[4])["fidelity"] == []
    text = report_markdown("run-1", PLAN, RunResult(OUTCOMES[1:3]))
    assert "Nothing arrived." in text


def test_the_mapping_carries_on_what_this_run_did_not_confirm() -> None:
    known = Records({"a": "old", "b": "kept", "z": "kept too"})
    found = mapping("run-1", PLAN, RunResult(OUTCOMES), known)["known"]
    assert found == [{"srcId": "b", "dstId": "kept"}, {"srcId": "z", "dstId": "kept too"}]


def test_an_id_in_a_list_can_be_copied() -> None:
    ids = ["asst_" + "a" * 24, "agent_" + "b" * 24]
    first, second, _ = assistants_text([Assistant(one, {"name": "N"}) for one in ids])
    assert first.split()[0] == ids[0]
    assert second.split()[0] == ids[1]
    assert first.index("N") == second.index("N")
