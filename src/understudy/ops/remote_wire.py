"""One request to a registry service: where it may go, what its answer means, what went wrong."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import urllib.request
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from ssl import SSLContext

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from multidict import CIMultiDictProxy
from pydantic import SecretStr
from yarl import URL

from understudy._version import __version__
from understudy.errors import (
    AuthenticationError,
    BusyError,
    BusySyncError,
    DeniedSyncError,
    EndpointGoneError,
    LimitedError,
    LostAnswerError,
    PlaceError,
    RefusedSyncError,
    RejectedError,
    UnderstudyError,
    UnreachableError,
    UsageError,
)
from understudy.files import MOST_BYTES
from understudy.platforms.openai_errors import refusal, retry_after
from understudy.redact import register

#: Seconds for a whole answer, however long it is, and for a sync on the service's side.
LONGEST = 600.0

_SHORT = 1 << 16  # bytes that are read of an answer that is no success
_SHORTEST = 8  # characters of a key: shorter ones cannot be kept out of logs

#: What the service's own codes are here; others go by their status.
_CODES: Mapping[str, type[UnderstudyError]] = {
    "sync_running": BusySyncError,
    "sync_refused": RefusedSyncError,
    "sync_denied": DeniedSyncError,
    "limited_mode": LimitedError,
    "sync_failed": UnderstudyError,
    "source_failed": PlaceError,
}
_STATUSES: Mapping[int, type[PlaceError]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: EndpointGoneError,
    405: EndpointGoneError,
    410: EndpointGoneError,
    408: LostAnswerError,
    429: BusyError,
}


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A success, unpacked; `content` is empty where the asker has it already (304)."""

    status: int
    headers: CIMultiDictProxy[str]
    content: bytes


class Wire:
    """Sends requests to one service, each on a connection of its own.

    Nothing is followed to elsewhere, so that the key goes to the given address alone. Proxies of
    the environment are used, but not to this machine. Raises UsageError for an address that is
    none, and for http to another machine unless that is allowed.
    """

    def __init__(
        self,
        url: str,
        *,
        key: SecretStr | None,
        timeout: float,
        allow_http: bool,
        tls: SSLContext | None,
    ) -> None:
        self._url = _checked(url, allow_http)
        self._headers = {"User-Agent": f"understudy/{__version__}", **_authorization(key)}
        self._timeout = timeout
        self._tls = tls

    def __repr__(self) -> str:
        return str(self._url)

    async def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        post: bytes | None = None,
    ) -> Answer:
        """Return a success, or 304; raises PlaceError, for a POST what the service's code means.

        Connecting takes `timeout` at most, so does each silence in between.
        """
        silence = LONGEST if post is not None else self._timeout
        limits = ClientTimeout(total=LONGEST, sock_connect=self._timeout, sock_read=silence)
        # Their own words may hold the request, and that holds the key: none is kept as a cause.
        try:
            async with ClientSession(
                connector=TCPConnector(ssl=self._tls or True, force_close=True),
                cookie_jar=DummyCookieJar(),
                timeout=limits,
                auto_decompress=False,
            ) as session:
                return await self._exchange(session, path, headers or {}, post)
        except ClientConnectorCertificateError:
            failure: PlaceError = UnreachableError(f"{self}: its certificate is not valid.")
        except ClientConnectorError as error:
            why = error.strerror or "no connection was made"
            failure = UnreachableError(f"{self} cannot be reached: {why}.")
        except ConnectionTimeoutError:
            failure = UnreachableError(f"{self} was not reached within {self._timeout:g} s.")
        except TimeoutError:
            failure = LostAnswerError(f"{self} did not answer within {silence:g} s.")
        except (ClientError, OSError, ValueError) as error:
            failure = LostAnswerError(f"{self}: the connection broke ({type(error).__name__}).")
        raise failure

    async def _exchange(
        self, session: ClientSession, path: str, headers: Mapping[str, str], post: bytes | None
    ) -> Answer:
        url = self._url / path
        async with session.request(
            "GET" if post is None else "POST",
            url,
            data=post or None,
            headers={**self._headers, "Accept-Encoding": "gzip", **headers},
            allow_redirects=False,
            proxy=await asyncio.to_thread(_proxy, url),
        ) as reply:
            fine = reply.status == 200
            content = bytearray()
            async for chunk in reply.content.iter_chunked(_SHORT):
                content += chunk
                if len(content) > (MOST_BYTES if fine else _SHORT):
                    if fine:
                        raise self.broken(f"it has more than {MOST_BYTES:,} bytes")
                    break
            packed = reply.headers.get("Content-Encoding", "identity").lower()
            found = bytes(content)
            if packed != "identity" and fine:
                found = await asyncio.to_thread(self._unpacked, packed, found)
            if fine or (reply.status == 304 and "If-None-Match" in headers):
                return Answer(reply.status, reply.headers, found)
            raise self._refused(reply.status, reply.headers, found, post is not None)

    def broken(self, why: str) -> PlaceError:
        """Return the error for an answer that is not what was asked for."""
        hint = "Is this the address of an Understudy service, without /api?"
        return RejectedError(f"{self}: the answer cannot be used: {why}.", hint=hint)

    def _unpacked(self, packed: str, content: bytes) -> bytes:
        if packed not in ("gzip", "x-gzip"):
            raise self.broken("it is packed in a way that was not asked for")
        inflating = zlib.decompressobj(zlib.MAX_WBITS + 16)
        try:
            found = inflating.decompress(content, MOST_BYTES + 1)
        except zlib.error:
            raise self.broken("its gzip is damaged") from None
        if len(found) > MOST_BYTES:
            raise self.broken(f"it has more than {MOST_BYTES:,} bytes")
        if not inflating.eof or inflating.unused_data:
            raise self.broken("its gzip is not whole")
        return found

    def _refused(
        self, status: int, headers: CIMultiDictProxy[str], content: bytes, posted: bool
    ) -> UnderstudyError:
        """Return what an answer means that is no success."""
        said = refusal(content)
        code, words = said.get("code", ""), " ".join(said["message"].split())
        kind = _CODES.get(code) if posted else None
        kind = kind or _STATUSES.get(status)
        kind = kind or (LostAnswerError if status >= 500 else RejectedError)
        if not issubclass(kind, PlaceError):
            return kind(f"{self}: {words}")
        hint = ""
        if kind is AuthenticationError:
            hint = "Check UNDERSTUDY_API_KEY, or the argument `key`, and the key's scopes."
        elif 300 <= status < 400:
            hint = "Redirects are not followed: give the address that they lead to."
        message = f"{self} answered {status}: {words}"
        return kind(message, hint=hint, code=code or None, retry_after=retry_after(headers))


def _checked(url: str, allow_http: bool) -> URL:
    """Return the service's address; raises UsageError, without repeating what may be secret."""
    try:
        parsed = URL(url)
        host = parsed.host or ""
    except ValueError:
        raise UsageError("The service's address is no URL.") from None
    odd = not url.isprintable() or any(c.isspace() or c == "\\" for c in url)
    if odd or parsed.scheme not in ("http", "https") or not host:
        raise UsageError("The service's address must be https://HOST, maybe with a path.")
    if parsed.raw_user is not None or parsed.raw_password is not None or re.search(r"[?#]", url):
        raise UsageError(
            "The service's address holds a user, a query or a fragment.",
            hint="The key is an argument of its own, or UNDERSTUDY_API_KEY.",
        )
    if parsed.scheme == "http" and not (allow_http or is_loopback(host)):
        raise UsageError(
            f"http://{host} would carry key and answers in the clear.",
            hint="Use https, or allow_http=True within a network that you trust.",
        )
    return parsed.with_path(parsed.path.rstrip("/")) if parsed.path != "/" else parsed.origin()


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its usual names."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"


def _proxy(url: URL) -> str | None:
    """Return the proxy that the environment names for an address."""
    host = url.host or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)


def _authorization(key: SecretStr | None) -> dict[str, str]:
    text = key.get_secret_value().strip() if key else ""
    if not text:
        return {}
    register(text)
    if len(text) < _SHORTEST or not re.fullmatch(r"[!-~]+", text):
        raise UsageError(f"A key has at least {_SHORTEST} characters, all of them plain ASCII.")
    return {"Authorization": f"Bearer {text}"}
