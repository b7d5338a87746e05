"""Routes whose functions return ready bytes; FastAPI documents them and stands aside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.service.auth import Caller
from understudy.service.front import CALLER
from understudy.service.problems import ProblemError, plain


class BytesRoute(APIRoute):
    """Calls its function with the request and the path's parts, decoded; sends what it returns.

    Building the framework's own answers costs more than everything else that a look-up does.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; raises ProblemError."""
        await self.answer(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what was found to be meant for this route; raises ProblemError."""
        if scope["method"] not in (allowed := self.methods or set()):
            raise plain(405, headers={"Allow": ", ".join(sorted(allowed))})
        scope["route"] = self
        function: Callable[..., Awaitable[ASGIApp]] = self.endpoint
        parts = {name: unquote(part) for name, part in scope["path_params"].items()}
        answer = await function(Request(scope, receive), **parts)
        await answer(scope, receive, send)


class Shortcut:
    """Leads what the bytes routes answer straight to them, and the rest to the framework.

    The framework's own way to a route costs twice what the whole look-up does.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BytesRoute]) -> None:
        self._app = app
        self._routes = [(route.path_regex, route) for route in routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] == "GET":
            path = scope["path"]
            for pattern, route in self._routes:
                if match := pattern.match(path):
                    scope["path_params"] = match.groupdict()
                    await route.answer(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def add(
    router: APIRouter,
    path: str,
    function: Callable[..., Awaitable[ASGIApp]],
    responses: dict[int | str, dict[str, Any]],
) -> None:
    """Add a route that is read with GET and answers in bytes."""
    router.add_api_route(
        path,
        function,
        methods=["GET"],
        response_model=None,
        responses=responses,
        route_class_override=BytesRoute,
    )


def caller(request: Request) -> Caller:
    """Return who asks."""
    found: Caller = request.scope[CALLER]
    return found


def need(request: Request, scope: str) -> Caller:
    """Return who asks, if they may; raises ProblemError."""
    found = caller(request)
    if not found.may(scope):
        message = f"This key ({found.name}) lacks the scope {scope}."
        raise ProblemError(403, "forbidden", message, more={"scope": scope})
    return found
