"""Somebody who is told of changes: a real server that checks what it gets with its own means."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from aiohttp import web

from threaded import Threaded

SECRET = "canary_webhook_0a1b2c3d4e5f6071"


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    id: str
    body: bytes
    headers: dict[str, str]
    path: str

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


Answer = Callable[[web.Request, int], Awaitable[web.StreamResponse]]


@dataclass
class Receiver(Threaded):
    """Answers on loopback, in a thread of its own; `statuses` are given first, then 204.

    A signature that does not fit is answered with 400, like by a receiver that is careful.
    """

    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    secret: str = SECRET
    answer: Answer | None = None
    tls: SSLContext | None = None
    got: list[Got] = field(default_factory=list)
    requests: int = 0

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.got]

    def url(self, host: str = "127.0.0.1", path: str = "/hook?token=canary_query_0a1b2c") -> str:
        return f"http://{host}:{self.port}{path}"

    def runner(self) -> web.BaseRunner:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._take)
        return web.AppRunner(app, shutdown_timeout=0, access_log=None)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()
        if self.answer is not None:
            return await self.answer(request, self.requests)
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return web.Response(status=status, headers=self.headers, text=self.secret)
        stamp, _, given = request.headers["Understudy-Signature"].partition(",")
        signed = stamp.removeprefix("t=").encode() + b"." + body
        if given != "v1=" + hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest():
            return web.Response(status=400)
        record = request.headers["Understudy-Delivery"]
        assert json.loads(body)["id"] == record
        self.got.append(Got(record, body, dict(request.headers), request.path))
        return web.Response(status=204)
