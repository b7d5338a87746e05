"""OpenAI's two ways to answer on the wire: the events of Responses, and chat completions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from providers.lookalike import Call, Dialect, Function, Refused, Said

_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def _refusal(refused: Refused) -> tuple[Any, Mapping[str, str]]:
    code = _CODES.get(refused.status)
    error = {"message": refused.message, "type": "api_error", "param": None, "code": code}
    return {"error": error}, {}


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


class _Responses:
    def __init__(self) -> None:
        self.numbers = count()
        self.output: list[dict[str, Any]] = []
        self.text = ""
        self.open = False

    def event(self, kind: str, **fields: Any) -> bytes:
        return _event(f"response.{kind}", sequence_number=next(self.numbers), **fields)

    def whole(self, status: str, **more: Any) -> dict[str, Any]:
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1_764_000_000,
            "model": "gpt-4o",
            "status": status,
            "output": self.output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            **more,
        }

    def item(self, kind: str, item: dict[str, Any]) -> bytes:
        return self.event(f"output_item.{kind}", output_index=len(self.output), item=item)

    def message(self, status: str) -> dict[str, Any]:
        content = [{"type": "output_text", "text": self.text, "annotations": []}]
        return {
            "id": f"msg_{len(self.output)}",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content if status == "completed" else [],
        }

    def say(self, text: str) -> bytes:
        first = b"" if self.open else self.item("added", self.message("in_progress"))
        self.open = True
        self.text += text
        where = {"item_id": f"msg_{len(self.output)}", "output_index": len(self.output)}
        return first + self.event("output_text.delta", content_index=0, delta=text, **where)

    def close(self) -> bytes:
        if not self.open:
            return b""
        done = self.message("completed")
        told = self.item("done", done)
        self.output.append(done)
        self.open, self.text = False, ""
        return told

    def call(self, tool: str) -> bytes:
        told = self.close()
        if tool == "web_search":
            action = {"type": "search", "query": "not the answer"}
            item: dict[str, Any] = {"id": "ws_1", "type": "web_search_call", "action": action}
        else:
            logs = [{"type": "logs", "logs": "not the answer"}]
            item = {"id": "ci_1", "type": "code_interpreter_call", "code": "print(1)"}
            item |= {"container_id": "cntr_1", "outputs": logs}
        begun: dict[str, Any] = {**item, "status": "in_progress"}
        begun |= {} if tool == "web_search" else {"code": "", "outputs": None}
        told += self.item("added", begun)
        done = {**item, "status": "completed"}
        told += self.item("done", done)
        self.output.append(done)
        return told


def _responses(said: Said) -> Iterator[bytes]:
    one = _Responses()
    yield one.event("created", response=one.whole("in_progress"))
    for piece in said.pieces:
        assert not isinstance(piece, Function)
        yield one.call(piece.tool) if isinstance(piece, Call) else one.say(piece)
    told = one.close()
    usage = {
        "input_tokens": 9,
        "output_tokens": 5,
        "total_tokens": 14,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    reasons = {"length": "max_output_tokens", "filter": "content_filter"}
    if reason := reasons.get(said.ending):
        details = {"reason": reason}
        whole = one.whole("incomplete", usage=usage, incomplete_details=details)
        yield told + one.event("incomplete", response=whole)
    else:
        yield told + one.event("completed", response=one.whole("completed", usage=usage))


def _chunk(**fields: Any) -> bytes:
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_764_000_000,
        "model": "llama",
        **fields,
    }
    return f"data: {json.dumps(whole)}\n\n".encode()


def _choice(delta: dict[str, Any], reason: str | None = None) -> bytes:
    return _chunk(choices=[{"index": 0, "delta": delta, "finish_reason": reason}])


def _chat(said: Said) -> Iterator[bytes]:
    yield _choice({"role": "assistant", "content": ""})
    for piece in said.pieces:
        assert isinstance(piece, str)
        yield _choice({"content": piece})
    reasons = {"whole": "stop", "length": "length", "filter": "content_filter"}
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    end = _choice({}, reasons[said.ending]) + _chunk(choices=[], usage=usage)
    yield end + b"data: [DONE]\n\n"


_TROUBLE = {"message": "The tide is out.", "type": "server_error", "code": "server_error"}

RESPONSES = Dialect(
    "/responses",
    "text/event-stream",
    _responses,
    _refusal,
    garbage=b'event: response.output_text.delta\ndata: {"type": "response.out\n\n',
    trouble=_event(
        "error", sequence_number=9, param=None, **{k: v for k, v in _TROUBLE.items() if k != "type"}
    ),
)
CHAT = Dialect(
    "/chat/completions",
    "text/event-stream",
    _chat,
    _refusal,
    garbage=b'data: {"id": "chatcmpl-1", "choi\n\n',
    trouble=f"data: {json.dumps({'error': _TROUBLE})}\n\n".encode(),
)
