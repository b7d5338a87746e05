"""Runs of Architect assistants as text and as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from understudy.architect.definition import Definition
from understudy.architect.inputs import InputFinding
from understudy.architect.run_events import (
    Answered,
    Failure,
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
from understudy.report.clean import clean, clean_lines
from understudy.runs.records import Progress, Result, RunInfo, Standing

#: Returns the US dollars of an answer, None where they are not known.
Costs = Callable[[Answered | Partial], float | None]

_LANE = 24  # characters of a prompt's name before its lines
_NAMES: dict[RunStatus, str] = {
    RunStatus.COMPLETED: "run.completed",
    RunStatus.FAILED: "run.failed",
    RunStatus.CANCELLED: "run.cancelled",
}


class Lanes:
    """Makes lines of a run's events: each line with the name of its prompt in front.

    A line is told when it is whole, so that prompts that run at once do not mix within one.
    """

    def __init__(self, definition: Definition) -> None:
        self._names = [clean(prompt.name)[:_LANE] for prompt in definition.prompts]
        self._width = max(map(len, self._names))
        self._rest: dict[int, str] = {}
        self._spoke: set[int] = set()

    def tell(self, event: RunEvent) -> Iterator[str]:
        """Yield the lines that an event completes."""
        if isinstance(event, PromptStarted):
            yield self._asked(event)
        elif isinstance(event, PromptDelta):
            yield from self._said(event)
        elif isinstance(event, PromptCompleted):
            rest = self._rest.pop(event.prompt, "")
            yield from self._lines(event.prompt, event.answer.text if event.kept else rest)
        elif isinstance(event, PromptFailed):
            rest = self._rest.pop(event.prompt, "")
            told = rest if event.partial is None else _cut(rest, "broken off")
            yield from self._lines(event.prompt, told)
            yield self._line(event.prompt, f"failed: {clean(event.failure.message)}")
        elif isinstance(event, RunEnded):
            for prompt, rest in sorted(self._rest.items()):
                yield from self._lines(prompt, _cut(rest, "cut off"))
            self._rest.clear()

    def _asked(self, event: PromptStarted) -> str:
        void = ": what came before is void" if event.prompt in self._spoke else ""
        again = f", attempt {event.attempt}{void}" * (event.attempt > 1)
        self._rest[event.prompt] = ""
        self._spoke.discard(event.prompt)
        return self._line(event.prompt, f"-> {clean(event.model)}{again}")

    def _said(self, event: PromptDelta) -> Iterator[str]:
        self._spoke.add(event.prompt)
        *whole, rest = (self._rest.get(event.prompt, "") + event.text).split("\n")
        self._rest[event.prompt] = rest
        yield from (self._line(event.prompt, clean_lines(line)) for line in whole)

    def _lines(self, prompt: int, text: str) -> Iterator[str]:
        if text:
            yield from (self._line(prompt, clean_lines(line)) for line in text.split("\n"))

    def _line(self, prompt: int, text: str) -> str:
        return f"{self._names[prompt]:<{self._width}} | {text}".rstrip()


def _cut(rest: str, how: str) -> str:
    """Return the last line of an answer that is not whole, and how it ended; nothing for none."""
    line = rest.rstrip()
    return f"{line} ({how})" if line else f"({how})" * bool(rest)


def ended_text(ended: RunEnded, cost: float | None, count: int) -> Iterator[str]:
    """Yield how a run ended, and what it took."""
    tokens = _tokens(ended.used, ended.least)
    price = "cost unknown" if cost is None else f"${cost:.4f}"
    yield (
        f"{ended.status}: {len(ended.answers)} of {count} prompts, {ended.seconds:.1f} s, "
        f"{tokens}, {price}"
    )
    if ended.failure is not None:
        yield clean(ended.failure.message)
        if ended.failure.hint:
            yield clean(ended.failure.hint)


def findings_text(findings: Sequence[InputFinding]) -> Iterator[str]:
    """Yield what is wrong with a form, a line each."""
    for one in findings:
        yield clean(f"{one.field}: {one.message} {one.hint}".rstrip())


def finding_fields(one: InputFinding) -> dict[str, Any]:
    """Return what is wrong with one field."""
    return {"field": one.field, "code": one.code, "message": one.message, "hint": one.hint}


def event_fields(
    event: RunEvent, definition: Definition, cost: Costs
) -> tuple[str, dict[str, Any]]:
    """Return an event's type and its fields."""

    def about(index: int) -> dict[str, Any]:
        return {"prompt": definition.prompts[index].name, "index": index}

    if isinstance(event, RunStarted):
        names = [[definition.prompts[i].name for i in stage] for stage in event.stages]
        return "run.started", {
            "assistant": definition.name,
            "attempt": event.attempt,
            "stages": names,
        }
    if isinstance(event, PromptStarted):
        return "prompt.started", {
            **about(event.prompt),
            "model": event.model,
            "attempt": event.attempt,
        }
    if isinstance(event, PromptDelta):
        return "prompt.delta", {**about(event.prompt), "text": event.text}
    if isinstance(event, PromptCompleted):
        told = _answer(event.answer, cost)
        return "prompt.completed", {**about(event.prompt), **told, "kept": event.kept}
    if isinstance(event, PromptFailed):
        return "prompt.failed", {
            **about(event.prompt),
            "error": _failure(event.failure),
            "partial": partial_fields(event.partial, cost) if event.partial else None,
        }
    outputs = {definition.prompts[i].name: answer.text for i, answer in event.answers.items()}
    costs = [*(cost(one) for one in event.paid), *([] if event.counted else [None])]
    return _NAMES[event.status], {
        "outputs": outputs,
        **_token_fields(event.used),
        "cost": None if None in costs else sum(one for one in costs if one is not None),
        "seconds": round(event.seconds, 3),
        "error": _failure(event.failure) if event.failure else None,
    }


def partial_fields(partial: Partial, cost: Costs) -> dict[str, Any]:
    """Return what had come of an answer; what nobody knows of its cost is None."""
    return {
        "text": partial.text,
        "model": partial.model,
        **_token_fields(partial.counted),
        "cost": cost(partial),
    }


def _answer(answer: Answered, cost: Costs) -> dict[str, Any]:
    return {
        "text": answer.text,
        "model": answer.model,
        "attempts": answer.attempts,
        **_token_fields(answer.counted),
        "cost": cost(answer),
        "seconds": round(answer.seconds, 3),
    }


def _token_fields(used: Used | None) -> dict[str, int | None]:
    """Return how many tokens were counted; what nobody counted is None, never nothing."""
    return {
        "input_tokens": used.input_tokens if used else None,
        "output_tokens": used.output_tokens if used else None,
    }


def _failure(failure: Failure) -> dict[str, str]:
    return {"code": failure.code, "message": failure.message, "hint": failure.hint}


def runs_text(found: Sequence[RunInfo]) -> Iterator[str]:
    """Yield a line for each run."""
    if not found:
        yield "No runs."
    for one in found:
        version = f"v{one.version}" if one.version else "file"
        began = one.created_at.strftime("%Y-%m-%d %H:%M:%S")
        yield f"{one.id}  {one.standing:<11}  {began}Z  {version:<4}  {clean(one.assistant)}"


def run_text(info: RunInfo, names: Sequence[str]) -> Iterator[str]:
    """Yield what is known of one run."""
    yield from runs_text([info])
    yield f"attempt {info.attempt}" + f", by {clean(info.executor)}" * bool(info.executor)
    for index, answer in sorted(info.answers.items()):
        yield ""
        yield clean(f"== {names[index]} ({answer.model}, {answer.seconds:.1f} s)")
        yield clean_lines(answer.text)
    for index, partial in sorted(info.partials.items()):
        yield ""
        yield clean(f"== {names[index]} ({partial.model}, broken off, {_tokens(partial.counted)})")
        yield clean_lines(partial.text)
    if info.ended and info.ended.failure:
        yield ""
        yield clean(info.ended.failure.message)


def _tokens(used: Used | None, least: Used | None = None) -> str:
    """Return how many tokens were counted, or how many they were at least."""
    told = used or least or Used()
    if used is None and told == Used():
        return "tokens unknown"
    most = "at least " * (used is None)
    return f"{most}{told.input_tokens:,} + {told.output_tokens:,} tokens"


def prompt_names(info: RunInfo) -> list[str]:
    """Return the names of a run's prompts, by their index."""
    return [str(one["name"]) for one in json.loads(info.order.content)["prompts"]]


def run_fields(info: RunInfo, *, costs: Costs | None = None) -> dict[str, Any]:
    """Return a run's fields; with `costs` also what was entered, answered and broke off."""
    failure = info.ended.failure if info.ended else None
    fields: dict[str, Any] = {
        "id": info.id,
        "assistant": info.assistant,
        "version": info.version,
        "status": info.standing.value,
        "attempt": info.attempt,
        "created_at": info.created_at.isoformat(),
        "updated_at": info.updated_at.isoformat(),
        "executor": info.executor,
        "cost": info.cost,
        "last_event": info.last_event,
        "batch": info.batch,
        "row": info.row,
        "error": _failure(failure) if failure else None,
    }
    if costs is not None:
        fields["inputs"] = dict(info.order.inputs)
        names = prompt_names(info)
        fields["answers"] = {names[index]: one.text for index, one in sorted(info.answers.items())}
        if info.partials:
            fields["broken_off"] = {
                names[index]: partial_fields(one, costs) for index, one in info.partials.items()
            }
    return fields


def row_fields(row: int, result: Result, names: Sequence[str]) -> dict[str, Any]:
    """Return what became of a row of a batch that was run."""
    ended = result.ended
    return {
        "row": row,
        "status": result.standing.value,
        "run": result.run,
        "outputs": {names[index]: one.text for index, one in result.answers.items()},
        **_token_fields(ended.used if ended else None),
        "cost": result.cost,
        "seconds": round(ended.seconds, 3) if ended else None,
        "error": _failure(ended.failure) if ended and ended.failure else None,
    }


def unrun_fields(row: int, status: str, findings: Sequence[InputFinding]) -> dict[str, Any]:
    """Return what is said of a row without a run."""
    return {"row": row, "status": status, "findings": [finding_fields(one) for one in findings]}


def progress_text(progress: Progress, rows: int, invalid: int) -> str:
    """Return how a batch stands, in one line."""
    counts = {**{one.value: count for one, count in progress.standings.items()}, "invalid": invalid}
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    least = f"at least ${progress.least:.4f}" if progress.least else "cost unknown"
    spent = least if progress.spent is None else f"${progress.spent:.4f}"
    return f"{progress.ended + invalid:,} of {rows:,} rows ({told or 'none'}), {spent}"


def progress_fields(progress: Progress, rows: int, invalid: int) -> dict[str, Any]:
    """Return how a batch stands."""
    return {
        "rows": rows,
        "ended": progress.ended + invalid,
        "invalid": invalid,
        **{one.value: progress.standings.get(one, 0) for one in _BATCHED},
        "cost": progress.spent,
        "budget_reached": progress.blocked,
    }


_BATCHED = (
    Standing.QUEUED,
    Standing.RUNNING,
    Standing.COMPLETED,
    Standing.FAILED,
    Standing.CANCELLED,
)
