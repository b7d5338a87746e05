"""What every request passes first: an id, who it is, how often, how much; and every answer last."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import getrandbits
from urllib.parse import SplitResult, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.service.auth import LOCAL, Caller, Keys
from understudy.service.metrics import Metrics
from understudy.service.problems import ProblemError, document_too_large, render
from understudy.service.rates import Buckets
from understudy.service.replies import Header

log = logging.getLogger("understudy.service")

#: Where the caller, the request's id and its headers (by name, each once) stand in the scope.
CALLER = "understudy.caller"
REQUEST_ID = "understudy.request_id"
GIVEN = "understudy.headers"

#: Addresses that nobody needs a key for: they say nothing that is secret.
OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})

_LINGER = 1 << 20  # bytes of a body that is too large, read and forgotten
_SINGLE = (b"host", b"authorization", b"x-api-key", b"content-length")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = re.compile(rb"[A-Za-z0-9._-]{1,64}")
#: What every answer carries.
HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """`rate` is requests a second for a key (0: any), `body` bytes, `patience` seconds for one.

    `paths` are addresses that take larger bodies: at most `large` bytes, which may take as many
    times longer to arrive as they are larger than a megabyte. `uploads` are patterns of others, and
    how many bytes those take.
    """

    rate: float = 100.0
    body: int = 64 * 1024
    patience: float = 15.0
    large: int = 0
    paths: frozenset[str] = frozenset()
    uploads: tuple[tuple[re.Pattern[str], int], ...] = ()

    def of(self, path: str) -> Limits:
        """Return what holds for a request to this address."""
        if path in self.paths:
            return self._larger(self.large)
        size = next((size for pattern, size in self.uploads if pattern.fullmatch(path)), None)
        return self if size is None else self._larger(size)

    def _larger(self, size: int) -> Limits:
        return replace(self, body=size, patience=self.patience * max(1.0, size / (1 << 20)))


@dataclass(slots=True)
class Draining:
    """Whether the service is about to end: each answer then ends its connection.

    `hearers` are called when that begins.
    """

    now: bool = False
    hearers: list[Callable[[], None]] = field(default_factory=list)

    def begin(self) -> None:
        """Begin to end; may be repeated."""
        if not self.now:
            self.now = True
            for hearer in self.hearers:
                hearer()


@dataclass(slots=True)
class Front:
    """ASGI around the application. Without keys it serves this machine alone.

    `hosts` are the names it is called by then: a page from elsewhere whose name was made to point
    here brings another. `origins` are pages that may ask from within a browser.
    """

    app: ASGIApp
    keys: Keys
    hosts: frozenset[str]
    metrics: Metrics
    draining: Draining
    limits: Limits = field(default_factory=Limits)
    origins: frozenset[str] = frozenset()
    _buckets: Buckets = field(init=False)
    _strangers: Buckets = field(init=False)

    def __post_init__(self) -> None:
        rate = self.limits.rate
        self._buckets = Buckets(rate, max(1.0, 2 * rate), time.monotonic)
        self._strangers = Buckets(1.0 if rate else 0.0, 20.0, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = scope[GIVEN] = dict(scope["headers"])
        answer = _Answer(send, _request_id(headers), self.draining)
        scope[REQUEST_ID] = answer.request_id
        # Names of assistants may hold slashes: whoever reads a name decodes it, not the router.
        scope["path"] = scope["raw_path"].decode("ascii", "replace") or "/"
        try:
            if len(headers) < len(scope["headers"]):
                _once(scope["headers"])
            self._admit(scope, headers)
            if _has_body(headers):
                whole = scope["path"] in self.limits.paths
                body = _Body(receive, self.limits.of(scope["path"]), documents=whole)
                await body.admit(headers)
                receive = body.receive
            await self.app(scope, receive, answer.send)
        except ProblemError as problem:
            await answer.fail(problem, scope, receive)
        except Exception:
            log.exception("request %s failed", answer.request_id)
            wrong = ProblemError(
                500, "internal_error", "Something went wrong here; the log says what."
            )
            await answer.fail(wrong, scope, receive)
        finally:
            self.metrics.answered(scope, answer.status, time.perf_counter() - began)

    def _admit(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Find out who asks, and whether they may ask now; raises ProblemError."""
        if self.keys:
            if scope["path"] in OPEN:
                return
            caller = self._identify(scope, headers)
        else:
            self._only_from_here(scope, headers)
            caller = LOCAL
        scope[CALLER] = caller
        if self.keys and (wait := self._buckets.take(caller.name)):
            raise _too_many(wait)

    def _identify(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Caller:
        given = headers.get(b"x-api-key", b"")
        if (said := headers.get(b"authorization")) is not None:  # it counts, whatever else is there
            scheme, _, key = said.partition(b" ")
            given = key.strip() if scheme.lower() == b"bearer" else b""
        caller = self.keys.find(given) if given else None
        if caller is None:
            # Only of who has no key: whoever shares an address with a guesser is not locked out.
            if wait := self._strangers.take((scope.get("client") or ("",))[0]):
                raise _too_many(wait)
            raise ProblemError(
                401,
                "unauthorized",
                "This service needs a key." if not given else "This key is not known here.",
                hint="Send it as: Authorization: Bearer KEY.",
                headers={"WWW-Authenticate": 'Bearer realm="understudy"'},
            )
        return caller

    def _only_from_here(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Refuse what a page from elsewhere makes a browser on this machine send."""
        named = headers.get(b"host", b"")
        if _host(named) not in self.hosts:
            raise ProblemError(
                421, "wrong_host", "Without keys, this service answers to this machine's name only."
            )
        if scope["method"] in _SAFE:
            return
        origin = headers.get(b"origin", b"").decode("latin-1")
        foreign = origin and _split(origin).netloc != named.decode("latin-1")
        elsewhere = foreign or headers.get(b"sec-fetch-site", b"none") == b"cross-site"
        if elsewhere and origin not in self.origins:
            raise ProblemError(403, "foreign_origin", "Other sites may change nothing.")


class _Answer:
    """Adds to every answer what all of them carry, and knows whether one has begun."""

    def __init__(self, send: Send, request_id: bytes, draining: Draining) -> None:
        self._send = send
        self._id = request_id
        self._draining = draining
        self.status = 0
        self._ended = False

    @property
    def request_id(self) -> str:
        return self._id.decode()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            more = [*HEADERS, (b"x-request-id", self._id)]
            if self._draining.now:
                more.append((b"connection", b"close"))
            message["headers"] = [*message.get("headers", ()), *more]
        self._ended = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def fail(self, problem: ProblemError, scope: Scope, receive: Receive) -> None:
        """Answer with a problem; an answer that has begun is cut off, one that ended stands."""
        if self._ended:
            return
        if self.status:
            raise ConnectionAbortedError("the answer had begun")
        await render(problem, self.request_id)(scope, receive, self.send)


class _Body:
    """Lets a bounded body through, within a bounded time."""

    def __init__(self, receive: Receive, limits: Limits, *, documents: bool) -> None:
        self._receive = receive
        self._documents = documents
        self._limits = limits
        self._left = limits.body
        self._until: float | None = None
        self._ended = False

    async def admit(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse a body that is announced to be too large; raises ProblemError."""
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limits.body:
            raise await self._too_large()

    async def receive(self) -> Message:
        """Return the next message; raises ProblemError."""
        if self._ended:  # only the end of the connection is still to come
            return await self._receive()
        loop = asyncio.get_running_loop()
        if self._until is None:
            self._until = loop.time() + self._limits.patience
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise ProblemError(
                408, "too_slow", "The request's body did not arrive in time."
            ) from None
        self._left -= len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._left < 0:
            raise await self._too_large()
        return message

    async def _too_large(self) -> ProblemError:
        """Return the refusal, after a bounded rest of the body: who still sends reads no answer."""
        rest = _LINGER
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while not self._ended and rest > 0:
                    message = await self._receive()
                    rest -= len(message.get("body", b""))
                    self._ended = not message.get("more_body", False)
        if self._documents:
            return document_too_large()
        most = f"A request's body has at most {self._limits.body:,} bytes."
        return ProblemError(413, "too_large", most, headers={"Connection": "close"})


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a body follows: one of these says so (RFC 9112, 6.3)."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


@lru_cache(64)
def _host(named: bytes) -> str:
    """Return the name in a Host header, without its port, in small letters."""
    return (_split(f"//{named.decode('latin-1')}").hostname or "").lower()


def _split(url: str) -> SplitResult:
    """Return an address in its parts, none of what is no address."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _once(headers: Iterable[Header]) -> None:
    """Refuse what must not be said twice: two could believe different ones (RFC 9112, 3.2)."""
    names = [name for name, _ in headers]
    if twice := [name for name in _SINGLE if names.count(name) > 1]:
        message = f"The header {twice[0].decode()} stands there more than once."
        raise ProblemError(400, "bad_request", message)


def _too_many(wait: float) -> ProblemError:
    seconds = str(max(1, round(wait + 0.5)))
    return ProblemError(
        429, "too_many_requests", "Too many requests.", headers={"Retry-After": seconds}
    )


def _request_id(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the caller's own id for the request, or a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _OURS.fullmatch(given):
        return given
    return b"%016x" % getrandbits(64)  # it has to differ from others, not to be unknown
