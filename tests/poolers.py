"""What stands between a server and its users, and passes all on but notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

_KEY = b"K"  # BackendKeyData: a process and its secret
_NOTICE = b"A"  # NotificationResponse


@asynccontextmanager
async def pooler(
    url: str, *, honest: bool = True, passes: int = 0
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Yield the URL by which a server is reached, and the notifications that were kept back.

    The first `passes` are not. One that is not `honest` gives processes of its own making as the
    server's, as poolers do.
    """
    query = parse_qs(urlsplit(url).query)
    path = f"{query['host'][0]}/.s.PGSQL.5432"
    swallowed: list[bytes] = []
    left = iter(range(passes))
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_unix_connection(path)
        answers = asyncio.create_task(answer(upstream, writer))
        tasks.add(answers)
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                downstream.write(data)
        downstream.close()
        await answers

    async def answer(upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await upstream.readexactly(5)
                body = await upstream.readexactly(int.from_bytes(head[1:]) - 4)
                if head[:1] == _NOTICE and next(left, None) is None:
                    swallowed.append(body)
                    continue
                if head[:1] == _KEY and not honest:
                    body = bytes([body[0] ^ 1]) + body[1:]
                writer.write(head + body)
        writer.close()

    async with await asyncio.start_server(pass_on, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        options = query["options"][0].replace("=", "%3D")
        address = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        yield f"{address}&gssencmode=disable&options={options}", swallowed
    await asyncio.gather(*tasks)
