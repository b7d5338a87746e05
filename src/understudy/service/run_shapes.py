"""What the answers about runs look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from understudy.service.shapes import Shape


class RunFailure(BaseModel):
    """Why a run failed, by a code that stays."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(examples=["provider_quota"])
    message: str
    hint: str


class RunPartial(BaseModel):
    """What had come of an answer that broke off; null is what nobody knows of it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None


class Run(BaseModel):
    """One run. `cost` is in US dollars, null where it is not known.

    `lastEvent` is the number of its latest event. Lists leave out inputs, answers and what
    broke off.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(examples=["run_0123456789abcdef"])
    assistant: str
    version: int | None
    status: Literal[
        "queued", "running", "completed", "failed", "cancelled", "interrupted", "damaged"
    ]
    attempt: int
    created_at: str
    updated_at: str
    executor: str
    cost: float | None
    last_event: int
    batch: str | None
    row: int | None
    error: RunFailure | None
    inputs: dict[str, str] | None = None
    answers: dict[str, str] | None = None
    broken_off: dict[str, RunPartial] | None = None


class RunAnswer(Shape):
    """A run."""

    run: Run


class RunPage(Shape):
    """The latest runs, the newest first."""

    count: int
    runs: list[Run]
