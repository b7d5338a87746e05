"""What Prometheus reads: requests, syncs, the copy's age."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)


class Metrics:
    """The figures of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "understudy_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "understudy_http_request_seconds",
            "Seconds until the answer was sent.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._gauges = {
            name: Gauge(f"understudy_{name}", text, registry=self._registry)
            for name, text in {
                "registry_assistants": "Assistants that are served.",
                "registry_confirmed_timestamp_seconds": "When a sync last found the copy right.",
                "registry_sync_running": "Whether a sync is running.",
                "limited_mode": "Whether there is no key to sync with.",
                "webhooks_waiting": "Deliveries that are still to be made.",
                "webhooks_dead": "Deliveries that were given up.",
            }.items()
        }
        self._syncs = Counter(
            "understudy_registry_syncs", "Syncs that ended.", ("result",), registry=self._registry
        )
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request, under its route: paths hold names that nobody should count by."""
        route = getattr(scope.get("route"), "path_format", "other")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        key = (method, route, status)
        found = self._known.get(key)
        if found is None:
            labels = self._requests.labels(method, route, str(status))
            found = self._known[key] = (labels, self._seconds.labels(route))
        found[0].inc()
        found[1].observe(seconds)

    def synced(self, result: str) -> None:
        """Count one sync by how it ended: changed, unchanged, refused, failed or skipped."""
        self._syncs.labels(result).inc()

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        self._gauges[name].set(value)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
