"""What is kept of a run, as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from understudy.architect.run_events import Answered, Failure, RunEnded, RunStatus, Used


class Standing(StrEnum):
    """How a run stands.

    `interrupted`: the process that played it is gone; retry it. `damaged`: it cannot be read.
    """

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run: an assistant's content as JSON, who answers, and what was entered.

    `kept` are answers from earlier attempts, by the prompt's index. `version` is None for a file.
    """

    assistant: str
    content: str
    models: Mapping[str, str]
    inputs: Mapping[str, str]
    version: int | None = None
    kept: Mapping[int, Answered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One run. `attempt` counts from 1; `ended` is there for runs that ended by themselves.

    `answers` are all that there are, by the prompt's index.
    """

    id: str
    assistant: str
    version: int | None
    standing: Standing
    attempt: int
    created_at: datetime
    updated_at: datetime
    executor: str
    order: Order = field(repr=False)
    ended: RunEnded | None = field(default=None, repr=False)
    answers: Mapping[int, Answered] = field(default_factory=dict, repr=False)


def order_json(order: Order) -> dict[str, Any]:
    """Return an order as JSON; `order_of` reads it."""
    return {
        "assistant": order.assistant,
        "version": order.version,
        "content": order.content,
        "models": dict(order.models),
        "inputs": dict(order.inputs),
        "kept": {str(i): asdict(answer) for i, answer in order.kept.items()},
    }


def order_of(value: Mapping[str, Any]) -> Order:
    """Return the order that JSON holds."""
    kept = {int(i): answer_of(answer) for i, answer in value["kept"].items()}
    return Order(**{**value, "kept": kept})


def ended_json(ended: RunEnded) -> dict[str, Any]:
    """Return the end of a run as JSON; `ended_of` reads it."""
    return {
        "status": ended.status.value,
        "answers": {str(i): asdict(answer) for i, answer in ended.answers.items()},
        "failure": asdict(ended.failure) if ended.failure else None,
        "seconds": ended.seconds,
    }


def ended_of(value: Mapping[str, Any]) -> RunEnded:
    """Return the end of a run that JSON holds."""
    failure = value["failure"]
    return RunEnded(
        RunStatus(value["status"]),
        {int(i): answer_of(answer) for i, answer in value["answers"].items()},
        Failure(**failure) if failure else None,
        value["seconds"],
    )


def answer_of(value: Mapping[str, Any]) -> Answered:
    """Return the answer that JSON holds."""
    return Answered(**{**value, "used": Used(**value["used"])})
