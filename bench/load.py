"""Asks a server over raw sockets and prints what it saw as one JSON line.

flood PORT PATH CONNECTIONS SECONDS: as fast as the answers come; requests a second.
steady PORT PATH CONNECTIONS RATE SECONDS [SYNC]: at a fixed rate, whatever the answers do; the
times count from when each request was due. With SYNC, from when a sync begins until it ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

_HEAD = b"\r\n\r\n"


class Connection:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> Connection:
        """Connect and return itself."""
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, limit=1 << 22
        )
        return self

    async def ask(self, path: str, method: str = "GET") -> int:
        """Return the size of the answer's body; fails unless it is a success."""
        request = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
        self._writer.write(request.encode())
        head = await self._reader.readuntil(_HEAD)
        assert head.startswith(b"HTTP/1.1 200"), head
        at = head.lower().index(b"content-length:") + 15
        size = int(head[at : head.index(b"\r\n", at)])
        await self._reader.readexactly(size)
        return size


async def flood(port: int, path: str, connections: int, seconds: float) -> dict[str, float]:
    opened = [await Connection(port).open() for _ in range(connections)]
    until = time.perf_counter() + seconds

    async def ask(connection: Connection) -> int:
        answered = 0
        while time.perf_counter() < until:
            await connection.ask(path)
            answered += 1
        return answered

    started = time.perf_counter()
    counts = await asyncio.gather(*map(ask, opened))
    return {"rate": sum(counts) / (time.perf_counter() - started)}


async def steady(
    port: int, path: str, connections: int, rate: float, seconds: float, sync: str = ""
) -> dict[str, float]:
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await Connection(port).open())
    times: list[float] = []

    async def ask(due: float) -> None:
        connection = await free.get()
        await connection.ask(path)
        times.append(time.perf_counter() - due)
        free.put_nowait(connection)

    started = time.perf_counter()
    syncing = asyncio.create_task(_sync(port)) if sync else None
    asked: list[asyncio.Task[None]] = []
    while time.perf_counter() < started + seconds or (syncing and not syncing.done()):
        due = started + len(asked) / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked.append(asyncio.create_task(ask(due)))
        if syncing and syncing.done():
            break
    await asyncio.gather(*asked)
    found = {"asked": float(len(times)), "seconds": time.perf_counter() - started}
    if syncing:
        found["sync"] = await syncing
    times.sort()
    return {**found, "p50": times[len(times) // 2], "p99": times[int(len(times) * 0.99)]}


async def _sync(port: int) -> float:
    started = time.perf_counter()
    await (await Connection(port).open()).ask("/api/assistants/sync", "POST")
    return time.perf_counter() - started


def main() -> None:
    import uvloop

    mode, port, path, connections, *rest = sys.argv[1:]
    if mode == "flood":
        work = flood(int(port), path, int(connections), float(rest[0]))
    else:
        work = steady(int(port), path, int(connections), float(rest[0]), float(rest[1]), *rest[2:])
    print(json.dumps(uvloop.run(work)))


if __name__ == "__main__":
    main()
