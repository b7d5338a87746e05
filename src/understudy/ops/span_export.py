"""The way out for spans: OTLP by HTTP, in threads that neither a run nor a process waits for long.

Imports the libraries of the extra `otel`.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from requests.adapters import HTTPAdapter

log = logging.getLogger("understudy.traces")

_PATIENCE = 3.0  # seconds for the last spans
_LEAVE = 0.2  # seconds where there is nothing to send, or nobody to take it


class Pipeline:
    """Sends what the spans of `provider` say to the collector of the process's environment."""

    def __init__(self) -> None:
        resource = Resource.create()
        if str(resource.attributes.get(SERVICE_NAME, "unknown_service")).startswith(
            "unknown_service"
        ):
            resource = resource.merge(Resource({SERVICE_NAME: "understudy"}))
        # Its own way of ending waits half a minute for a collector that is not there.
        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._exporter = OTLPSpanExporter(session=_session(self))
        self.provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._pending = self._nobody = False
        self._waiting: threading.Event | None = None
        self._orders: SimpleQueue[tuple[Callable[[], object], threading.Event]] = SimpleQueue()
        # Begun now: at the end of a process no thread can begin any more.
        threading.Thread(target=self._obey, name="understudy-traces", daemon=True).start()
        atexit.register(self.close)

    def expect(self) -> None:
        """Note that spans have ended."""
        self._pending = True

    def told(self, *, reached: bool) -> None:
        """Note whether the collector was reached: without one, nobody waits."""
        self._nobody = not reached
        if not reached and (waiting := self._waiting):
            waiting.set()

    def flush(self) -> None:
        """Send what has ended; what cannot be sent in time is not waited for again."""
        if self._pending:
            self._pending = False
            if not self._do(self.provider.force_flush, _PATIENCE):
                log.error("The traces of the last runs have not reached their collector.")

    def close(self) -> None:
        """Send what has ended, and end; bounded like `flush`."""
        atexit.unregister(self.close)
        if self._nobody:
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # else it tries for a minute
        self._do(self.provider.shutdown, _PATIENCE if self._pending else _LEAVE)

    def _do(self, work: Callable[[], object], seconds: float) -> bool:
        done = self._waiting = threading.Event()
        self._orders.put((work, done))
        return done.wait(_LEAVE if self._nobody else seconds) and not self._nobody

    def _obey(self) -> None:
        while True:
            work, done = self._orders.get()
            try:
                work()
            except Exception as error:  # an exporter's; nobody's run depends on it
                log.warning("Traces could not be sent: %s", type(error).__name__)
            done.set()
            if work == self.provider.shutdown:
                return


class _Adapter(HTTPAdapter):
    """Tells whether somebody is there; the exporter tries again for seconds, and does not say."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self._pipeline = pipeline

    def send(self, *args: Any, **options: Any) -> requests.Response:
        """Send a request; raises what it raises."""
        try:
            response = super().send(*args, **options)
        except requests.ConnectionError:
            self._pipeline.told(reached=False)
            raise
        self._pipeline.told(reached=True)
        return response


def _session(pipeline: Pipeline) -> requests.Session | None:
    """Return a session that tells, None where the library shall make one with credentials."""
    if any(name.endswith("_CREDENTIAL_PROVIDER") for name in os.environ):
        return None
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pipeline))
    return session
