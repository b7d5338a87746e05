"""The server: takes requests in, lets faults happen, records what came of it."""

import asyncio
import socket
import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from understudy.sandbox import effects, gate, routes
from understudy.sandbox.call import Call
from understudy.sandbox.disk import Folder
from understudy.sandbox.faults import PLAIN, Fault, FaultBook, Verdict, matches
from understudy.sandbox.ground import Rules
from understudy.sandbox.models import Models
from understudy.sandbox.multipart import Form
from understudy.sandbox.receiving import MAX_BODY, Body, take
from understudy.sandbox.script import Script, Turn
from understudy.sandbox.sending import drop, send
from understudy.sandbox.shelf import Lag
from understudy.sandbox.state import Project
from understudy.sandbox.wire import ApiError, Reply, invalid_beta, invalid_url

HOST = "127.0.0.1"
BACKLOG = 1024
_READ_AHEAD = 256 * 1024
Status = int | Literal["pending", "dropped"]
_ASSISTANTS = frozenset(PLAIN) - {"models", "other"}
_CONTAINERS = ("containers", "container_files")
_VERSION = "api-version"
_AGENTS = ("agents", "templates")


@dataclass(frozen=True, slots=True)
class Request:
    """The record of one request. Keys are not kept: `project` is the key's project's label.

    `bytes_in` and `bytes_out` count the bytes of files that came and went, and of their parsed
    text; 0 for all other requests.
    """

    index: int
    method: str
    path: str
    kind: str
    at: float
    project: str | None = None
    status: Status = "pending"
    organization: str | None = None
    project_header: str | None = None
    beta: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0


class Sandbox:
    """An OpenAI look-alike on 127.0.0.1; an async context manager, in the running loop.

    Same seed, same ids and same failures. `rate_limit` is in requests per second and key,
    `latency` and `list_lag` are in seconds, `list_lag_calls` in list calls. `keys` are the only
    ones accepted (default: all that start with `sk-`); `clock` tells the time for everything
    but latency. `accept_unknown_parameters` stores and returns what nobody knows.

    Files lie in a temporary directory in `folder`, removed upon closing. `purpose_rule` refuses
    to give assistants' files back; `indexing` a file takes that many seconds, and fails for names
    that match a pattern in `indexing_failures`, with its code and message. A file in a batch
    counts towards `batch_limit`, a chunk of parsed text towards `content_page`; `max_file` and
    `upload_part_limit` are in bytes. `containers` can be absent, and assistants may name files
    and stores that do not exist unless `check_resources`.

    `models` are names, or a table of what there is to know of each; those whose last day has come
    by `today`, as YYYY-MM-DD, are not there. Without `assistants`, that address is gone. With an
    `api_version` this is a place on Azure: each request has to name the version, keys come in
    `api-key` too, any will do unless `keys` are given, and beta headers are not asked for.
    Responses say what is in `script`, or what can be made of the question; `pace` is in seconds,
    between the events of a stream.
    """

    def __init__(
        self,
        *,
        faults: Sequence[Fault] = (),
        seed: int = 0,
        latency: float = 0.0,
        rate_limit: float | None = None,
        list_lag: float = 0.0,
        list_lag_calls: int = 0,
        keys: Collection[str] | None = None,
        models: Models | Sequence[str] | None = None,
        today: str | None = None,
        port: int = 0,
        accept_unknown_parameters: bool = False,
        clock: Callable[[], float] = time.time,
        purpose_rule: bool = True,
        indexing: float = 0.0,
        indexing_failures: Mapping[str, tuple[str, str]] = MappingProxyType({}),
        batch_limit: int = 2000,
        containers: bool = True,
        content_page: int = 20,
        max_file: int = 512 * 1024 * 1024,
        upload_part_limit: int = 64 * 1024 * 1024,
        check_resources: bool = True,
        assistants: bool = True,
        api_version: str | None = None,
        script: Sequence[Turn | str] = (),
        pace: float = 0.0,
        folder: Path | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self._book = FaultBook(faults, seed)
        self._latency = latency
        self._rate_limit = None if rate_limit is None else gate.RateLimit(rate_limit, clock)
        self._rules = Rules(
            purpose_rule=purpose_rule,
            indexing=indexing,
            indexing_failures=indexing_failures,
            batch_limit=batch_limit,
            containers=containers,
            content_page=content_page,
            max_file=max_file,
            upload_part_limit=upload_part_limit,
            check_resources=check_resources,
            assistants=assistants,
            api_version=api_version,
            script=list(script),
            pace=pace,
        )
        self._folder = Folder(folder)
        self._projects = gate.Projects(
            keys=keys,
            models=models,
            today=today,
            seed=seed,
            clock=clock,
            lag=Lag(list_lag, list_lag_calls),
            rules=self._rules,
            folder=self._folder,
        )
        self._arrivals = 0
        self._port = port
        self._lenient = accept_unknown_parameters
        self._clock = clock
        self._runner: web.ServerRunner | None = None
        self._listening: socket.socket | None = None
        self._closing = asyncio.Event()

    @property
    def base_url(self) -> str:
        """What to give a client as its base URL. The port is known once the server runs."""
        return f"http://{HOST}:{self._port}{routes.BASE}"

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults in force. Assign to replace them, `+=` a tuple to add; see `FaultBook`."""
        return self._book.faults

    @faults.setter
    def faults(self, faults: Sequence[Fault]) -> None:
        self._book.replace(faults)

    @property
    def script(self) -> Script:
        """The turns that are still to come; append to it, or change it in any way."""
        return self._rules.script

    @script.setter
    def script(self, turns: Sequence[Turn | str]) -> None:
        self._rules.script[:] = turns

    def project(self, key: str) -> Project:
        """Return the project that `key` opens. Raises `ValueError` for a refused key."""
        try:
            return self._projects.get(key)
        except ApiError as error:
            raise ValueError(str(error)) from None

    def count(self, kind: str = "any") -> int:
        """Count the requests of this kind or group that came in, whatever became of them."""
        return sum(matches(kind, request.kind) for request in self.requests)

    async def start(self) -> None:
        """Listen; to be called once. Raises `OSError` when the port is taken."""
        server = web.Server(
            self._serve, request_factory=_request, access_log=None, read_bufsize=_READ_AHEAD
        )
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        self._runner = runner
        await runner.setup()
        listening = socket.create_server((HOST, self._port), backlog=BACKLOG)
        self._listening = listening
        await web.SockSite(runner, listening, backlog=BACKLOG).start()
        self._port = runner.addresses[0][1]

    async def aclose(self) -> None:
        """Stop at once, whatever hangs. May be repeated."""
        self._closing.set()
        runner, self._runner = self._runner, None
        if runner is None:
            self._folder.remove()
            return
        await self._stop_accepting()
        connections = runner.server.connections if runner.server else []
        transports = [c.transport for c in connections]
        await runner.cleanup()
        for transport in filter(None, transports):
            transport.abort()  # closing would wait for a reader who has left
        await asyncio.sleep(0)  # the loop tells each of them that it is closed
        await asyncio.sleep(0)
        self._folder.remove()

    async def _stop_accepting(self) -> None:
        """Accept nobody new, and wait for those that were accepted a moment ago.

        Closing the listening socket under them would leave theirs open.
        """
        if self._listening is None or self._listening.fileno() < 0:
            return
        with suppress(NotImplementedError):  # on Windows
            asyncio.get_running_loop().remove_reader(self._listening.fileno())
        accepting = [
            task
            for task in asyncio.all_tasks()
            if getattr(task.get_coro(), "__name__", "") == "_accept_connection2"
        ]
        await asyncio.gather(*accepting, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        route = _route(request)
        kind = route.kind if isinstance(route, routes.Route) else "other"
        project = self._admit(request)
        record = Request(
            index=self._arrivals,
            method=request.method,
            path=request.path,
            kind=kind,
            at=self._clock(),
            project=project.label if isinstance(project, Project) else None,
            organization=request.headers.get("OpenAI-Organization"),
            project_header=request.headers.get("OpenAI-Project"),
            beta=request.headers.get("OpenAI-Beta"),
        )
        self.requests.append(record)
        try:
            reply, bytes_in = await self._react(request, route, project, self._book.judge(kind))
            if reply is None:
                self._conclude(record, "dropped", bytes_in=bytes_in)
                return drop(request)
            # Concluded before it is sent: whoever has the answer finds the record complete.
            bytes_out = reply.moved if reply.content is None else reply.content.size - reply.cut
            self._conclude(record, reply.status, bytes_in=bytes_in, bytes_out=bytes_out)
            response, sent = await send(request, reply, record.index)
        except asyncio.CancelledError:
            self._conclude(record, "dropped")
            raise
        if response is None:
            self._conclude(record, "dropped", bytes_out=sent)
            return drop(request)
        return response

    def _admit(self, request: web.BaseRequest) -> Project | ApiError:
        """Find the project of the request's key, which is charged for one request."""
        self._arrivals += 1
        try:
            project = self._project(request)
            if self._rate_limit is not None:
                self._rate_limit.check(project)
        except ApiError as error:
            return error
        return project

    def _project(self, request: web.BaseRequest) -> Project:
        if self._rules.api_version is None:
            return gate.admit(self._projects, request.headers)
        return gate.admit_version(self._projects, self._rules, request.headers, request.query)

    async def _react(
        self,
        request: web.BaseRequest,
        route: routes.Route | ApiError,
        project: Project | ApiError,
        verdict: Verdict,
    ) -> tuple[Reply | None, int]:
        """Reply to a request under a verdict, None meaning to break the connection off.

        The second is how many bytes of a file came in.
        """
        if verdict.delay + self._latency:
            await self._pause(verdict.delay + self._latency)
        effect = effects.of(verdict.fault, request.method, request.path)
        body = await take(
            request,
            route.file_field if isinstance(route, routes.Route) else None,
            rules=self._rules,
            folder=self._folder if isinstance(project, Project) else None,
            effect=effect,
        )
        form = body if isinstance(body, Form) else Form()
        if form.left:
            return None, form.moved
        reply = effect.instead or await self._execute(request, route, project, body)
        if effect.hangs:
            await self._closing.wait()
        return effect.spoil(reply), form.moved

    async def _execute(
        self,
        request: web.BaseRequest,
        route: routes.Route | ApiError,
        project: Project | ApiError,
        body: Body,
    ) -> Reply:
        """Answer as an untroubled server does."""
        if isinstance(route, ApiError):
            return route.reply
        if isinstance(project, ApiError):
            return project.reply
        if self._is_gone(route):
            return invalid_url(request.method, request.path).reply
        beta = _beta(route)
        if beta and not self._rules.api_version and not gate.asks_for(beta[1], request.headers):
            return invalid_beta(*beta).reply
        if isinstance(body, ApiError):
            return body.reply
        form = body if isinstance(body, Form) else None
        data = body if isinstance(body, bytes) else b""
        query = {name: one for name, one in request.query.items() if name != _VERSION}
        call = Call(project, route.ids, query, data, form, self._lenient)
        return await routes.answer(route, call)

    def _is_gone(self, route: routes.Route) -> bool:
        absent = route.kind in _ASSISTANTS and not self._rules.assistants
        return absent or (route.group in _CONTAINERS and not self._rules.containers)

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the server."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def _conclude(
        self, record: Request, status: Status, *, bytes_in: int = 0, bytes_out: int = 0
    ) -> None:
        # Whoever reads the records may have cleared them meanwhile.
        place = bisect_left(self.requests, record.index, key=attrgetter("index"))
        if place < len(self.requests) and self.requests[place].index == record.index:
            self.requests[place] = replace(
                record, status=status, bytes_in=bytes_in, bytes_out=bytes_out
            )


def _beta(route: routes.Route) -> tuple[str, str] | None:
    """Return the API that a route belongs to and the header that opens it, if it needs one."""
    if route.kind in _ASSISTANTS:
        return "Assistants", "assistants=v2"
    return ("Agents", "agents=v1") if route.group in _AGENTS else None


def _route(request: web.BaseRequest) -> routes.Route | ApiError:
    try:
        return routes.find(request.method, request.path)
    except ApiError as error:
        return error


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)
