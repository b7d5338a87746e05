"""The OpenAI wire: one request at a time, raw JSON both ways, errors translated once.

Spoken with aiohttp directly. The SDK on top of the same library would add two thirds to the
time of reading a large project, repeat creates and quota errors, call a refused connection a
time-out, and drop fields that it does not know; see docs/adr.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from pydantic import SecretStr

from understudy._version import __version__
from understudy.errors import (
    EndpointGoneError,
    LostAnswerError,
    RejectedError,
    UnreachableError,
)
from understudy.platforms.openai_errors import classify, refusal, retry_after
from understudy.redact import redact

if TYPE_CHECKING:
    import aiohttp
    from multidict import CIMultiDictProxy

    from understudy.platforms.openai_transfer import Form

#: Seconds without a byte before a request counts as lost; the SDK's own default is 600.
READ_TIMEOUT = 60.0
CONNECT_TIMEOUT = 10.0
TOTAL_TIMEOUT = 600.0  # a server that sends a byte now and then does not keep us for ever
SLOWEST = 100_000.0  # bytes a second; a transfer may take as much longer as it needs at that rate

#: No reply that we ask for is larger; a page of 100 assistants stays below 30 MB.
MOST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class Wire:
    """Where to connect and as whom; the secret never shows in its repr.

    `api_version` goes into every address. `auth` is `bearer` or `api-key`, after the header.
    """

    place: str
    base_url: str
    api_key: SecretStr
    organization: str = ""
    project: str = ""
    read_timeout: float = READ_TIMEOUT
    api_version: str = ""
    auth: str = "bearer"

    @property
    def query(self) -> dict[str, str]:
        """What every address carries."""
        return {"api-version": self.api_version} if self.api_version else {}

    @property
    def authorization(self) -> dict[str, str]:
        """The header that carries the key."""
        key = self.api_key.get_secret_value()
        return {"api-key": key} if self.auth == "api-key" else {"Authorization": f"Bearer {key}"}


class WireClient:
    """Sends one request per call and returns the reply's JSON object."""

    def __init__(self, wire: Wire, *, headers: Mapping[str, str]) -> None:
        self.wire = wire
        self._headers = dict(headers)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Form | None = None,
        collection: bool = False,
    ) -> dict[str, Any]:
        """Return the reply as a dict or raise the PlaceError that says what to do.

        `collection` marks paths whose 404 means that the whole endpoint is gone. What went
        wrong while a form's content was read is raised as it is.
        """
        import aiohttp

        what = f"{method} {path}"
        data = json.dumps(body).encode() if body is not None else form
        session = self._connect()
        try:
            async with session.request(
                method,
                self.wire.base_url + path,
                params={**self.wire.query, **{k: str(v) for k, v in (query or {}).items()}},
                data=data,
                allow_redirects=False,  # a redirect must not carry the key elsewhere
                **({} if form is None else self._sending(form)),
            ) as reply:
                status, headers = reply.status, reply.headers
                content = await read_whole(reply)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            if form is not None and form.failure is not None:
                raise form.failure from error
            self._broken(error, what)
        if status >= 300:
            self._refused(status, headers, content, what, collection=collection)
        return self._parse(content, what)

    async def page(
        self,
        path: str,
        *,
        after: str | None,
        limit: int = 100,
        newest_first: bool = False,
        collection: bool = True,
    ) -> tuple[list[Any], str | None]:
        """Return part of a listing, and the id that continues it, None after the last part."""
        query: dict[str, str | int] = {
            "limit": limit,
            "order": "desc" if newest_first else "asc",
            **({"after": after} if after else {}),
        }
        # With `after`, a 404 is about that id: it was deleted while the list was read.
        reply = await self.request("GET", path, query=query, collection=collection and not after)
        data = reply.get("data")
        if not isinstance(data, list):
            raise self.malformed("a listing without a list")
        last = data[-1].get("id") if data and isinstance(data[-1], dict) else None
        # A server that leaves out has_more is asked again until a page is not full.
        more = reply.get("has_more", len(data) == limit)
        if more and (not isinstance(last, str) or last == after):
            raise self.malformed("a listing that says has_more and does not go on")
        return data, last if more else None

    @asynccontextmanager
    async def stream(
        self, path: str, *, bytes_expected: int = 0
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the reply to a GET, its body unread; raises like `request`, also for the body.

        The connection is closed if the body was not read to its end.
        """
        import aiohttp

        what, loop = f"GET {path}", asyncio.get_running_loop()
        try:
            async with (
                asyncio.timeout(TOTAL_TIMEOUT) as deadline,
                self._connect().get(
                    self.wire.base_url + path,
                    params=self.wire.query,
                    headers={"Accept-Encoding": "identity"},
                    allow_redirects=False,
                    timeout=self._timeout(None),
                ) as reply,
            ):
                if reply.status >= 300:
                    said = await read_whole(reply)
                    self._refused(reply.status, reply.headers, said, what, collection=False)
                length = reply.content_length or bytes_expected
                deadline.reschedule(loop.time() + TOTAL_TIMEOUT + length / SLOWEST)
                yield reply
        except (TimeoutError, aiohttp.ClientError) as error:
            self._broken(error, what)

    def malformed(self, what: str) -> LostAnswerError:
        """Return the error for a reply that is JSON and yet makes no sense."""
        return LostAnswerError(
            f"{self.wire.place}: {self.wire.base_url} answered with {what}.",
            hint="Is it really an OpenAI-compatible API?",
        )

    async def aclose(self) -> None:
        """Close all connections; may be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            wire = self.wire
            scope = {"OpenAI-Organization": wire.organization, "OpenAI-Project": wire.project}
            headers = {
                **wire.authorization,
                "Content-Type": "application/json",
                "User-Agent": f"understudy/{__version__}",
                **{name: value for name, value in scope.items() if value},
                **self._headers,
            }
            self._session = aiohttp.ClientSession(
                headers=headers,
                connector=aiohttp.TCPConnector(limit=0),  # the caller bounds concurrency
                timeout=self._timeout(TOTAL_TIMEOUT),
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=_proxy(wire.base_url),
                read_bufsize=1 << 20,
            )
        return self._session

    def _timeout(self, total: float | None) -> aiohttp.ClientTimeout:
        import aiohttp

        return aiohttp.ClientTimeout(
            total=total, sock_connect=CONNECT_TIMEOUT, sock_read=self.wire.read_timeout
        )

    def _sending(self, form: Form) -> dict[str, Any]:
        """Return what differs for a request that carries a file."""
        return {
            "headers": {"Content-Type": form.content_type},
            "timeout": self._timeout(TOTAL_TIMEOUT + form.length / SLOWEST),
        }

    def _parse(self, content: bytes, what: str) -> dict[str, Any]:
        try:
            value = _from_json(content)
        except (ValueError, RecursionError) as error:
            raise LostAnswerError(
                f"{self.wire.place}: {what} was answered with something that is not JSON "
                f"({len(content)} bytes).",
                hint=f"Is {self.wire.base_url} really an OpenAI-compatible API?",
            ) from error
        if not isinstance(value, dict):
            raise LostAnswerError(f"{self.wire.place}: {what} was not answered with an object.")
        return value

    def _refused(
        self,
        status: int,
        headers: CIMultiDictProxy[str],
        content: bytes,
        what: str,
        *,
        collection: bool,
    ) -> NoReturn:
        found = refusal(content)
        code, said = found.get("code") or "", found["message"]
        kind, hint = classify(status, code, said, what.split()[1], collection=collection)
        if 300 <= status < 400:
            said = f"it points to {redact(headers.get('Location', 'nowhere'))}"
            hint = "Set base_url to the address that it points to."
        elif self.wire.api_version and kind is EndpointGoneError:
            hint = f"Check base_url and api_version (now {self.wire.api_version})."
        words = f"{status} {code}".rstrip()
        raise kind(
            f"{self.wire.place}: {what} was answered {words}: {said.rstrip('.')}.",
            hint=hint,
            code=code or None,
            param=found.get("param"),
            retry_after=retry_after(headers),
        )

    def _broken(self, error: Exception, what: str) -> NoReturn:
        """Translate a failed connection: certainly not carried out, or nobody knows."""
        import aiohttp

        place, url = self.wire.place, self.wire.base_url
        if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
            raise RejectedError(
                f"{place}: {url} is not an address that can be connected to.",
                hint="base_url must start with https:// (or http:// on your own machine).",
            ) from error
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            raise UnreachableError(
                f"{place}: no connection to {url}: {_reason(error)}.",
                hint="Check base_url, the network and the proxy settings.",
            ) from error
        raise LostAnswerError(
            f"{place}: {what} got no answer: {_reason(error)}.",
            hint="" if what.startswith("GET ") else "It may have been carried out.",
        ) from error


def _from_json(content: bytes) -> Any:
    """Parse JSON; the fast parser refuses lone surrogates, the standard one takes them."""
    from pydantic_core import from_json

    try:
        return from_json(content, cache_strings="all")
    except ValueError:
        return json.loads(content)


async def read_whole(reply: aiohttp.ClientResponse) -> bytes:
    """Return the whole body; raises ClientPayloadError for one that no API would send."""
    import aiohttp

    if (reply.content_length or 0) > MOST_BYTES:
        raise aiohttp.ClientPayloadError(f"a reply of {reply.content_length:,} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in reply.content.iter_any():
        size += len(chunk)
        if size > MOST_BYTES:
            raise aiohttp.ClientPayloadError(f"a reply of more than {MOST_BYTES:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for an address; never for this machine."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1" or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _reason(error: BaseException) -> str:
    """Return what the system said, in its plainest words."""
    cause = getattr(error, "os_error", None)
    number = getattr(cause, "errno", None)
    if isinstance(number, int) and number > 0:
        return os.strerror(number)
    text = str(getattr(cause, "strerror", "") or error) or type(error).__name__
    return redact(text).rstrip(".")[:300]
