"""What Prometheus reads: requests, syncs, the copy's age, the queue of runs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from starlette.types import Scope

from understudy.runs.records import Census

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The figures of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = _Requests()
        self._registry.register(self._requests)
        self._gauges = {
            name: Gauge(f"understudy_{name}", text, registry=self._registry)
            for name, text in {
                "registry_assistants": "Assistants that are served.",
                "registry_confirmed_timestamp_seconds": "When a sync last found the copy right.",
                "registry_sync_running": "Whether a sync is running.",
                "limited_mode": "Whether there is no key to sync with.",
                "webhooks_waiting": "Deliveries that are still to be made.",
                "webhooks_dead": "Deliveries that were given up.",
                "runs_database_up": "Whether the database of runs answered.",
            }.items()
        }
        self._queue = _Queue()
        self._registry.register(self._queue)
        self._syncs = Counter(
            "understudy_registry_syncs", "Syncs that ended.", ("result",), registry=self._registry
        )

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request, under its route: paths hold names that nobody should count by."""
        route = getattr(scope.get("route"), "path_format", "other")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._requests.count(method, route, status, seconds)

    def synced(self, result: str) -> None:
        """Count one sync by how it ended: changed, unchanged, refused, failed or skipped."""
        self._syncs.labels(result).inc()

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        self._gauges[name].set(value)

    def count_runs(self, census: Census | None) -> None:
        """Take how many runs wait and are played; None where it is not known."""
        self._queue.census = census
        self.set("runs_database_up", census is not None)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


@dataclass(slots=True)
class _Times:
    """How many requests took how long, by `_SECONDS` and beyond, and how long all of them took."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_SECONDS) + 1))
    total: float = 0.0


class _Requests(Collector):
    """Requests by what they asked for, and their times.

    The library's own counters lock for threads: three locks are a tenth of what a look-up costs.
    All of this is called by the loop.
    """

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, int], int] = {}
        self._times: dict[str, _Times] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (method, route, status)
        self._answers[key] = self._answers.get(key, 0) + 1
        times = self._times.get(route)
        if times is None:
            times = self._times[route] = _Times()
        times.counts[bisect_left(_SECONDS, seconds)] += 1
        times.total += seconds

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """Yield the figures, as the library wants them."""
        answers = CounterMetricFamily(
            "understudy_http_requests", "Requests answered.", labels=("method", "route", "status")
        )
        for (method, route, status), number in self._answers.items():
            answers.add_metric((method, route, str(status)), number)
        yield answers
        times = HistogramMetricFamily(
            "understudy_http_request_seconds",
            "Seconds until the answer was sent.",
            labels=("route",),
        )
        bounds = [*map(str, _SECONDS), "+Inf"]
        for route, one in self._times.items():
            buckets = list(zip(bounds, accumulate(one.counts), strict=True))
            times.add_metric((route,), buckets, one.total)
        yield times


class _Queue(Collector):
    """The runs that have not ended; no figures where they are not known, rather than old ones."""

    def __init__(self) -> None:
        self.census: Census | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the figures, as the library wants them."""
        if (census := self.census) is None:
            return
        runs = GaugeMetricFamily(
            "understudy_runs",
            "Runs that have not ended, in the whole database.",
            labels=("status",),
        )
        for status in ("queued", "running", "interrupted"):
            runs.add_metric((status,), getattr(census, status))
        yield runs
        for name, text, value in (
            ("oldest_queued_seconds", "How long the first of the queued waits.", census.oldest),
            ("workers", "Processes that play runs and are alive.", census.workers),
            ("places", "How many runs they may play at once.", census.places),
        ):
            yield GaugeMetricFamily(f"understudy_runs_{name}", text, value)
