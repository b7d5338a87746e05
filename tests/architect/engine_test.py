"""Runs: stages in order, siblings at once, deadlines, attempts, cancelling; in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architect.examples import CHAIN, PARALLEL, assistant, document, parsed, prompt
from understudy.architect.engine import Concurrency, Engine, Play, Work
from understudy.architect.run_events import (
    Answered,
    Partial,
    PromptCompleted,
    PromptDelta,
    PromptFailed,
    PromptStarted,
    RunEnded,
    RunEvent,
    RunStarted,
    RunStatus,
    Used,
)
from understudy.providers.base import Delta, Request, Usage
from understudy.providers.errors import (
    ProviderBusyError,
    ProviderError,
    ProviderKeyError,
    ProviderLostError,
    ProviderRejectedError,
)
from virtual_time import now, run

#: What a prompt does, attempt by attempt: seconds, pieces, and how it ends.
Act = tuple[float, Sequence[str], ProviderError | None]


class Cast:
    """A provider that plays acts by the beginning of what it is asked."""

    def __init__(self, acts: Mapping[str, Sequence[Act]] | None = None) -> None:
        self.acts = {name: iter(each) for name, each in (acts or {}).items()}
        self.asked: list[tuple[float, str]] = []
        self.at_once = self.most_at_once = 0

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        text = request.messages[-1].text
        self.asked.append((now(), text))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            name = next((one for one in self.acts if text.startswith(one)), "")
            seconds, pieces, error = next(self.acts.get(name, iter(())), (1.0, [text], None))
            for piece in pieces:
                await asyncio.sleep(seconds / len(pieces))
                yield Delta(piece)
            if not pieces:
                await asyncio.sleep(seconds)
            if error is not None:
                raise error
            yield Delta(usage=Usage(2, 3))
        finally:
            self.at_once -= 1

    async def aclose(self) -> None:
        """Do nothing."""


class Kept:
    """A recorder that keeps whole answers."""

    def __init__(self) -> None:
        self.answers: dict[str, Answered] = {}
        self.keys: list[str] = []

    async def step(self, key: str, work: Work, /) -> Answered:
        self.keys.append(key)
        if key not in self.answers:
            self.answers[key] = await work()
        return self.answers[key]


def play(value: dict[str, Any] = PARALLEL, **inputs: str) -> Play:
    checked = parsed(value)
    assert checked.valid, checked.findings
    definition = checked.assistants[0]
    given = {one.name: "" for one in definition.input_fields} | inputs
    return Play(
        definition=definition, flow=checked.flows[0], models={"gpt-4o": "cast/x"}, inputs=given
    )


def perform(
    one: Play, cast: Cast, recorder: Kept | None = None, **limits: int
) -> tuple[RunEnded, list[RunEvent]]:
    """Return how a run ended, and its events; every stream of events keeps to the rules."""
    told: list[RunEvent] = []
    numbers: list[int] = []

    def listen(number: int, event: RunEvent) -> None:
        numbers.append(number)
        told.append(event)

    engine = Engine(lambda _: cast, concurrency=Concurrency(**limits))
    ended = run(engine.run(one, listen, recorder))
    assert numbers == list(range(1, len(told) + 1))
    keep_to_the_rules(told, one)
    assert told[-1] == ended
    assert cast.at_once == 0
    return ended, told


def keep_to_the_rules(told: Sequence[RunEvent], one: Play) -> None:
    """The state machine of a run's events."""
    assert isinstance(told[0], RunStarted)
    assert isinstance(told[-1], RunEnded)
    stages = told[0].stages
    stage_of = {i: n for n, stage in enumerate(stages) for i in stage}
    said: dict[int, str] = {}
    attempts: dict[int, int] = {}
    answers: dict[int, Answered] = {}
    over: set[int] = set()
    for event in told[1:-1]:
        assert not isinstance(event, RunStarted | RunEnded)
        index = event.prompt
        assert index not in over
        before = {i for i, n in stage_of.items() if n < stage_of[index]}
        assert before <= answers.keys()
        if isinstance(event, PromptStarted):
            assert event.attempt == attempts.get(index, 0) + 1
            attempts[index], said[index] = event.attempt, ""
        elif isinstance(event, PromptDelta):
            said[index] += event.text
        elif isinstance(event, PromptCompleted):
            assert event.kept is (index not in attempts)
            assert event.kept or event.answer.text == said[index]
            answers[index] = event.answer
            over.add(index)
        else:
            assert isinstance(event, PromptFailed)
            over.add(index)
    assert told[-1].answers == answers
    if told[-1].status is RunStatus.COMPLETED:
        assert answers.keys() == set(range(len(one.definition.prompts)))
        assert told[-1].failure is None


def test_prompts_of_a_stage_run_at_once_and_stages_in_order() -> None:
    cast = Cast()
    ended, _ = perform(play(route="north"), cast)
    assert ended.status is RunStatus.COMPLETED
    assert [when for when, _ in cast.asked] == [0, 0, 0, 1]
    assert cast.asked[3][1].startswith("And the wind? north, And the tide? north")
    assert ended.seconds == pytest.approx(2)
    assert ended.used == Used(8, 12)


def test_outputs_of_a_chain_reach_the_next() -> None:
    cast = Cast({"What is known": [(1, ["it ", "leaks"], None)]})
    perform(play(CHAIN, log="l", form="list"), cast)
    assert cast.asked[1][1] == "What follows?\n\nit leaks"


def test_a_failed_prompt_lets_its_siblings_end_and_keeps_what_finished() -> None:
    cast = Cast({"And the tide": [(0.5, ["so"], ProviderRejectedError("No."))]})
    ended, told = perform(play(), cast)
    assert ended.status is RunStatus.FAILED
    assert ended.answers.keys() == {0, 2}
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.message) == ("provider_rejected", "No.")
    assert len(cast.asked) == 3
    assert sum(isinstance(event, PromptFailed) for event in told) == 1


def test_what_may_pass_is_tried_again_and_what_broke_off_is_void() -> None:
    errors = [ProviderLostError("Gone."), ProviderBusyError("Later.", retry_after=30)]
    acts: list[Act] = [(1, ["half"], error) for error in errors]
    cast = Cast({"And the tide": [*acts, (1, ["whole"], None)]})
    ended, _ = perform(play(), cast)
    assert ended.answers[1].text == "whole"
    assert ended.answers[1].attempts == 3
    assert ended.seconds >= 30


def test_an_error_that_never_passes_ends_after_five_attempts() -> None:
    cast = Cast({"And the tide": [(0, [], ProviderBusyError("Later."))] * 9})
    ended, _ = perform(play(), cast)
    assert ended.failure is not None
    assert ended.failure.code == "provider_busy"
    assert "asked 5 times" in ended.failure.message


def test_a_key_that_is_refused_is_not_tried_again() -> None:
    cast = Cast({"And the tide": [(0, [], ProviderKeyError("No key."))]})
    ended, _ = perform(play(), cast)
    assert len(cast.asked) == 3
    assert ended.failure is not None
    assert ended.failure.code == "provider_key"


def test_a_prompt_has_a_deadline_which_its_attempts_share() -> None:
    value = document(assistant([prompt("slow", "slow", timeout_seconds=10)]))
    cast = Cast({"slow": [(8, ["a"], ProviderLostError("Gone.")), (8, ["b"], None)]})
    ended, _ = perform(play(value), cast)
    assert ended.failure is not None
    assert ended.failure.code == "prompt_deadline"
    assert ended.seconds == pytest.approx(10)
    assert ended.partials == {}  # it was told with the prompt


@pytest.mark.parametrize(
    ("acts", "partial"),
    [
        ([(8, ["a", "b"], ProviderRejectedError("No."))], Partial("ab", "cast/x")),
        ([(8, [], ProviderRejectedError("No."))], None),
        ([(20, ["a", "b"], None)], Partial("", "cast/x")),  # the first piece is a moment late
        ([(14, ["a", "b"], None)], Partial("a", "cast/x")),
        ([(1, ["a"], ProviderLostError("Gone.")), (20, [], None)], Partial("", "cast/x")),
        (
            [(1, ["a"], ProviderLostError("Gone.")), (1, [], ProviderRejectedError("No."))],
            Partial("a", "cast/x"),
        ),
    ],
    ids=["half", "refused", "late", "too slow", "asked again", "refused then"],
)
def test_a_prompt_that_fails_says_what_had_come(
    acts: Sequence[Act], partial: Partial | None
) -> None:
    value = document(assistant([prompt("slow", "slow", timeout_seconds=10)]))
    _, told = perform(play(value), Cast({"slow": acts}))
    (failed,) = (one for one in told if isinstance(one, PromptFailed))
    assert failed.partial == partial


def test_the_run_has_a_deadline_and_keeps_what_finished() -> None:
    value = json.loads(json.dumps(CHAIN))
    value["assistants"][0]["timeout_seconds"] = 100
    cast = Cast({"What follows": [(1000, ["a", "b"], None)]})
    ended, _ = perform(play(value), cast)
    assert ended.failure is not None
    assert ended.failure.code == "run_deadline"
    assert ended.answers.keys() == {0}
    assert ended.partials == {1: Partial("", "cast/x")}
    assert ended.seconds == pytest.approx(100)


@pytest.mark.parametrize(("played", "asked"), [(90.0, 1), (100.0, 0), (5000.0, 0)])
def test_the_deadline_of_a_run_counts_what_others_have_played(played: float, asked: int) -> None:
    value = document(assistant([prompt("slow", "slow")], timeout_seconds=100))
    cast = Cast({"slow": [(1000, ["a"], None)]})
    engine = Engine(lambda _: cast)
    ended = run(engine.run(play(value), lambda *_: None, played=played))
    assert ended.failure is not None
    assert ended.failure.code == "run_deadline"
    assert ended.seconds == pytest.approx(max(played, 100.0))
    assert len(cast.asked) == asked


def test_without_a_deadline_of_its_own_a_run_has_that_of_the_format() -> None:
    value = document(assistant([prompt("slow", "slow")]))
    ended, _ = perform(play(value), Cast({"slow": [(10_000, ["a"], None)]}))
    assert ended.seconds == pytest.approx(900)


def test_an_answer_without_end_is_left() -> None:
    value = document(assistant([prompt("much", "much")]))
    cast = Cast({"much": [(1, ["a" * 1_000_000] * 12, None)]})
    ended, told = perform(play(value), cast)
    assert ended.failure is not None
    assert "has no end" in ended.failure.message
    assert sum(isinstance(event, PromptDelta) for event in told) == 10


def test_an_answer_without_its_end_is_none() -> None:
    class Cut(Cast):
        async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
            yield Delta("half")

    ended, _ = perform(play(), Cut())
    assert ended.failure is not None
    assert ended.failure.code == "provider_lost"


@pytest.mark.parametrize("limit", ["per_run", "per_provider", "overall"])
def test_no_more_are_asked_at_once_than_allowed(limit: str) -> None:
    cast = Cast()
    ended, _ = perform(play(), cast, None, **{limit: 2})
    assert cast.most_at_once == 2
    assert ended.seconds == pytest.approx(3)


def test_a_rerun_asks_only_for_what_did_not_finish() -> None:
    recorder = Kept()
    cast = Cast({"And the tide": [(1, [], ProviderRejectedError("No."))]})
    perform(play(), cast, recorder)
    again = Cast()
    ended, told = perform(play(), again, recorder)
    assert ended.status is RunStatus.COMPLETED
    assert again.asked[0][1].startswith("And the tide")
    assert len(again.asked) == 2
    assert [
        event.prompt for event in told if isinstance(event, PromptCompleted) and event.kept
    ] == [
        0,
        2,
    ]
    assert recorder.keys == ["prompt-0", "prompt-1", "prompt-2"] * 2 + ["prompt-3"]


def test_cancelling_ends_all_that_runs_and_says_so() -> None:
    cast, told = Cast(), []

    async def main() -> None:
        engine = Engine(lambda _: cast)
        task = asyncio.create_task(engine.run(play(), lambda _, event: told.append(event)))
        await asyncio.sleep(0.5)
        assert cast.at_once == 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert cast.at_once == 0
    assert isinstance(told[-1], RunEnded)
    assert told[-1].status is RunStatus.CANCELLED


@pytest.mark.parametrize("value", [PARALLEL, CHAIN], ids=["at once", "alone"])
def test_a_provider_that_swallows_being_cancelled_does_not_make_the_run_go_on(
    value: dict[str, Any],
) -> None:
    class Deaf(Cast):
        async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
            self.asked.append((now(), request.messages[-1].text))
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1)
            yield Delta("all the same", Usage(1, 1))

    cast, told = Deaf(), []

    async def main() -> None:
        one = play(value)
        task = asyncio.create_task(
            Engine(lambda _: cast).run(one, lambda _, event: told.append(event))
        )
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(cast.asked) == len(one.flow.stages[0].prompts)

    run(main())
    assert isinstance(told[-1], RunEnded)
    assert told[-1].status is RunStatus.CANCELLED


def test_a_listener_that_fails_ends_the_run_and_leaves_nothing_open() -> None:
    cast = Cast()

    def listen(number: int, _: RunEvent) -> None:
        if number == 4:
            raise OSError("nobody listens")

    with pytest.raises(OSError, match="nobody listens"):
        run(Engine(lambda _: cast).run(play(), listen))
    assert cast.at_once == 0


def test_a_recorder_that_fails_ends_the_run_with_an_event() -> None:
    class Full(Kept):
        async def step(self, key: str, work: Work, /) -> Answered:
            await work()
            raise OSError("disk full")

    cast, told = Cast(), []
    with pytest.raises(OSError, match="disk full"):
        run(Engine(lambda _: cast).run(play(), lambda _, event: told.append(event), Full()))
    assert isinstance(told[-1], RunEnded)
    assert told[-1].failure is not None
    assert told[-1].failure.code == "run_broke_off"


_errors = st.sampled_from(
    [
        None,
        None,
        ProviderBusyError("b", retry_after=3),
        ProviderLostError("l"),
        ProviderRejectedError("r"),
    ]
)
_acts = st.tuples(
    st.floats(0, 200), st.lists(st.sampled_from(["a", "b{{c}}", "\n"]), max_size=3), _errors
)


@st.composite
def _plays(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 6))
    groups = [draw(st.none() | st.just(i // 2)) for i in range(count)]
    prompts = [
        prompt(
            f"p{i}",
            f"p{i} asks",
            position=i,
            parallel_group=groups[i],
            timeout_seconds=draw(st.none() | st.integers(1, 100)),
        )
        for i in range(count)
    ]
    return document(assistant(prompts, is_parallel=True, timeout_seconds=draw(st.integers(1, 300))))


@given(_plays(), st.dictionaries(st.sampled_from("012345"), st.lists(_acts, max_size=4)), st.data())
@settings(max_examples=150)
def test_whatever_happens_the_events_keep_to_the_rules_and_a_rerun_goes_on(
    value: dict[str, Any], acts: dict[str, list[Act]], data: st.DataObject
) -> None:
    recorder = Kept()
    cast = Cast({f"p{name} ": each for name, each in acts.items()})
    limits = {"per_run": data.draw(st.integers(1, 3))}
    first, _ = perform(play(value), cast, recorder, **limits)
    finished = set(recorder.answers)
    assert {f"prompt-{i}" for i in first.answers} <= finished
    again = Cast()
    perform(play(value), again, recorder, **limits)
    asked = {f"prompt-{text[1]}" for _, text in again.asked}
    assert asked.isdisjoint(finished)
