"""A response as the server-sent events in which it arrives."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from understudy.sandbox.wire import encode

Event = dict[str, Any]
Fields = Mapping[str, Any]

_WORD = re.compile(r"\s*\S+\s*|\s+")


def beginning(response: Fields) -> Iterator[Event]:
    """Yield the events before the first item."""
    begun = {
        **response,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "output": [],
    }
    del begun["usage"]  # which nobody knows yet
    for step in ("created", "in_progress"):
        yield {"type": f"response.{step}", "response": begun}


def middle(response: Fields) -> Iterator[Event]:
    """Yield the events of all items."""
    for index, item in enumerate(response["output"]):
        place = {"output_index": index}
        empty = {**item, **_EMPTY[item["type"]]}
        if "status" in item:
            empty["status"] = "in_progress"
        yield {"type": "response.output_item.added", **place, "item": empty}
        for event in _INSIDE[item["type"]](item):
            yield {**event, "item_id": item["id"], **place}
        yield {"type": "response.output_item.done", **place, "item": item}


def failing(response: Fields, code: str, message: str) -> Event:
    """Return the last event of a response that failed after all."""
    failed = {**response, "status": "failed", "completed_at": None, "output": []}
    del failed["usage"]
    return ending({**failed, "error": {"code": code, "message": message}})


def ending(response: Fields) -> Event:
    """Return the last event."""
    return {"type": f"response.{response['status']}", "response": response}


def error(code: str, message: str) -> Event:
    """Return the event of a failure that is not even a failed response."""
    return {"type": "error", "code": code, "message": message, "param": None}


def half(events: list[Event]) -> list[Event]:
    """Return the events up to the middle of what is said."""
    deltas = [place for place, event in enumerate(events) if event["type"].endswith(".delta")]
    return events[: deltas[len(deltas) // 2] + 1] if deltas else events[: len(events) // 2]


def sent(events: Iterable[Event]) -> tuple[bytes, ...]:
    """Return events as they go over the wire, numbered."""
    return tuple(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), encode(_numbered(event, number)))
        for number, event in enumerate(events)
    )


def _numbered(event: Event, number: int) -> Event:
    return {"type": event["type"], "sequence_number": number, **event}


def _deltas(kind: str, text: str, place: Fields, **more: Any) -> Iterator[Event]:
    for delta in _WORD.findall(text):
        yield {"type": f"response.{kind}.delta", **place, "delta": delta, **more}


def _message(item: Fields) -> Iterator[Event]:
    for index, part in enumerate(item["content"]):
        place = {"content_index": index}
        silent = {name: one[:0] for name, one in part.items() if name != "type"}
        yield {"type": "response.content_part.added", **place, "part": {**part, **silent}}
        if part["type"] == "refusal":
            said, done = _deltas("refusal", part["refusal"], place), "refusal"
            final = {"refusal": part["refusal"]}
        else:
            said, done = _deltas("output_text", part["text"], place, logprobs=[]), "output_text"
            final = {"text": part["text"], "logprobs": []}
        yield from said
        for number, annotation in enumerate(part.get("annotations", ())):
            yield {
                "type": "response.output_text.annotation.added",
                **place,
                "annotation_index": number,
                "annotation": annotation,
            }
        yield {"type": f"response.{done}.done", **place, **final}
        yield {"type": "response.content_part.done", **place, "part": part}


def _call(item: Fields) -> Iterator[Event]:
    kind = "function_call_arguments"
    yield from _deltas(kind, item["arguments"], {})
    done = {"name": item["name"], "arguments": item["arguments"]}
    yield {"type": f"response.{kind}.done", **done}


def _search(_: Fields) -> Iterator[Event]:
    for step in ("in_progress", "searching", "completed"):
        yield {"type": f"response.file_search_call.{step}"}


def _reasoning(item: Fields) -> Iterator[Event]:
    kind = "reasoning_summary"
    for index, part in enumerate(item["summary"]):
        place = {"summary_index": index}
        added = {**part, "text": ""}
        yield {"type": f"response.{kind}_part.added", **place, "part": added}
        yield from _deltas(f"{kind}_text", part["text"], place)
        yield {"type": f"response.{kind}_text.done", **place, "text": part["text"]}
        yield {"type": f"response.{kind}_part.done", **place, "part": part}


_EMPTY: Mapping[str, Fields] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "file_search_call": {"queries": [], "results": None},
    "reasoning": {"summary": []},
}
_INSIDE = {
    "message": _message,
    "function_call": _call,
    "file_search_call": _search,
    "reasoning": _reasoning,
}
