"""Servers of one handler, and an adapter that talks to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.openai_wire import Wire

KEY = "sk-wire-0123456789"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve every path with one handler; yields the base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def place_at(url: str, **fields: Any) -> AsyncIterator[AssistantsV2]:
    place = AssistantsV2(Wire("src", url, SecretStr(KEY), read_timeout=0.3, **fields))
    try:
        yield place
    finally:
        await place.aclose()


def answers(
    status: int, code: str | None = None, message: str = "Because.", **headers: str
) -> Handler:
    body = {"error": {"message": message, "type": "t", "param": None, "code": code}}

    async def handle(_: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers=headers)

    return handle
