"""How Anthropic, Google and Bedrock answer on the wire, and the table of all dialects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.dialects_openai import CHAT, RESPONSES
from providers.frames import damaged, frame
from providers.lookalike import Call, Dialect, Function, Refused, Said


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


_RESULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "web_search": ("web_search_tool_result", {"content": []}),
    "web_fetch": (
        "web_fetch_tool_result",
        {"content": {"type": "web_fetch_tool_result_error", "error_code": "unavailable"}},
    ),
    "code_execution": (
        "code_execution_tool_result",
        {
            "content": {
                "type": "code_execution_result",
                "stdout": "not the answer",
                "stderr": "",
                "return_code": 0,
                "content": [],
            }
        },
    ),
}


class _Blocks:
    def __init__(self) -> None:
        self.index = -1
        self.open = False

    def start(self, block: dict[str, Any]) -> bytes:
        told = self.stop()
        self.index += 1
        self.open = True
        return told + _event("content_block_start", index=self.index, content_block=block)

    def delta(self, kind: str, **fields: Any) -> bytes:
        delta = {"type": f"{kind}_delta", **fields}
        return _event("content_block_delta", index=self.index, delta=delta)

    def stop(self) -> bytes:
        told = _event("content_block_stop", index=self.index) if self.open else b""
        self.open = False
        return told


def _anthropic(said: Said) -> Iterator[bytes]:
    blocks, text = _Blocks(), False
    usage = {"input_tokens": 9, "output_tokens": 1}
    begun: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    begun |= {"model": "claude", "stop_reason": None, "stop_sequence": None, "usage": usage}
    yield _event("message_start", message=begun)
    for piece in said.pieces:
        if isinstance(piece, str):
            told = b"" if text else blocks.start({"type": "text", "text": ""})
            yield told + blocks.delta("text", text=piece)
        elif isinstance(piece, Function):
            block = {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": {}}
            yield blocks.start(block) + blocks.delta("input_json", partial_json=piece.arguments)
        else:
            result, fields = _RESULTS[piece.tool]
            call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": piece.tool, "input": {}}
            told = blocks.start(call) + blocks.delta("input_json", partial_json='{"q": "x"}')
            yield told + blocks.start({"type": result, "tool_use_id": "srvtoolu_1", **fields})
        text = isinstance(piece, str)
    reasons = {"length": "max_tokens", "filter": "refusal", "paused": "pause_turn"}
    called = any(isinstance(piece, Function) for piece in said.pieces)
    reason = reasons.get(said.ending, "tool_use" if called else "end_turn")
    ending = {"stop_reason": reason, "stop_sequence": None}
    told = blocks.stop() + _event("message_delta", delta=ending, usage={"output_tokens": 5})
    yield told + _event("message_stop")


def _anthropic_refusal(refused: Refused) -> tuple[Any, Mapping[str, str]]:
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
    kinds |= {429: "rate_limit_error", 529: "overloaded_error", 400: "invalid_request_error"}
    error = {"type": kinds.get(refused.status, "api_error"), "message": refused.message}
    return {"type": "error", "error": error}, {}


def _chunk(parts: list[dict[str, Any]], **candidate: Any) -> bytes:
    candidate |= {"content": {"role": "model", "parts": parts}, "index": 0}
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}
    whole = {"candidates": [candidate], "usageMetadata": usage, "responseId": "r1"}
    return f"data: {json.dumps({**whole, 'modelVersion': 'gemini'})}\r\n\r\n".encode()


def _google(said: Said) -> Iterator[bytes]:
    yield b""
    grounded: dict[str, Any] = {}
    for piece in said.pieces:
        assert not isinstance(piece, Function)
        if isinstance(piece, str):
            yield _chunk([{"text": piece}])
        elif piece.tool == "code_execution":
            yield _chunk([{"executableCode": {"language": "PYTHON", "code": "print(1)"}}]) + _chunk(
                [{"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "not the answer"}}]
            )
        else:  # what was searched is told with the ending, beside the text
            grounded = {"groundingMetadata": {"webSearchQueries": ["not the answer"]}}
            yield b""
    reasons = {"whole": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}
    yield _chunk([{"text": ""}], finishReason=reasons[said.ending], **grounded)


def _google_refusal(refused: Refused) -> tuple[Any, Mapping[str, str]]:
    kinds = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
    kinds |= {404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}
    status = kinds.get(refused.status, "UNKNOWN")
    return {"error": {"code": refused.status, "message": refused.message, "status": status}}, {}


def _block(index: int, kind: str, value: Any) -> bytes:
    told = frame("contentBlockDelta", {"contentBlockIndex": index, "delta": {kind: value}})
    return told + frame("contentBlockStop", {"contentBlockIndex": index})


def _started(index: int, kind: str, value: Any) -> bytes:
    return frame("contentBlockStart", {"contentBlockIndex": index, "start": {kind: value}})


def _bedrock(said: Said) -> Iterator[bytes]:
    yield frame("messageStart", {"role": "assistant"})
    index = 0
    for piece in said.pieces:
        if isinstance(piece, str):
            yield frame("contentBlockDelta", {"contentBlockIndex": index, "delta": {"text": piece}})
            continue
        one = {"toolUseId": "tooluse_1"}
        index += 1
        if isinstance(piece, Function):
            told = _started(index, "toolUse", {**one, "name": "answer"})
            yield told + _block(index, "toolUse", {"input": piece.arguments})
        else:
            call = {**one, "name": "nova_code_interpreter", "type": "server_tool_use"}
            told = _started(index, "toolUse", call)
            told += _block(index, "toolUse", {"input": '{"snippet": "print(1)"}'})
            result = {**one, "type": "nova_code_interpreter_result", "status": "success"}
            told += _started(index + 1, "toolResult", result)
            given = [{"json": {"stdOut": "not the answer", "exitCode": 0}}]
            yield told + _block(index + 1, "toolResult", given)
            index += 1
        index += 1
    reasons = {"length": "max_tokens", "filter": "guardrail_intervened"}
    called = any(isinstance(piece, Function) for piece in said.pieces)
    reason = reasons.get(said.ending, "tool_use" if called else "end_turn")
    usage = {"inputTokens": 9, "outputTokens": 5, "totalTokens": 14}
    yield frame("messageStop", {"stopReason": reason}) + frame(
        "metadata", {"usage": usage, "metrics": {"latencyMs": 1}}
    )


def _bedrock_refusal(refused: Refused) -> tuple[Any, Mapping[str, str]]:
    kinds = {400: "ValidationException", 401: "UnrecognizedClientException"}
    kinds |= {403: "AccessDeniedException", 404: "ResourceNotFoundException"}
    kinds |= {429: "ThrottlingException", 503: "ServiceUnavailableException"}
    kind = kinds.get(refused.status, "InternalServerException")
    return {"message": refused.message}, {"x-amzn-ErrorType": kind}


ANTHROPIC = Dialect(
    "/v1/messages",
    "text/event-stream",
    _anthropic,
    _anthropic_refusal,
    garbage=b'event: content_block_delta\ndata: {"type": "content_blo\n\n',
    trouble=_event("error", error={"type": "overloaded_error", "message": "The tide is out."}),
)
GOOGLE = Dialect(
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    "text/event-stream",
    _google,
    _google_refusal,
    garbage=b'data: {"candidates": [{"con\r\n\r\n',
    trouble=b'data: {"error": {"code": 503, "message": "The tide is out.", '
    b'"status": "UNAVAILABLE"}}\r\n\r\n',
)
BEDROCK = Dialect(
    "/model/amazon.nova-2-lite-v1%3A0/converse-stream",
    "application/vnd.amazon.eventstream",
    _bedrock,
    _bedrock_refusal,
    garbage=damaged(frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "no"}})),
    trouble=frame("throttlingException", {"message": "The tide is out."}, as_exception=True),
)
DIALECTS = {
    "openai/gpt-4o": RESPONSES,
    "anthropic/claude-opus-5": ANTHROPIC,
    "google/gemini-2.5-flash": GOOGLE,
    "bedrock/amazon.nova-2-lite-v1:0": BEDROCK,
    "my-team/llama-4": CHAT,
    "own/llama-4": RESPONSES,
}

__all__ = ["DIALECTS", "Call", "Function", "Refused", "Said"]
