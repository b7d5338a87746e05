"""What is told of runs: what they took, whole or at the least, and lanes."""

from __future__ import annotations

from typing import Any

import pytest

from runs.playing import COUNCIL
from understudy.architect.run_events import (
    Answered,
    Failure,
    Partial,
    PromptDelta,
    PromptFailed,
    PromptStarted,
    RunEnded,
    RunEvent,
    RunStatus,
    Used,
)
from understudy.report.architect_run import Lanes, ended_text, event_fields

MODEL = "own/llama"
WHOLE = Answered("Fine.", Used(5, 1), MODEL)


def dollar(one: Answered | Partial) -> float | None:
    """Return a dollar for each token."""
    used = one.counted
    return None if used is None else float(used.input_tokens + used.output_tokens)


def told(**what: Any) -> tuple[str, tuple[object, object, object]]:
    """Return the closing line of a run, and what its last event says that it took."""
    ended = RunEnded(RunStatus.CANCELLED, seconds=2.0, **what)
    _, fields = event_fields(ended, COUNCIL, dollar)
    (line,) = ended_text(ended, fields["cost"], len(COUNCIL.prompts))
    return line, (fields["input_tokens"], fields["output_tokens"], fields["cost"])


@pytest.mark.parametrize(
    ("what", "line", "fields"),
    [
        ({"answers": {0: WHOLE}}, "1 of 4 prompts, 2.0 s, 5 + 1 tokens, $6.0000", (5, 1, 6.0)),
        (
            {"answers": {0: WHOLE}, "partials": {1: Partial("Sa", MODEL, Used(7, 2))}},
            "1 of 4 prompts, 2.0 s, 12 + 3 tokens, $15.0000",
            (12, 3, 15.0),
        ),
        (
            {"answers": {0: WHOLE}, "voided": (Partial("Sa", MODEL, Used(7, 2)),)},
            "1 of 4 prompts, 2.0 s, 12 + 3 tokens, $15.0000",
            (12, 3, 15.0),
        ),
        (
            {"answers": {0: WHOLE}, "partials": {1: Partial("Sa", MODEL)}},
            "1 of 4 prompts, 2.0 s, at least 5 + 1 tokens, cost unknown",
            (None, None, None),
        ),
        (
            {"answers": {0: WHOLE, 1: Answered("Aye.", Used(), MODEL)}},
            "2 of 4 prompts, 2.0 s, at least 5 + 1 tokens, cost unknown",
            (None, None, None),
        ),
        (
            {"partials": {1: Partial("", MODEL)}},
            "0 of 4 prompts, 2.0 s, tokens unknown, cost unknown",
            (None, None, None),
        ),
        ({}, "0 of 4 prompts, 2.0 s, 0 + 0 tokens, $0.0000", (0, 0, 0.0)),
    ],
    ids=["whole", "counted", "asked again", "uncounted", "never counted", "nothing said", "none"],
)
def test_the_end_of_a_run_tells_what_it_took_by_the_rule_of_its_cost(
    what: dict[str, Any], line: str, fields: tuple[object, ...]
) -> None:
    assert told(**what) == (f"cancelled: {line}", fields)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("Sail at", "| Sail at (broken off)"),
        ("Sail at ", "| Sail at (broken off)"),
        ("First.\n  Sail \t ", "|   Sail (broken off)"),
        ("First.\n  ", "| (broken off)"),
    ],
)
def test_one_blank_stands_before_how_an_answer_ended(said: str, line: str) -> None:
    begun: list[RunEvent] = [PromptStarted(0, MODEL), PromptDelta(0, said)]
    failed = PromptFailed(0, Failure("cancelled", "Ended."), Partial(said, MODEL))
    assert lines(*begun, failed)[-2].endswith(line)
    cut = lines(*begun, RunEnded(RunStatus.CANCELLED))[-1]
    assert cut.endswith(line.replace("broken", "cut"))


def lines(*events: RunEvent) -> list[str]:
    """Return the lines of some events."""
    lanes = Lanes(COUNCIL)
    return [line for event in events for line in lanes.tell(event)]
