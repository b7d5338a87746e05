"""`understudy`, whose model demo/echo says when it says it: by the clock that processes share."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncGenerator
from unittest.mock import patch

from understudy.cli.main import run
from understudy.providers.base import Delta, Request, Usage
from understudy.providers.echo import Echo

PIECES = 10
PAUSE = 0.02


class Clocked(Echo):
    """Answers with moments, in seconds of the monotonic clock."""

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield the moment of each piece, then the usage."""
        await asyncio.sleep(random.uniform(0.1, 0.2))  # noqa: S311 - no secret
        for _ in range(PIECES):
            yield Delta(f"{time.monotonic()} ")
            await asyncio.sleep(PAUSE)
        yield Delta(usage=Usage(len(request.messages), PIECES))


if __name__ == "__main__":
    with patch("understudy.providers.demo.Echo", Clocked):
        run(sys.argv[1:])
