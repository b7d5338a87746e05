"""What happens during a run, as frozen events with numbers; nothing flows back from who listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens that were counted by a provider."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Used) -> Used:
        return Used(
            self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer to one prompt. `seconds` is how long it took, with all its attempts."""

    text: str
    used: Used
    model: str
    attempts: int = 1
    seconds: float = 0.0

    @property
    def counted(self) -> Used | None:
        """The tokens, None where nobody counted them: a text cannot have taken none."""
        return None if self.text and self.used == Used() else self.used


@dataclass(frozen=True, slots=True)
class Partial:
    """What had come of an answer that broke off, and is void; it may have been paid for.

    `used` is None where the provider did not say it: most say it last.
    """

    text: str
    model: str
    used: Used | None = None

    @property
    def counted(self) -> Used | None:
        """The tokens, None where nobody counted them."""
        return None if self.text and self.used == Used() else self.used


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a prompt has no answer: a code that stays, words, and what to do."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`stages` are the indices of the prompts that run together, in order.

    `attempt` counts how often the run was begun: a retry is the next one.
    """

    stages: tuple[tuple[int, ...], ...]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class PromptStarted:
    """An attempt begins; what an earlier attempt said is void."""

    prompt: int
    model: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class PromptDelta:
    """A piece of an answer."""

    prompt: int
    text: str


@dataclass(frozen=True, slots=True)
class PromptCompleted:
    """A prompt is answered. `kept`: the answer was there from before, nobody was asked."""

    prompt: int
    answer: Answered
    kept: bool = False


@dataclass(frozen=True, slots=True)
class PromptFailed:
    """A prompt has no answer, and will get none in this attempt of the run.

    `partial` is what had come of one that broke off, by itself or because the run was ended.
    """

    prompt: int
    failure: Failure
    partial: Partial | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last event of a run. `answers` are those of the prompts that finished, by index.

    `partials` are what broke off: of an engine's end, because the run ended; of one that was kept,
    all that nobody has asked again. `voided` were asked again, and are paid for as their provider
    said. Not `counted`: nobody knows what else was asked by a worker that had left the run.
    """

    status: RunStatus
    answers: Mapping[int, Answered] = field(default_factory=dict)
    failure: Failure | None = None
    seconds: float = 0.0
    partials: Mapping[int, Partial] = field(default_factory=dict)
    voided: tuple[Partial, ...] = ()
    counted: bool = True

    @property
    def paid(self) -> tuple[Answered | Partial, ...]:
        """What there is to pay for, as far as somebody has said it."""
        of_prompts: dict[int, Answered | Partial] = {**self.partials, **self.answers}
        return (*of_prompts.values(), *self.voided)

    @property
    def least(self) -> Used:
        """The tokens of all that there is to pay for, as far as somebody counted them."""
        return sum((one.counted or Used() for one in self.paid), Used())

    @property
    def used(self) -> Used | None:
        """The tokens of all that there is to pay for, None where some were counted by nobody."""
        known = self.counted and all(one.counted is not None for one in self.paid)
        return self.least if known else None


RunEvent = RunStarted | PromptStarted | PromptDelta | PromptCompleted | PromptFailed | RunEnded

#: Gets each event of one run with its number, from 1, without gaps; must not raise.
RunListener = Callable[[int, RunEvent], None]
