"""What a test lets the model say, turn by turn."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Calling:
    """One call of a function. `arguments` as text are sent as they are, JSON or not."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    call_id: str | None = None

    @property
    def text(self) -> str:
        """The arguments as the API gives them."""
        given = self.arguments
        return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is answered to one request for a response; several of these together are one answer.

    `incomplete` is the reason for which the text ends too early. `error` is the code of a failure:
    a stream fails half-way, in a last event `response.failed` or, with `ending="error"`, `error`;
    with `ending="drop"` the connection breaks in its place. Without a stream the status tells.
    `when` keeps the turn for the first question that contains it. `pause` is in seconds, between
    the events of a stream.
    """

    text: str | None = None
    calls: Sequence[Calling] = ()
    refusal: str | None = None
    reasoning: str | None = None
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    error: str | None = None
    message: str = "An error occurred while processing your request."
    ending: Literal["failed", "error", "drop"] = "failed"
    when: str | None = None
    pause: float | None = None


Script = list[Turn | str]


def take(script: Script, question: str) -> Turn | None:
    """Take the next turn that is meant for this question off the script, None if there is none."""
    for place, entry in enumerate(script):
        turn = Turn(entry) if isinstance(entry, str) else entry
        if turn.when is None or turn.when.casefold() in question.casefold():
            del script[place]
            return turn
    return None
