"""Traces across the queue: a run knows where it was asked for, and says where it was handed on."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import Connection, select

from architected import document
from command import Stage
from ops.telemetry_test import SAID, Collector, Traced, apart, collector, of
from runs.playing import (
    FINE,
    ORDER,
    Gate,
    engine_of,
    free,
    half_played,
    heard,
    nothing,
    until,
    working,
)
from service.asking import approve, begun
from service.asking import heard as heard_by_http
from serving import served, stored
from understudy.architect.engine import Engine
from understudy.ops import telemetry
from understudy.providers.script import Line
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Asked
from understudy.runs.tables import RUNS
from understudy.runs.worker import Worker
from understudy.store.address import for_runs, parse

__all__ = ["apart", "collector"]

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-1af7651916cd43dd8448eb211c80319d-c7ad6b7169203332-01"
ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Traced:
    """Be part of an application that traces."""
    host = Traced()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: host.provider)
    return host


@pytest.fixture
async def runs(tmp_path: Path) -> AsyncIterator[DurableRuns]:
    async with (
        asyncio.timeout(60),
        DurableRuns(for_runs(parse(str(tmp_path / "library.db")))) as opened,
    ):
        yield opened


def worker_of(runs: DurableRuns, engine: Engine) -> Worker:
    observe = telemetry.observer({}, content=False)
    worker = Worker(runs, engine, ready=nothing, cost=free, observe=observe)
    runs.on_queued = worker.nudge
    return worker


def trace_of(connection: Connection, run: str) -> str | None:
    return connection.scalar(select(RUNS.c.trace).where(RUNS.c.id == run))


async def test_a_run_that_a_worker_leaves_to_others_is_no_error(
    runs: DurableRuns, traced: Traced
) -> None:
    gate = Gate()
    async with worker_of(runs, Engine(lambda _: gate)) as worker:
        run = await half_played(runs, worker)
    assert of(traced.run)["understudy.run.status"] == "handed_on"
    chats = [one for one in traced.all if one.kind is SpanKind.CLIENT]
    assert [of(one)["understudy.prompt.handed_on"] for one in chats] == [True] * 3
    for span in traced.all:
        assert span.status.status_code is StatusCode.UNSET
        assert "error.type" not in of(span)
    first = len(traced.all)
    async with working(worker_of(runs, engine_of(FINE))):
        await heard(runs, run)
    second = [one for one in traced.all[first:] if one.kind is SpanKind.INTERNAL]
    assert [of(one)["understudy.run.status"] for one in second] == ["completed"]


async def test_a_run_that_was_taken_away_was_handed_on_too(
    runs: DurableRuns, traced: Traced
) -> None:
    gate = Gate()
    async with working(worker_of(runs, Engine(lambda _: gate))):
        run = (await runs.submit(ORDER)).id
        await until(runs, run, "prompt.started", count=3)
        await runs.retry(run, force=True)  # as if another process had taken it, and died
        await until(runs, run, "prompt.started", count=6)
        gate.opened.set()
        await heard(runs, run)
    spans = [one for one in traced.all if one.kind is SpanKind.INTERNAL]
    assert [of(one)["understudy.run.status"] for one in spans] == ["handed_on", "completed"]


async def test_a_run_that_is_cancelled_says_so(runs: DurableRuns, traced: Traced) -> None:
    gate = Gate()
    async with working(worker_of(runs, Engine(lambda _: gate))):
        run = (await runs.submit(ORDER)).id
        await until(runs, run, "prompt.started", count=3)
        await runs.cancel(run)
        await heard(runs, run)
    assert of(traced.run)["understudy.run.status"] == "cancelled"


async def test_the_span_of_a_run_is_linked_to_where_it_was_asked_for(
    runs: DurableRuns, traced: Traced
) -> None:
    with traced.tracer.start_as_current_span("asks", kind=SpanKind.SERVER) as asks:
        asked = Asked(trace=telemetry.context({}))
    run = (await runs.submit(ORDER, asked)).id
    async with working(worker_of(runs, engine_of(Line("sail?", fail="quota"), FINE))):
        await heard(runs, run)
    with traced.tracer.start_as_current_span("again", kind=SpanKind.SERVER) as again:
        last = (await runs.retry(run, trace=telemetry.context({}))).last_event
    async with working(worker_of(runs, engine_of(FINE))):
        await heard(runs, run, last)
    spans = [one for one in traced.all if one.kind is SpanKind.INTERNAL]
    assert [
        (link.context.trace_id, link.context.span_id) for one in spans for link in one.links
    ] == [
        (one.get_span_context().trace_id, one.get_span_context().span_id) for one in (asks, again)
    ]
    assert all(one.parent is None for one in spans)


async def test_what_is_played_where_it_was_asked_for_has_a_parent_and_no_link(
    runs: DurableRuns, traced: Traced
) -> None:
    with traced.tracer.start_as_current_span("asks", kind=SpanKind.SERVER) as asks:
        async with worker_of(runs, engine_of(FINE)) as worker:
            asked = Asked(trace=telemetry.context({}))
            await worker.play(await runs.submit_for(ORDER, asked, worker.id))
    assert traced.run.parent == asks.get_span_context()
    assert list(traced.run.links) == []


def test_a_context_that_somebody_sends_is_kept_as_it_was_meant() -> None:
    for sent, kept in (
        ({"traceparent": PARENT, "tracestate": "a=1"}, ["traceparent", "tracestate"]),
        ({"traceparent": PARENT, "tracestate": "a=" + "1" * 250 + ",b=" + "2" * 255}, None),
        ({"traceparent": PARENT, "tracestate": "\x00"}, ["traceparent"]),
    ):
        found = json.loads(telemetry.context(ON, sent) or "{}")
        assert found["traceparent"] == PARENT
        assert kept is None or sorted(found) == kept
        assert len(str(found)) < 700
    for odd in ("", "x", PARENT[:-3], "00-" + "0" * 32 + "-b7ad6b7169203331-01", "é" * 9999):
        assert telemetry.context(ON, {"traceparent": odd}) is None
    assert telemetry.context({**ON, "TRACEPARENT": PARENT}) is not None  # of a command
    assert telemetry.context({**ON, "TRACEPARENT": PARENT}, {}) is None  # of a request


@pytest.mark.parametrize(
    "state",
    [
        "a=" + "1" * 300,
        "a=1,b",
        "a=1,a=2",
        "A=1",
        "a=é",
        "a=1=2",
        "a=",
        "@b=1",
        "a" * 9000,
        ",".join(f"a{number}=1" for number in range(33)),
        "a=1\nERROR all is lost",
    ],
    ids=range(11),
)
def test_nothing_is_logged_of_a_context_that_is_none(
    caplog: pytest.LogCaptureFixture, state: str
) -> None:
    found = json.loads(telemetry.context(ON, {"traceparent": PARENT, "tracestate": state}) or "{}")
    assert found == {"traceparent": PARENT}
    assert telemetry.context(ON, {"traceparent": state}) is None
    assert caplog.records == []


def test_a_context_of_many_systems_is_kept() -> None:
    state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE, 1a@dd=s:2;o:x y"
    found = json.loads(telemetry.context(ON, {"traceparent": PARENT, "tracestate": state}) or "{}")
    assert found["tracestate"] == state.replace(", ", ",")


def test_where_nobody_traces_nothing_is_kept_and_nothing_imported() -> None:
    program = (
        "import sys\n"
        "from understudy.ops import telemetry\n"
        f"carrier = {{'traceparent': {PARENT!r}}}\n"
        "assert telemetry.context({'A': 'b'}, carrier) is None\n"
        "assert telemetry.context({'OTEL_SDK_DISABLED': 'true'}, carrier) is None\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
        "sys.modules['opentelemetry'] = None\n"
        f"assert telemetry.context({ON!r}, carrier) is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("on", [True, False])
def test_each_request_brings_its_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: bool
) -> None:
    host = Traced()
    if on:
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: host.provider)
    monkeypatch.setenv("UNDERSTUDY_SCRIPT", str(tmp_path / "script.json"))
    (tmp_path / "script.json").write_text(json.dumps([{"say": SAID}]))
    toml = '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n'
    (tmp_path / "understudy.toml").write_text(toml)
    stored({}, tmp_path)
    with served(folder=tmp_path, rate=0.0) as client:
        approve(client)
        for sent in (PARENT, OTHER):
            heard_by_http(client, begun(client, traceparent=sent))
    with sqlite3.connect(next(tmp_path.glob("*-runs.db"))) as connection:
        kept = connection.execute("SELECT trace FROM runs ORDER BY created_at").fetchall()
    if not on:
        assert kept == [(None,), (None,)]
        return
    runs = [one for one in host.all if one.name.startswith("invoke_agent")]
    assert [one.parent for one in runs] == [None, None]  # not the request that was the first
    found = [f"{link.context.trace_id:032x}" for one in runs for link in one.links]
    assert found == [PARENT.split("-")[1], OTHER.split("-")[1]]


def test_a_command_brings_its_context(stage: Stage, collector: Collector) -> None:
    name = "Second Opinion"
    stage.write("understudy.toml", '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n')
    stage.write("a.json", document())
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", [{"say": SAID}]))
    inputs = ("--input", "question=Sail?", "--input", "tone=kindly")
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "TRACEPARENT": PARENT}
    command = ("architect", "run", "a.json", "--draft", *inputs)
    stage.run(*command, environment=traced).check()
    (run,) = (span for _, span in collector.told if not span.parent_span_id)
    assert run.name == f"invoke_agent {name}"
    assert [link.trace_id.hex() for link in run.links] == [PARENT.split("-")[1]]
