"""One run as OpenTelemetry spans, named by the GenAI conventions (1.41).

Names of the conventions stand here as text: the module that has them changes between versions.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from understudy.architect.engine import Play
from understudy.architect.rendering import rendered
from understudy.architect.run_events import (
    Failure,
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
from understudy.ops.span_context import links
from understudy.redact import hide, redact
from understudy.runs.playing import HandedOn

log = logging.getLogger("understudy.traces")

LONGEST = 32_768  # characters of one text in a span
_LONGEST_MESSAGE = 500  # of an error

#: The conventions' names of our providers; others are called as they are here.
PROVIDERS: Mapping[str, str] = {"bedrock": "aws.bedrock", "google": "gcp.gemini"}

#: Of an attempt that another one follows, and of one that was cut off.
RETRIED = Failure("_OTHER", "Another attempt followed.")
CANCELLED = Failure("cancelled", "The run ended before the answer was whole.")


@dataclass(slots=True)
class _Chat:
    span: Span
    begun: int
    answering: bool = False


class RunSpans:
    """Hears one run, and makes a span of it and one of each attempt of a prompt; never raises.

    Nothing that was said is in them without `content`. `asked` is the trace context in which the
    run was asked for: as it may have waited for hours, it is a link, not the parent.
    """

    def __init__(
        self,
        tracer: Tracer,
        run: str,
        attempt: int,
        play: Play,
        *,
        content: bool = False,
        asked: str | None = None,
    ) -> None:
        self._tracer = tracer
        self._id = run
        self._attempt = attempt
        self._play = play
        self._content = content
        self._asked_in = asked
        self._run: Span | None = None
        self._chats: dict[int, _Chat] = {}
        self._answers: dict[int, str] = {}  # only with content: what later prompts are sent
        self._used = Used()
        # A wall clock may be set back during a run; no span ends before it began.
        self._offset = time.time_ns() - time.monotonic_ns()
        self._broken = False

    def hear(self, _: int, event: RunEvent | HandedOn) -> None:
        """Take the next event."""
        if kind := self._kinds.get(type(event)):
            self._guarded(kind, event)

    def _guarded(self, work: Callable[..., None], *args: object) -> None:
        """Do something; tell the first time that it fails, and not with what."""
        try:
            work(self, *args)
        except Exception as error:  # who traces a run must not break it
            if not self._broken:
                log.warning("%s cannot be traced: %s", self._id, type(error).__name__)
            self._broken = True

    def _now(self) -> int:
        return time.monotonic_ns() + self._offset

    def _begun(self, _: RunStarted) -> None:
        if self._run is not None:
            return
        name = self._play.definition.name
        self._run = self._tracer.start_span(
            f"invoke_agent {name}",
            kind=SpanKind.INTERNAL,
            links=links(self._asked_in),
            start_time=self._now(),
            attributes={
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": name,
                "understudy.run.id": self._id,
                "understudy.run.attempt": self._attempt,
            },
        )

    def _asked(self, event: PromptStarted) -> None:
        if self._run is None:
            return
        now = self._now()
        self._end_chat(event.prompt, now, RETRIED)
        provider, _, model = event.model.partition("/")
        span = self._tracer.start_span(
            f"chat {model}",
            set_span_in_context(self._run),
            SpanKind.CLIENT,
            start_time=now,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": PROVIDERS.get(provider, provider),
                "gen_ai.request.model": model,
                "gen_ai.request.stream": True,
                "gen_ai.prompt.name": self._play.definition.prompts[event.prompt].name,
                "understudy.prompt.index": event.prompt,
                "understudy.prompt.attempt": event.attempt,
            },
        )
        self._chats[event.prompt] = _Chat(span, now)
        if self._content and span.is_recording():
            self._tell_what_is_sent(span, event.prompt)

    def _tell_what_is_sent(self, span: Span, index: int) -> None:
        play = self._play
        reads = play.flow.reads[index]
        text = rendered(play.definition, index, reads, play.inputs, self._answers)
        span.set_attribute("gen_ai.input.messages", _dumped([_message("user", text)]))
        if instructions := play.definition.prompts[index].system_context:
            span.set_attribute("gen_ai.system_instructions", _dumped([_part(instructions)]))

    def _said(self, event: PromptDelta) -> None:
        chat = self._chats.get(event.prompt)
        if chat is None or chat.answering:
            return
        chat.answering = True
        seconds = (self._now() - chat.begun) / 1e9
        chat.span.set_attribute("gen_ai.response.time_to_first_chunk", seconds)

    def _answered(self, event: PromptCompleted) -> None:
        if self._content:
            self._answers[event.prompt] = event.answer.text
        chat = self._chats.get(event.prompt)
        if event.kept or chat is None:
            return
        self._used += event.answer.used
        chat.span.set_attributes(_usage(event.answer.used))
        if self._content and chat.span.is_recording():
            said = {**_message("assistant", event.answer.text), "finish_reason": "stop"}
            chat.span.set_attribute("gen_ai.output.messages", _dumped([said]))
        self._end_chat(event.prompt, self._now())

    def _failed(self, event: PromptFailed) -> None:
        self._end_chat(event.prompt, self._now(), event.failure)

    def _ended(self, event: RunEnded) -> None:
        now = self._now()
        for prompt in list(self._chats):
            self._guarded(RunSpans._end_chat, prompt, now, event.failure or CANCELLED)
        run, self._run = self._run, None
        if run is None:
            return
        try:
            run.set_attribute("understudy.run.status", event.status.value)
            run.set_attributes(_usage(self._used))
            if event.status is RunStatus.FAILED and event.failure:
                self._fail(run, event.failure)
        finally:
            run.end(now)

    def _handed_on(self, _: HandedOn) -> None:
        """End what is open: no error, others go on with it."""
        now = self._now()
        chats, self._chats = self._chats, {}
        for chat in chats.values():
            chat.span.set_attribute("understudy.prompt.handed_on", True)
            chat.span.end(now)
        run, self._run = self._run, None
        if run is not None:
            run.set_attribute("understudy.run.status", "handed_on")
            run.set_attributes(_usage(self._used))
            run.end(now)

    def _end_chat(self, prompt: int, now: int, failure: Failure | None = None) -> None:
        """End what is open of a prompt, if anything is."""
        chat = self._chats.pop(prompt, None)
        if chat is None:
            return
        try:
            if failure is not None:
                self._fail(chat.span, failure)
        finally:
            chat.span.end(now)

    def _fail(self, span: Span, failure: Failure) -> None:
        """Say why. The words of a provider may hold what it was sent: they are content."""
        own = failure in (RETRIED, CANCELLED)
        told = own or self._content
        message = redact(failure.message)[:_LONGEST_MESSAGE] if told else None
        span.set_attribute("error.type", failure.code)
        span.set_status(Status(StatusCode.ERROR, message))

    _kinds: Mapping[type[RunEvent | HandedOn], Callable[..., None]] = {
        RunStarted: _begun,
        PromptStarted: _asked,
        PromptDelta: _said,
        PromptCompleted: _answered,
        PromptFailed: _failed,
        RunEnded: _ended,
        HandedOn: _handed_on,
    }


def _usage(used: Used) -> dict[str, int]:
    return {
        "gen_ai.usage.input_tokens": used.input_tokens,
        "gen_ai.usage.output_tokens": used.output_tokens,
    }


def _part(text: str) -> dict[str, str]:
    """Return a text without keys, cut where it is too long."""
    hidden = hide(text)  # before it is cut: half a key would be none
    more = len(hidden) - LONGEST
    cut = f"{hidden[:LONGEST]}... ({more} more characters)" if more > 0 else hidden
    return {"type": "text", "content": cut}


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [_part(text)]}


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
