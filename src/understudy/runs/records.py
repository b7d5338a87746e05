"""What is kept of a run, as values and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from dataclasses import field as hidden
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

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


class Standing(StrEnum):
    """How a run stands.

    `interrupted`: the process that played it is gone, and nobody has taken it over yet.
    `damaged`: it cannot be read.
    """

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    DAMAGED = "damaged"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in _ENDED


_ENDED = {Standing.COMPLETED, Standing.FAILED, Standing.CANCELLED, Standing.DAMAGED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A file as it was given for a field."""

    field: str
    name: str
    content: bytes = hidden(repr=False)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of its bytes, in hexadecimal."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run: an assistant's content as JSON, who answers, and what was entered.

    `version` is None for a file. `tools` are those that a model gets. `originals` are the files
    whose text the inputs hold.
    """

    assistant: str
    content: str
    models: Mapping[str, str]
    inputs: Mapping[str, str]
    version: int | None = None
    tools: Mapping[str, tuple[str, ...]] = hidden(default_factory=dict)
    originals: tuple[Original, ...] = hidden(default=(), repr=False, compare=False)

    @property
    def play(self) -> str:
        """Return what is the same for all runs of one version, as JSON."""
        models, tools = dict(sorted(self.models.items())), dict(sorted(self.tools.items()))
        return json.dumps({"content": self.content, "models": models, "tools": tools})


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a run; with a `key` the same request gives the same run again.

    `digest` stands for all that was asked for. `trace` is the context that it was asked in, None
    where nobody traces.
    """

    caller: str = ""
    key: str | None = None
    digest: str = ""
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Census:
    """The runs that have not ended.

    `oldest` is since how many seconds the first of the queued ones has waited, `places` how many
    runs the living workers may play at once.
    """

    queued: int
    running: int
    interrupted: int
    oldest: float
    workers: int
    places: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One run. `attempt` counts from 1; `ended` is there for runs that have ended.

    `answers` are all that there are, by the prompt's index, `partials` what broke off and has not
    been asked again. `order` has no inputs where those have
    been purged. `cost` is in US dollars, None where it is not known. `last_event` is the number
    of the latest event, 0 where there is none.
    """

    id: str
    assistant: str
    version: int | None
    standing: Standing
    attempt: int
    created_at: datetime
    updated_at: datetime
    executor: str
    order: Order = hidden(repr=False)
    ended: RunEnded | None = hidden(default=None, repr=False)
    answers: Mapping[int, Answered] = hidden(default_factory=dict, repr=False)
    partials: Mapping[int, Partial] = hidden(default_factory=dict, repr=False)
    cost: float | None = None
    last_event: int = 0
    caller: str = ""
    batch: str | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """`guess` is what a run is thought to cost before one has ended, in US dollars."""

    id: str
    rows: int
    max_cost: float | None = None
    guess: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How a batch stands: runs by their standing, and what the attempts cost that have ended.

    `spent` is None where what some of them cost is not known, `least` is what is known of it.
    `blocked`: the budget allows no more.
    """

    standings: Mapping[Standing, int]
    spent: float | None
    blocked: bool = False
    least: float = 0.0

    @property
    def ended(self) -> int:
        """How many have ended."""
        return sum(count for one, count in self.standings.items() if one.ended)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one row."""

    run: str
    standing: Standing
    answers: Mapping[int, Answered]
    ended: RunEnded | None
    cost: float | None


#: An event as it is kept: its number, its kind, its JSON.
Kept = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event of a run, read."""

    number: int
    kind: str
    event: RunEvent


def event_json(event: RunEvent) -> tuple[str, str]:
    """Return an event's kind and its JSON; `event_of` reads both."""
    if isinstance(event, RunEnded):
        return f"run.{event.status.value}", _dumps(ended_json(event))
    return _KINDS[type(event)], _dumps(asdict(event))


def event_of(kind: str, text: str) -> RunEvent:
    """Return the event of that kind that JSON holds.

    The end of a run holds no answers: those are in the events before.
    """
    value = json.loads(text)
    return _READ[kind](value)


def ended_json(ended: RunEnded) -> dict[str, Any]:
    """Return the end of a run without its answers."""
    return {
        "status": ended.status.value,
        "failure": asdict(ended.failure) if ended.failure else None,
        "seconds": ended.seconds,
        "counted": ended.counted,
    }


def ended_of(
    value: Mapping[str, Any],
    answers: Mapping[int, Answered] | None = None,
    partials: Mapping[int, Partial] | None = None,
    voided: tuple[Partial, ...] = (),
) -> RunEnded:
    """Return the end of a run that JSON holds, with answers and what broke off."""
    failure = value["failure"]
    return RunEnded(
        RunStatus(value["status"]),
        answers or {},
        Failure(**failure) if failure else None,
        value["seconds"],
        partials or {},
        voided,
        value.get("counted", True),
    )


def answer_of(value: Mapping[str, Any]) -> Answered:
    """Return the answer that JSON holds."""
    return Answered(**{**value, "used": Used(**value["used"])})


def partial_of(value: Mapping[str, Any] | None) -> Partial | None:
    """Return what had come of an answer, as JSON holds it; None for nothing."""
    if value is None:
        return None
    return Partial(**{**value, "used": Used(**value["used"]) if value["used"] else None})


def _dumps(value: object) -> str:
    # JSON escapes NULs, which PostgreSQL does not take, but no halves of characters.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text


_KINDS: Mapping[type, str] = {
    RunStarted: "run.started",
    PromptStarted: "prompt.started",
    PromptDelta: "prompt.delta",
    PromptCompleted: "prompt.completed",
    PromptFailed: "prompt.failed",
}

_READ: Mapping[str, Callable[[dict[str, Any]], RunEvent]] = {
    "run.started": lambda one: RunStarted(
        tuple(tuple(stage) for stage in one["stages"]), one.get("attempt", 1)
    ),
    "prompt.started": lambda one: PromptStarted(**one),
    "prompt.delta": lambda one: PromptDelta(**one),
    "prompt.completed": lambda one: PromptCompleted(**{**one, "answer": answer_of(one["answer"])}),
    "prompt.failed": lambda one: PromptFailed(
        one["prompt"], Failure(**one["failure"]), partial_of(one.get("partial"))
    ),
    **dict.fromkeys(("run.completed", "run.failed", "run.cancelled"), ended_of),
}

#: The last event of an attempt is one of these.
ENDINGS = frozenset({"run.completed", "run.failed", "run.cancelled"})
