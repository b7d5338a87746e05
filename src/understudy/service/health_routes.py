"""How the service stands: for people, for orchestrators, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter, Request

from understudy._version import __version__
from understudy.errors import UnderstudyError
from understudy.ops.keeping import Keeper
from understudy.ops.run_service import RunService
from understudy.ops.watching import Worker
from understudy.registry.outbox import HookState
from understudy.service.auth import READ, READ_FULL
from understudy.service.front import Draining
from understudy.service.metrics import Metrics
from understudy.service.problems import ProblemError
from understudy.service.registry_routes import age, iso
from understudy.service.replies import Reply, reply
from understudy.service.routing import add, need
from understudy.service.shapes import Health, Status, answers

_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Standing:
    """The routes of one service."""

    def __init__(
        self,
        keeper: Keeper,
        metrics: Metrics,
        draining: Draining,
        *,
        library: bool = False,
        runs: RunService | None = None,
    ) -> None:
        self._keeper = keeper
        self._runs = runs
        self._library = library
        self._metrics = metrics
        self._draining = draining

    async def healthz(self, _: Request) -> Reply:
        """Say that the process is alive. Needs no key."""
        return reply({"success": True, "status": "ok"})

    async def readyz(self, _: Request) -> Reply:
        """Say whether there is something to serve, and will be. Needs no key."""
        if self._draining.now:
            raise ProblemError(503, "draining", "The service is about to end.")
        # Where nobody named a source of a registry, but a library, that is what is served.
        registry = not (self._library and self._keeper.limited)
        if registry and self._keeper.copy().missing:
            raise ProblemError(503, "nothing_to_serve", "The registry has not been filled yet.")
        return reply({"success": True, "status": "ready"})

    async def status(self, request: Request) -> Reply:
        """Each worker, the copy that is served, and whether syncs are possible."""
        full = need(request, READ).may(READ_FULL)
        copy, keeper = self._keeper.copy(), self._keeper
        return reply(
            {
                "success": True,
                "version": __version__,
                "mode": "limited" if keeper.limited else "full",
                "reason": keeper.limited,
                "registry": {
                    "count": len(copy.shelf.slots),
                    "source": keeper.source,
                    "schedule": keeper.schedule,
                    "confirmed": copy.confirmed and iso(copy.confirmed),
                    "ageSeconds": copy.confirmed and age(copy.confirmed),
                    "problems": list(copy.problems),
                },
                "workers": [_worker(name, one, full) for name, one in keeper.workers().items()],
                "webhooks": [_webhook(name, one) for name, one in _hooks(keeper).items()],
            }
        )

    async def metrics(self, request: Request) -> Reply:
        """Figures in Prometheus' text format."""
        need(request, READ)
        copy = self._keeper.copy()
        for name, value in {
            "registry_assistants": len(copy.shelf.slots),
            "registry_confirmed_timestamp_seconds": _seconds(copy.confirmed),
            "registry_sync_running": any(w.running for w in self._keeper.workers().values()),
            "limited_mode": bool(self._keeper.limited),
            "webhooks_waiting": sum(hook.waiting for hook in _hooks(self._keeper).values()),
            "webhooks_dead": sum(len(hook.progress.dead) for hook in _hooks(self._keeper).values()),
        }.items():
            self._metrics.set(name, value)
        if self._runs is not None:
            self._metrics.count_runs(await self._runs.census())
        return Reply(200, (self._metrics.text(),), (_TEXT, (b"cache-control", b"no-store")))


def health_router(standing: Standing) -> APIRouter:
    """Return the routes that need no key."""
    router = APIRouter(tags=["service"])
    add(router, "/healthz", standing.healthz, answers(Health, 421, 500))
    add(router, "/readyz", standing.readyz, answers(Health, 421, 500, 503))
    return router


def status_router(standing: Standing) -> APIRouter:
    """Return the routes that need one."""
    router = APIRouter(tags=["service"])
    common = (401, 403, 421, 429, 500)
    figures = {"content": {"text/plain": {}}, "description": "The figures."}
    add(router, "/api/status", standing.status, answers(Status, *common))
    add(router, "/metrics", standing.metrics, {**answers(Status, *common), 200: figures})
    return router


def _worker(name: str, worker: Worker, full: bool) -> dict[str, object]:
    # A gate may repeat what it was shown: instructions.
    denied = not full and worker.result.startswith("denied:")
    return {
        "name": name,
        "last": worker.last and iso(worker.last),
        "next": worker.next and iso(worker.next),
        "running": worker.running,
        "result": "denied" if denied else worker.result,
    }


def _hooks(keeper: Keeper) -> Mapping[str, HookState]:
    try:
        return keeper.hooks()
    except UnderstudyError as error:
        raise ProblemError(500, "webhooks_unreadable", error.message, hint=error.hint) from error


def _webhook(name: str, hook: HookState) -> dict[str, object]:
    progress = hook.progress
    return {
        "name": name,
        "url": hook.url,
        "waiting": hook.waiting,
        "reason": progress.reason,
        "dead": [asdict(letter) for letter in progress.dead],
    }


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
