"""Serving over sockets, and ending without dropping anybody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from understudy.errors import UsageError
from understudy.service.connections import Connection, Sent
from understudy.service.front import Draining

log = logging.getLogger("understudy.service")

#: Connections that wait to be taken; also while a restart is under way.
_BACKLOG = 2048

_KEEP_ALIVE = 75  # seconds that a silent connection is kept

#: Seconds, after those of grace, in which something of what is being sent has to be read.
_LAST = 5.0
#: So many times as long where the system does not tell of each piece.
_BLIND = 12
#: Seconds, after those of grace, in which all of it has to be read.
_ALL = 600.0


class Server(uvicorn.Server):
    """A server that ends its connections one by one when it is told to stop.

    First nothing new is taken, then every answer ends its connection, so that its owner connects
    anew, to whoever listens then; what is silent for `grace` seconds is closed.
    """

    def __init__(self, app: ASGIApp, draining: Draining, *, grace: float) -> None:
        config = uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            http=Connection,
            timeout_keep_alive=_KEEP_ALIVE,
            backlog=_BACKLOG,
        )
        super().__init__(config)
        self._draining = draining
        self._grace = grace
        self._began = asyncio.Event()
        self._ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self._began.set()

    async def main_loop(self) -> None:
        """Keep the header with the date right until told to end, and end then, not a tick later."""
        ticking = asyncio.create_task(super().main_loop())
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait({ticking, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not ticking.cancel():
            ticking.result()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then end; what is being answered is answered."""
        self._draining.begin()
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        until = asyncio.get_running_loop().time() + self._grace
        # uvicorn tells nobody when a connection ends.
        while self.server_state.connections and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        cutting = asyncio.create_task(self._cut())
        try:
            await super().shutdown(sockets)
        finally:
            cutting.cancel()

    async def _cut(self) -> None:
        """End connections whose owners read nothing more of their answers, or never end."""
        clock = asyncio.get_running_loop().time
        until = clock() + _ALL
        seen: dict[Connection, tuple[Sent, int]] = {}
        while True:
            still: dict[Connection, tuple[Sent, int]] = {}
            for one in list(self.server_state.connections):
                if not isinstance(one, Connection) or not (sent := one.sent()).left:
                    continue
                before, looks = seen.get(one, (None, 0))
                looks = looks + 1 if sent == before else 0
                if looks >= (1 if sent.read is not None else _BLIND) or clock() >= until:
                    one.transport.abort()
                else:
                    still[one] = (sent, looks)
            seen = still
            await asyncio.sleep(_LAST)

    async def run_until(
        self, stop: asyncio.Event, listening: socket.socket, started: Callable[[], None]
    ) -> None:
        """Serve until the event; `started` is called once requests are answered.

        Raises UsageError when it could not start.
        """
        serving = asyncio.create_task(self.serve([listening]))
        stopping = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(self._began.wait())
        await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        if self.started:
            started()
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self.should_exit = True
        self._ending.set()
        stopping.cancel()
        await serving
        if not self.started:
            raise UsageError("The service could not start; the log above says why.")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raises UsageError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio knows it, and sends small answers without delay.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":  # there it would let others take the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", "") or str(error)
        raise UsageError(
            f"Nobody can listen on {host}:{port}: {why}.",
            hint="Choose another address with --host and --port.",
        ) from error
    listening.setblocking(False)
    return listening


def inherit(number: int) -> socket.socket:
    """Return the listening socket that the parent process opened; raises UsageError."""
    try:
        inherited = socket.socket(fileno=number)
        listens = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise UsageError(f"File descriptor {number} is no socket: {error.strerror}.") from error
    if not listens or inherited.family not in (socket.AF_INET, socket.AF_INET6):
        inherited.detach()
        raise UsageError(f"File descriptor {number} does not listen on an IP address.")
    inherited.setblocking(False)
    return inherited
