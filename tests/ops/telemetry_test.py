"""Runs as spans: what is in them, that they end, and that nobody waits for who collects them."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.trace import SpanKind, StatusCode

from architect.examples import PARALLEL, assistant, parsed, prompt
from architect.examples import document as examples_document
from architect.examples import field as form_field
from architected import document
from command import Stage, until
from runs.playing import FINE, ORDER, Gate, checked, engine_of, free, heard, nothing, working
from understudy.architect.engine import Engine, Play, Work
from understudy.architect.run_events import (
    Answered,
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
from understudy.errors import UsageError
from understudy.ops import telemetry
from understudy.ops.spans import LONGEST, PROVIDERS, RunSpans
from understudy.providers.base import Delta, Request
from understudy.providers.script import Line, Script
from understudy.providers.vendors import VENDORS
from understudy.redact import redact, register
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Numbered, Standing
from understudy.runs.worker import Worker
from understudy.store.address import for_runs, parse

CANARY = "canary-collector-0a1b2c3d4e5f"
SAID = "Fair wind, said the canary."
ASKED = "Whither, asked the canary?"
TELLING = {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{CANARY},dataset=harbours-of-old"}


def play_of(value: dict[str, Any] = PARALLEL, **inputs: str) -> Play:
    checked_document = parsed(value)
    assert checked_document.valid
    return Play(
        definition=checked_document.assistants[0],
        flow=checked_document.flows[0],
        models={"gpt-4o": "bedrock/anthropic.claude-9"},
        inputs=inputs or {"route": ASKED},
    )


PLAY = play_of()


async def at_once(_: float) -> None:
    """Wait for nothing before another attempt."""


@dataclass
class Traced:
    """What comes out of a tracer; counts the spans that began, too."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    begun: int = 0

    def __post_init__(self) -> None:
        traced = self

        class Processor(SimpleSpanProcessor):
            def on_start(self, *_: Any, **__: Any) -> None:
                traced.begun += 1

        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(Processor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    def spans_of(self, play: Play = PLAY, *, content: bool = False) -> RunSpans:
        return RunSpans(self.tracer, "run_1", 2, play, content=content)

    @property
    def all(self) -> list[ReadableSpan]:
        """All spans, of which none is open, by their beginning."""
        spans = self.exporter.get_finished_spans()
        assert len(spans) == self.begun
        return sorted(spans, key=lambda one: one.start_time or 0)

    @property
    def run(self) -> ReadableSpan:
        (one,) = (span for span in self.all if span.kind is SpanKind.INTERNAL)
        return one

    def chats(self, name: str) -> list[ReadableSpan]:
        return [one for one in self.all if of(one).get("gen_ai.prompt.name") == name]


def of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def times(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time


async def played(
    *lines: Line, content: bool = False, play: Play = PLAY, recorder: Any = None
) -> Traced:
    """Return the spans of a run of the real engine."""
    traced, script = Traced(), Script(lines)
    engine = Engine(lambda _: script, pause=at_once)
    await engine.run(play, traced.spans_of(play, content=content).hear, recorder)
    return traced


async def test_a_run_is_a_span_with_one_of_each_prompt_below_it() -> None:
    traced = await played(Line(say=SAID))
    run = traced.run
    assert run.name == "invoke_agent Council"
    assert of(run) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "Council",
        "understudy.run.id": "run_1",
        "understudy.run.attempt": 2,
        "understudy.run.status": "completed",
        "gen_ai.usage.input_tokens": sum(
            of(one).get("gen_ai.usage.input_tokens", 0) for one in traced.all if one is not run
        ),
        "gen_ai.usage.output_tokens": 20,
    }
    assert run.status.status_code is StatusCode.UNSET
    assert run.parent is None
    assert times(run)[1] // 10**9 == pytest.approx(time.time(), abs=3600)  # of the calendar
    (captain,) = traced.chats("captain")
    told = of(captain)
    assert told.pop("gen_ai.response.time_to_first_chunk") >= 0
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": "anthropic.claude-9",
        "gen_ai.request.stream": True,
        "gen_ai.prompt.name": "captain",
        "understudy.prompt.index": 3,
        "understudy.prompt.attempt": 1,
        "gen_ai.usage.input_tokens": 17,  # three answers, two words
        "gen_ai.usage.output_tokens": 5,
    }
    assert (captain.name, captain.kind) == ("chat anthropic.claude-9", SpanKind.CLIENT)


async def test_prompts_that_run_at_once_overlap_and_the_next_stage_follows() -> None:
    class AllAtOnce(Script):
        """Nobody is answered before three have asked."""

        def __init__(self) -> None:
            super().__init__((FINE,))
            self.barrier = asyncio.Barrier(3)

        async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
            if "sail?" not in request.messages[0].text:
                await self.barrier.wait()
            async for delta in super().stream(request):
                yield delta

    traced, provider = Traced(), AllAtOnce()
    await Engine(lambda _: provider).run(PLAY, traced.spans_of().hear)
    first = [times(one) for name in ("wind", "tide", "crew") for one in traced.chats(name)]
    assert len(first) == 3
    assert max(begun for begun, _ in first) <= min(ended for _, ended in first)
    (captain,) = traced.chats("captain")
    assert times(captain)[0] >= max(ended for _, ended in first)


async def test_an_attempt_that_another_one_follows_is_an_error() -> None:
    traced = await played(Line("wind?", SAID, fail="busy", times=2), FINE)
    first, second, third = traced.chats("wind")
    assert [of(one)["understudy.prompt.attempt"] for one in (first, second, third)] == [1, 2, 3]
    for one in (first, second):
        assert one.status.status_code is StatusCode.ERROR
        assert of(one)["error.type"] == "_OTHER"
        assert "gen_ai.usage.output_tokens" not in of(one)
    assert times(first)[1] <= times(second)[0]
    assert times(second)[1] <= times(third)[0]
    assert third.status.status_code is StatusCode.UNSET
    assert traced.run.status.status_code is StatusCode.UNSET


async def test_a_failure_says_its_code_and_not_the_words_of_a_provider() -> None:
    for content in (False, True):
        traced = await played(Line("wind?", fail="quota"), FINE, content=content)
        (wind,) = traced.chats("wind")
        for span in (wind, traced.run):
            assert span.status.status_code is StatusCode.ERROR
            assert of(span)["error.type"] == "provider_quota"
            assert ("The script lets" in (span.status.description or "")) is content
        assert of(traced.run)["understudy.run.status"] == "failed"
        assert traced.chats("captain") == []


async def test_cancelling_ends_what_is_open() -> None:
    traced, gate = Traced(), Gate()
    begun, spans = asyncio.Event(), traced.spans_of()

    def hear(number: int, event: RunEvent) -> None:
        spans.hear(number, event)
        if traced.begun == 4:
            begun.set()

    running = asyncio.create_task(Engine(lambda _: gate).run(PLAY, hear))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    chats = [one for one in traced.all if one.kind is SpanKind.CLIENT]
    assert [of(one)["error.type"] for one in chats] == ["cancelled"] * 3
    assert traced.run.status.status_code is StatusCode.UNSET
    assert of(traced.run)["understudy.run.status"] == "cancelled"


async def test_answers_from_before_have_no_span_and_are_not_counted_again() -> None:
    class Keeper:
        async def step(self, key: str, work: Work, /) -> Answered:
            if key == "prompt-3":
                return await work()
            return Answered("kept", Used(1000, 1000), "bedrock/x")

    traced = await played(FINE, recorder=Keeper())
    assert [one.name for one in traced.all if one.kind is SpanKind.CLIENT] == [
        "chat anthropic.claude-9"
    ]
    assert of(traced.run)["gen_ai.usage.output_tokens"] == 1


async def test_a_run_belongs_to_the_span_that_it_was_begun_in() -> None:
    traced, script = Traced(), Script((FINE,))
    with traced.tracer.start_as_current_span("ours", kind=SpanKind.SERVER) as ours:
        await Engine(lambda _: script).run(PLAY, traced.spans_of().hear)
    assert traced.run.parent is not None
    assert traced.run.parent.span_id == ours.get_span_context().span_id


async def test_nothing_that_was_said_is_in_a_span_unless_it_is_wanted() -> None:
    traced = await played(Line(say=SAID))
    text = " ".join(one.to_json() for one in traced.all)
    assert "canary" not in text
    traced = await played(Line("sail?", say="Sail!"), Line(say=SAID), content=True)
    (captain,) = traced.chats("captain")
    assert json.loads(of(captain)["gen_ai.input.messages"]) == [
        {
            "role": "user",
            "parts": [{"type": "text", "content": f"{SAID}, {SAID} and {SAID}: sail?"}],
        }
    ]
    assert json.loads(of(captain)["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "Sail!"}],
            "finish_reason": "stop",
        }
    ]


async def test_what_is_told_was_really_sent() -> None:
    class Listening(Script):
        def __init__(self) -> None:
            super().__init__((Line(say=SAID),))
            self.heard: list[tuple[str, str]] = []

        async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
            self.heard.append((request.instructions, request.messages[0].text))
            async for delta in super().stream(request):
                yield delta

    value = examples_document(
        assistant(
            [
                prompt("one", "{{a}} {{b}}", system_context="You edit."),
                prompt("two", "{{it}}", position=1, input_mapping={"it": "<{{prompt_0_output}}>"}),
            ],
            [form_field("a", "long_text"), form_field("b", "long_text", 1)],
        )
    )
    play = play_of(value, a="{{b}}", b="$1 \\1 é")
    traced, provider = Traced(), Listening()
    await Engine(lambda _: provider).run(play, traced.spans_of(play, content=True).hear)
    told = []
    for span in traced.all[1:]:
        (system,) = json.loads(of(span).get("gen_ai.system_instructions", '[{"content": ""}]'))
        ((part,),) = (one["parts"] for one in json.loads(of(span)["gen_ai.input.messages"]))
        told.append((system["content"], part["content"]))
    assert told == provider.heard


async def test_content_is_bounded_and_holds_no_keys() -> None:
    register("canary_key_of_a_provider")
    play = play_of(route="x" * (LONGEST - 30) + "canary_key_of_a_provider" + "y" * LONGEST)
    said = "canary_key_of_a_provider, it is"
    traced = await played(Line(say=said), content=True, play=play)
    (wind,) = traced.chats("wind")
    assert len(of(wind)["gen_ai.input.messages"]) < LONGEST + 200
    assert "more characters)" in of(wind)["gen_ai.input.messages"]
    assert "canary" not in "".join(one.to_json() for one in traced.all)


def test_names_are_those_of_the_conventions() -> None:
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    source = Path(sys.modules[RunSpans.__module__].__file__ or "").read_text(encoding="utf-8")
    used = {part for part in source.split('"') if part.startswith("gen_ai.")}
    assert used
    assert used <= known
    well_known = {one.value for one in gen_ai_attributes.GenAiProviderNameValues}
    assert {PROVIDERS.get(name, name) for name in VENDORS} <= well_known


@st.composite
def runs(draw: st.DrawFn) -> list[RunEvent]:
    """What an engine may tell of one run of the council, broken off anywhere."""
    events: list[RunEvent] = [RunStarted(tuple(stage.prompts for stage in PLAY.flow.stages))]
    for stage in PLAY.flow.stages:
        lanes = [list(draw(told_of(index))) for index in stage.prompts]
        while any(lanes):
            lane = draw(st.sampled_from([one for one in lanes if one]))
            events.append(lane.pop(0))
        if any(isinstance(one, PromptFailed) for one in events):
            break
    events = events[: draw(st.integers(1, len(events)))]
    status = draw(st.sampled_from([one for one in RunStatus if one is not RunStatus.RUNNING]))
    failure = Failure("run_deadline", SAID) if status is RunStatus.FAILED else None
    return [*events, RunEnded(status, {}, failure)]


@st.composite
def told_of(draw: st.DrawFn, index: int) -> list[RunEvent]:
    events: list[RunEvent] = []
    said: list[str] = []
    for attempt in range(1, draw(st.integers(0, 3)) + 1):
        said = draw(st.lists(st.just(SAID), max_size=2))
        events.append(PromptStarted(index, "openai/gpt-4o", attempt))
        events += [PromptDelta(index, piece) for piece in said]
    answer = Answered("".join(said), Used(2, 3), "openai/gpt-4o")
    if draw(st.booleans()):
        return [*events, PromptFailed(index, Failure("prompt_deadline", SAID))]
    return [*events, PromptCompleted(index, answer, kept=not events)]


@given(events=runs(), late=st.lists(told_of(0), max_size=1), content=st.booleans())
def test_whatever_happens_spans_end_are_nested_and_in_order(
    events: list[RunEvent], late: list[list[RunEvent]], content: bool
) -> None:
    checked(
        [Numbered(number, "", one) for number, one in enumerate(events, 1)]
    )  # such a run may be
    traced = Traced()
    spans = traced.spans_of(content=content)
    for number, event in enumerate([*events, *(one for each in late for one in each)], 1):
        spans.hear(number, event)
    run, *chats = traced.all  # none is open
    asked = [one for one in events if isinstance(one, PromptStarted)]
    assert len(chats) == len(asked)
    lanes: dict[int, list[tuple[int, int]]] = {}
    for chat in chats:
        assert chat.parent == run.context
        begun, ended = times(chat)
        assert times(run)[0] <= begun <= ended <= times(run)[1]
        lanes.setdefault(of(chat)["understudy.prompt.index"], []).append((begun, ended))
    for lane in lanes.values():
        assert all(one[1] <= other[0] for one, other in pairwise(lane))
    answered = [one for one in events if isinstance(one, PromptCompleted) and not one.kept]
    assert of(run)["gen_ai.usage.input_tokens"] == 2 * len(answered)
    fine = [one for one in chats if one.status.status_code is StatusCode.UNSET]
    assert len(fine) == len(answered)


async def test_a_tracer_that_is_broken_breaks_no_run(caplog: pytest.LogCaptureFixture) -> None:
    class Breaking(SimpleSpanProcessor):
        def on_start(self, *_: Any, **__: Any) -> None:
            raise RuntimeError(SAID)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Breaking(InMemorySpanExporter()))
    spans = RunSpans(provider.get_tracer("test"), "run_1", 1, PLAY)
    script = Script((FINE,))
    ended = await Engine(lambda _: script).run(PLAY, spans.hear)
    assert ended.status is RunStatus.COMPLETED
    assert caplog.messages == ["run_1 cannot be traced: RuntimeError"]


# What switches it on.


class Collector:
    """Takes spans by HTTP, as a collector does."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.hang: threading.Event | None = None
        self.hanging = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.hang is not None:
                    collector.hanging.set()
                    collector.hang.wait()
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.requests.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.hang is not None:
            self.hang.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def told(self) -> list[tuple[dict[str, str], Any]]:
        """The spans, with the attributes of who sent them."""
        found = []
        for _, _, body in self.requests:
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                who = {each.key: each.value.string_value for each in one.resource.attributes}
                found += [(who, span) for scope in one.scope_spans for span in scope.spans]
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test finds what another one began."""
    made: dict[Any, Any] = {}
    monkeypatch.setattr(telemetry, "_pipelines", made)
    yield
    for pipeline in made.values():
        pipeline._exporter.shutdown()  # who tries again draws lots, which other tests would notice
        pipeline.close()
    for thread in threading.enumerate():
        if thread.name.startswith(("OtelBatch", "understudy-traces")):
            thread.join(30)
            assert not thread.is_alive(), thread.name


def nobody() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as free_port:
        free_port.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free_port.getsockname()[1]}"


def watch(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float | None, bool]]:
    """Return how long events are waited for, and whether they came."""
    waited: list[tuple[float | None, bool]] = []
    wait = threading.Event.wait

    def watched(event: threading.Event, timeout: float | None = None) -> bool:
        done = wait(event, timeout)
        waited.append((timeout, done))
        return done

    monkeypatch.setattr(threading.Event, "wait", watched)
    return waited


async def kept_run(folder: Path, variables: dict[str, str], *, content: bool = False) -> Standing:
    """Play the council by a worker, traced as the variables say; return how it ended."""
    observe = telemetry.observer(variables, content=content)
    async with DurableRuns(for_runs(parse(f"sqlite:///{folder}/runs.db"))) as runs:
        engine = engine_of(Line(say=SAID))
        worker = Worker(runs, engine, ready=nothing, cost=free, observe=observe)
        async with working(worker):
            order = replace(ORDER, inputs={"route": ASKED})
            run = (await runs.submit(order)).id
            await heard(runs, run)
        await telemetry.flush()
        return (await runs.find(run)).standing


async def test_spans_reach_a_collector_once_a_worker_has_stopped(
    tmp_path: Path, collector: Collector
) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **TELLING}
    assert await kept_run(tmp_path, variables) is Standing.COMPLETED
    spans = collector.told
    assert {who["service.name"] for who, _ in spans} == {"understudy"}
    (run,) = (span for _, span in spans if not span.parent_span_id)
    chats = [span for _, span in spans if span.parent_span_id]
    assert run.name == "invoke_agent Council"
    assert [(one.name, one.parent_span_id, one.trace_id) for one in chats] == [
        ("chat scripted", run.span_id, run.trace_id)
    ] * 4
    for path, headers, body in collector.requests:
        assert path == "/v1/traces"
        assert headers["authorization"] == f"Bearer {CANARY}"
        assert b"canary" not in body


async def test_content_reaches_a_collector_where_it_is_wanted(
    tmp_path: Path, collector: Collector
) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/own",
        "OTEL_SERVICE_NAME": "harbour",
    }
    await kept_run(tmp_path, variables, content=True)
    ((path, _, body),) = collector.requests
    assert path == "/own"
    assert {who["service.name"] for who, _ in collector.told} == {"harbour"}
    assert ASKED.encode() in body
    assert SAID.encode() in body


async def test_a_collector_that_is_not_there_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = watch(monkeypatch)
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody(), **TELLING}
    assert await kept_run(tmp_path, variables) is Standing.COMPLETED
    assert (3.0, False) not in waited  # it was left at once, not after a time-out
    assert "The traces of the last runs have not reached their collector." in caplog.messages
    assert "canary" not in caplog.text


async def test_a_collector_that_never_answers_holds_up_no_run(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understudy.ops import span_export

    monkeypatch.setattr(span_export, "_PATIENCE", 0.05)
    collector.hang = threading.Event()
    waited = watch(monkeypatch)
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    assert await kept_run(tmp_path, variables) is Standing.COMPLETED
    assert (0.05, False) in waited
    assert collector.hanging.wait(60)
    assert collector.requests == []  # it has none yet, and nobody waits for it
    collector.hang.set()
    until(lambda: len(collector.told) == 5, "the spans that were on their way")


def test_a_worker_of_its_own_process_tells_before_it_ends(
    stage: Stage, collector: Collector
) -> None:
    name = "Second Opinion"
    stage.write("understudy.toml", '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n')
    stage.write("a.json", document())
    stage.write(".env", f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.url}\n")
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", [{"say": SAID}]))
    stage.call("architect", "import", "a.json", "--by", "me").check()
    stage.call("architect", "approve", name, "--by", "you").check()
    inputs = ("--input", f"question={ASKED}", "--input", "tone=kindly")
    stage.run("architect", "run", name, *inputs, environment=TELLING).check()
    (run,) = (span for _, span in collector.told if not span.parent_span_id)
    assert run.name == f"invoke_agent {name}"
    assert len(collector.told) == 4
    assert not any(b"canary" in body for _, _, body in collector.requests)


def test_nothing_is_imported_before_somebody_wants_traces() -> None:
    program = (
        "import sys\n"
        "from understudy.ops import telemetry\n"
        "import understudy.ops.running\n"
        "assert telemetry.observer({'A': 'b'}, content=True) is None\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "more",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    ],
)
def test_what_switches_traces_off(more: dict[str, str]) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody(), **more}
    assert telemetry.observer(variables, content=False) is None


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "understudy.ops.span_export", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody()}
    with pytest.raises(UsageError) as caught:
        telemetry.observer(variables, content=False)
    assert "pip install 'understudy[otel]'" in (caught.value.hint or "")


def test_settings_that_make_no_sense_are_told() -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody(), "OTEL_BSP_MAX_QUEUE_SIZE": "-1"}
    with pytest.raises(UsageError, match="OpenTelemetry"):
        telemetry.observer(variables, content=False)


async def test_a_provider_of_the_application_is_used_and_none_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced = Traced()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: traced.provider)
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody()}
    assert await kept_run(tmp_path, variables) is Standing.COMPLETED
    assert len(traced.all) == 5
    assert telemetry._pipelines == {}
    off = {"OTEL_SDK_DISABLED": "True"}
    assert telemetry.observer(off, content=False) is None


async def test_our_own_provider_is_not_installed_for_others(collector: Collector) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    assert telemetry.observer(variables, content=False) is not None
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


async def test_keys_of_the_collector_are_kept_out_of_logs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody(), **TELLING}
    telemetry.observer(variables, content=False)
    assert redact(f"{CANARY} in harbours-of-old") == "[redacted] in harbours-of-old"


def test_another_protocol_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody(), "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert telemetry.observer(variables, content=False) is not None
    assert caplog.messages == ["Traces are sent as http/protobuf, not as grpc."]
