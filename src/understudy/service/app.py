"""The service, put together: routes, and the front that every request passes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from understudy._version import __version__
from understudy.architect.limits import MOST_BYTES
from understudy.ops.architect import Architect
from understudy.ops.keeping import Keeper
from understudy.ops.run_service import RunService
from understudy.service.architect_routes import LARGE, architect_router
from understudy.service.auth import Keys
from understudy.service.front import REQUEST_ID, Draining, Front, Limits
from understudy.service.health_routes import Standing, health_router, status_router
from understudy.service.metrics import Metrics
from understudy.service.problems import ProblemError, plain, render
from understudy.service.registry_routes import registry_router
from understudy.service.routing import BytesRoute, Shortcut
from understudy.service.run_routes import UPLOADS, run_router
from understudy.service.streams import Streams
from understudy.service.uploads import AROUND

_ABOUT = """The assistants of a place, looked up by name; and Architect documents.

Names are those of the registry: `Support Bot` is `SUPPORT_BOT`; ids, exact names and other
spellings find them, too. Everything that goes wrong has one shape.
"""


#: How a key is sent, for the document; the front looks at it.
_SECURITY = [
    Security(HTTPBearer(auto_error=False)),
    Security(APIKeyHeader(name="X-API-Key", auto_error=False)),
]


@dataclass(frozen=True, slots=True)
class Serving:
    """What a service is made of; `hosts` are the names of this machine where there are no keys.

    Without an `architect` there are no routes for Architect documents, without `runs` none for
    runs.
    """

    keeper: Keeper
    keys: Keys
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    limits: Limits = field(default_factory=Limits)
    origins: tuple[str, ...] = ()
    draining: Draining = field(default_factory=Draining)
    metrics: Metrics = field(default_factory=Metrics)
    architect: Architect | None = None
    runs: RunService | None = None


def create_app(serving: Serving) -> ASGIApp:
    """Return the application. Its lifespan starts the keeper's work and lets it end."""

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        api.openapi()  # made once: no request has to wait for it, or for its routes
        await serving.keeper.start()
        if serving.runs is not None:
            await serving.runs.start()
            serving.draining.hearers.append(serving.runs.leave)
        try:
            yield
        finally:
            await serving.keeper.stop()
            if serving.runs is not None:
                await serving.runs.stop()
            if serving.architect is not None:
                await serving.architect.aclose()

    api = FastAPI(
        title="Understudy",
        version=__version__,
        description=_ABOUT,
        redirect_slashes=False,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    serving.keeper.on_synced = serving.metrics.synced
    named = serving.architect is not None and serving.architect.named
    standing = Standing(
        serving.keeper, serving.metrics, serving.draining, library=named, runs=serving.runs
    )
    guarded = [registry_router(serving.keeper), status_router(standing)]
    if serving.architect is not None:
        guarded.append(architect_router(serving.architect))
    if serving.runs is not None:
        guarded.append(run_router(serving.runs, Streams(serving.draining)))
    routers = [*guarded, health_router(standing)]
    for router in routers:
        security = _SECURITY if serving.keys and router in guarded else None
        api.include_router(router, dependencies=security)
    api.add_exception_handler(ProblemError, _problem)
    api.add_exception_handler(Exception, _bug)
    api.add_exception_handler(HTTPException, _refused)
    api.add_exception_handler(RequestValidationError, _unfit)
    quick = [
        route for router in routers for route in router.routes if isinstance(route, BytesRoute)
    ]
    front: ASGIApp = Front(
        Shortcut(api, quick),
        serving.keys,
        serving.hosts,
        serving.metrics,
        serving.draining,
        replace(serving.limits, large=MOST_BYTES + AROUND, paths=LARGE, uploads=UPLOADS),
        frozenset(serving.origins),
    )
    if not serving.origins:
        return front
    return CORSMiddleware(
        front,
        allow_origins=serving.origins,
        allow_methods=("GET", "POST"),
        allow_headers=(
            "authorization",
            "x-api-key",
            "content-type",
            "if-none-match",
            "idempotency-key",
            "last-event-id",
        ),
        expose_headers=(
            "etag",
            "retry-after",
            "x-request-id",
            "x-run-id",
            "location",
            "idempotency-replayed",
        ),
        max_age=600,
    )


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for it
    return render(error, _id(request)).response()


async def _bug(request: Request, _: Exception) -> Response:
    return render(plain(500), _id(request)).response()  # the front logs it


async def _refused(request: Request, error: Exception) -> Response:
    """Give the framework's refusals our shape."""
    if isinstance(error.__cause__, ProblemError):  # raised while the body was read
        return render(error.__cause__, _id(request)).response()
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return render(plain(error.status_code, headers=error.headers), _id(request)).response()


async def _unfit(request: Request, error: Exception) -> Response:
    """Say where a body or a parameter does not fit, without repeating what was sent."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    found = [
        {"where": "/".join(map(str, one["loc"])), "what": str(one["msg"])} for one in error.errors()
    ]
    problem = plain(422)
    problem.more = {"findings": found[:20]}
    return render(problem, _id(request)).response()


def _id(request: Request) -> str:
    return str(request.scope[REQUEST_ID])
