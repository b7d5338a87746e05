"""A bare Starlette route that returns one file's bytes; prints its port."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understudy.service.server import listen


async def main(path: str, body: bytes) -> None:

    async def constant(_: Request) -> Response:
        return Response(body, media_type="application/json")

    app = Starlette(routes=[Route(path, constant)])
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, log_config=None, access_log=False)
    print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
    await uvicorn.Server(config).serve([listening])


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes()))
