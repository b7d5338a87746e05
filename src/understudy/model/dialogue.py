"""A question and its answer over the Responses API, turn by turn: what is sent and heard. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from understudy.model.assistant import Json

#: What a response that can be passed on without being stored has to bring along.
_ENCRYPTED = "reasoning.encrypted_content"

#: How a response ends, by the event that says so.
_ENDS: Mapping[str, str] = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of the answer, as it comes."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function that the model calls; `arguments` are its JSON, as the model wrote it."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Output:
    """What a function answered, or why it did not."""

    call_id: str
    name: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Noted:
    """Something about the dialogue that is not part of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `usage` is summed over all turns."""

    text: str
    response_id: str
    usage: Mapping[str, int] = field(default_factory=dict)
    conversation: str = ""
    turns: int = 1


#: What a listener hears while a question is answered.
Heard: TypeAlias = Said | Call | Output | Noted | Answer


@dataclass(frozen=True, slots=True)
class Turn:
    """One response that has ended: `status` says how, `code` and `reason` say why not well."""

    response_id: str
    status: str
    text: str = ""
    refusal: str = ""
    calls: tuple[Call, ...] = ()
    items: tuple[Json, ...] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    code: str = ""
    reason: str = ""


class Reading:
    """Reads the events of one response; `turn` is there once it has ended."""

    def __init__(self) -> None:
        self.turn: Turn | None = None
        self._response_id = ""
        self._items: list[Json] = []
        self._part: object = None
        self._streamed = False

    def feed(self, event: Mapping[str, Any]) -> str:
        """Take the next event and return the text that it adds to the answer."""
        kind = _text(event.get("type"))
        if kind == "response.output_text.delta":
            return self._delta(event)
        if kind == "response.output_item.done" and isinstance(item := event.get("item"), dict):
            self._items.append(item)
        elif kind == "error":
            found = event.get("error")
            told = found if isinstance(found, dict) else event
            self.turn = Turn(
                self._response_id,
                "failed",
                code=_text(told.get("code")),
                reason=_text(told.get("message")),
            )
        elif isinstance(response := event.get("response"), dict):
            self._response_id = _text(response.get("id")) or self._response_id
            if kind in _ENDS:
                return self._end(_ENDS[kind], response)
        return ""

    def _delta(self, event: Mapping[str, Any]) -> str:
        delta = _text(event.get("delta"))
        part = (event.get("output_index"), event.get("content_index"))
        apart = "\n\n" if self._streamed and part != self._part else ""
        self._part, self._streamed = part, True
        return apart + delta

    def _end(self, status: str, response: Mapping[str, Any]) -> str:
        output = response.get("output")
        given = [one for one in output if isinstance(one, dict)] if isinstance(output, list) else []
        self.turn = _turn(self._response_id, status, given or self._items, response)
        return "" if self._streamed else self.turn.text


def first_request(
    arguments: Mapping[str, Any],
    question: str,
    *,
    files: Sequence[str] = (),
    conversation: str = "",
    reasons: bool = False,
) -> Json:
    """Return the arguments of the first request.

    `files` are ids. A model that `reasons` must hand its thoughts out where nothing is stored.
    """
    content = [{"type": "input_file", "file_id": one} for one in files]
    said = [*content, {"type": "input_text", "text": question}]
    message = {"role": "user", "content": said if files else question}
    request = {**arguments, "stream": True, "input": [message]}
    if conversation:
        request["conversation"] = conversation
    if request.get("conversation"):
        request.pop("previous_response_id", None)  # one or the other
    elif request.get("store") is False and reasons:
        include = request.get("include") or []
        if isinstance(include, list) and _ENCRYPTED not in include:
            request["include"] = [*include, _ENCRYPTED]
    return request


def next_request(request: Mapping[str, Any], turn: Turn, outputs: Sequence[Output]) -> Json:
    """Return the arguments of the request that answers all of a turn's calls together."""
    answers: list[Json] = [
        {"type": "function_call_output", "call_id": one.call_id, "output": one.text}
        for one in outputs
    ]
    following: Json = {**request, "input": answers}
    choice = following.get("tool_choice")
    if choice == "required" or isinstance(choice, dict):
        del following["tool_choice"]  # it has been done; else no turn would ever be the last
    if request.get("conversation"):
        return following
    if request.get("store") is False:
        passed = [_passed(item) for item in turn.items if _can_pass(item)]
        following["input"] = [*request["input"], *passed, *answers]
        return following
    following["previous_response_id"] = turn.response_id
    return following


def summed(usage: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Return both together."""
    return {key: usage.get(key, 0) + more.get(key, 0) for key in {**usage, **more}}


def unanswerable(turn: Turn) -> str:
    """Return the type of a call in it that only a program of its own can answer, or nothing."""
    kinds = (_text(item.get("type")) for item in turn.items)
    return next((kind for kind in kinds if kind in _FOREIGN), "")


_FOREIGN = frozenset(
    {
        "apply_patch_call",
        "computer_call",
        "custom_tool_call",
        "local_shell_call",
        "mcp_approval_request",
    }
)


def _turn(response_id: str, status: str, items: list[Json], response: Mapping[str, Any]) -> Turn:
    parts = [
        part
        for item in items
        if item.get("type") == "message"
        for part in (item["content"] if isinstance(item.get("content"), list) else ())
        if isinstance(part, dict)
    ]
    error, details = response.get("error"), response.get("incomplete_details")
    error = error if isinstance(error, dict) else {}
    details = details if isinstance(details, dict) else {}
    usage = response.get("usage")
    counts = usage.items() if isinstance(usage, dict) else ()
    return Turn(
        response_id,
        status,
        "\n\n".join(_text(one.get("text")) for one in parts if one.get("type") == "output_text"),
        "".join(_text(one.get("refusal")) for one in parts if one.get("type") == "refusal"),
        tuple(_call(item) for item in items if item.get("type") == "function_call"),
        tuple(items),
        {key: n for key, n in counts if isinstance(n, int) and not isinstance(n, bool)},
        _text(error.get("code")),
        _text(error.get("message")) or _text(details.get("reason")),
    )


def _call(item: Json) -> Call:
    return Call(_text(item.get("call_id")), _text(item.get("name")), _text(item.get("arguments")))


def _can_pass(item: Json) -> bool:
    """Tell whether an item means anything where it was not stored."""
    return item.get("type") != "reasoning" or bool(item.get("encrypted_content"))


def _passed(item: Json) -> Json:
    """Return an item of the output as an input; its status is the place's own."""
    return {key: value for key, value in item.items() if key != "status" and value is not None}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
