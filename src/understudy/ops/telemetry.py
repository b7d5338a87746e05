"""Traces of runs: switched on by OpenTelemetry's own variables, or by the application around us.

Nothing of OpenTelemetry is imported before that.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from understudy._version import __version__
from understudy.architect.engine import Play
from understudy.architect.run_events import RunEnded, RunEvent
from understudy.errors import UsageError
from understudy.redact import register
from understudy.runs.playing import HandedOn, Observer
from understudy.runs.worker import Observe
from understudy.runs.workers import Claimed

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer, TracerProvider

    from understudy.ops.span_export import Pipeline

log = logging.getLogger("understudy.traces")

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"
_SECRET = re.compile(r"auth|key|token|secret|pass", re.IGNORECASE)


def observer(variables: Mapping[str, str], *, content: bool) -> Observe | None:
    """Return what makes spans of runs, None where nobody wants any.

    `variables` are the settings' (those of the process, if there are none); with `content` spans
    hold what was sent and answered. Raises UsageError where the extra is missing.
    """
    found = variables or os.environ
    if not _on(found):
        return None
    if (host := _host()) is not None:
        return _observe(_tracer(host), content=content)
    pipeline = _pipeline(found)
    return _observe(_tracer(pipeline.provider), content=content, ended=pipeline.expect)


def context(variables: Mapping[str, str], carrier: Mapping[str, str] | None = None) -> str | None:
    """Return the trace context in which something is asked for; None where nobody traces.

    It is that of the span around us, else the carrier's `traceparent` and `tracestate`: of a
    request its headers, otherwise the process's variables.
    """
    found = variables or os.environ
    if not _on(found):
        return None
    if carrier is None:
        carrier = {name: found.get(name.upper(), "") for name in ("traceparent", "tracestate")}
    try:
        from understudy.ops.span_context import current
    except ImportError:  # told where spans are made
        return None
    return current(carrier)


def _on(found: Mapping[str, str]) -> bool:
    """Tell whether somebody wants traces."""
    if found.get("OTEL_SDK_DISABLED", "").strip().casefold() == "true":
        return False
    if _host() is not None:
        return True
    wanted = found.get("OTEL_TRACES_EXPORTER", "").strip().casefold() != "none"
    return wanted and any(found.get(name) for name in _ENDPOINTS)


async def flush() -> None:
    """Send the spans that have ended, for a few seconds at most; may be repeated."""
    for pipeline in list(_pipelines.values()):
        await asyncio.to_thread(pipeline.flush)


def _host() -> TracerProvider | None:
    """Return the provider of the application that we are part of, if it has one."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider: TracerProvider = trace.get_tracer_provider()
    return None if isinstance(provider, trace.ProxyTracerProvider) else provider


def _tracer(provider: TracerProvider) -> Tracer:
    return provider.get_tracer("understudy", __version__)


def _observe(tracer: Tracer, *, content: bool, ended: Callable[[], None] = lambda: None) -> Observe:
    from understudy.ops.spans import RunSpans

    def observe(claimed: Claimed, play: Play) -> Observer:
        spans = RunSpans(
            tracer, claimed.run, claimed.attempt, play, content=content, asked=claimed.trace
        )

        def hear(number: int, event: RunEvent | HandedOn) -> None:
            spans.hear(number, event)
            if isinstance(event, RunEnded | HandedOn):
                ended()

        return hear

    return observe


_pipelines: dict[tuple[tuple[str, str], ...], Pipeline] = {}
_making = threading.Lock()


def _pipeline(found: Mapping[str, str]) -> Pipeline:
    """Return the one of these variables; raises UsageError."""
    own = {name: value for name, value in found.items() if name.startswith("OTEL_")}
    key = tuple(sorted(own.items()))
    with _making:
        if key not in _pipelines:
            _keep_secret(own)
            protocol = next((own[name] for name in _PROTOCOLS if own.get(name)), _SPOKEN)
            if protocol != _SPOKEN:
                log.warning("Traces are sent as %s, not as %s.", _SPOKEN, protocol)
            try:
                from understudy.ops.span_export import Pipeline

                with _visible(own):
                    _pipelines[key] = Pipeline()
            except ImportError as error:
                raise UsageError(
                    "Traces need the libraries of OpenTelemetry.",
                    hint="pip install 'understudy[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT.",
                ) from error
            except ValueError as error:
                raise UsageError(f"A setting of OpenTelemetry is off: {error}.") from error
        return _pipelines[key]


def _keep_secret(own: Mapping[str, str]) -> None:
    """Keep the collector's keys out of logs: the library tells headers that it cannot read."""
    for pair in ",".join(own.get(name, "") for name in _HEADERS).split(","):
        name, _, value = pair.partition("=")
        if _SECRET.search(name):  # others may be ordinary words
            for one in (value.strip(), *unquote(value).split()):
                register(one)
    for name in _ENDPOINTS:
        if match := re.search(r"://[^/@]*?:([^/@]+)@", own.get(name, "")):
            register(match[1])


@contextmanager
def _visible(own: Mapping[str, str]) -> Iterator[None]:
    """Show the library what `.env` sets, too: it reads nothing but the process's environment."""
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
