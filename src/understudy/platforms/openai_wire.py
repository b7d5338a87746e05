"""The OpenAI wire: one request at a time, raw JSON both ways, errors translated once.

Spoken with aiohttp directly. The SDK on top of the same library would add two thirds to the
time of reading a large project, repeat creates and quota errors, call a refused connection a
time-out, and drop fields that it does not know; see docs/adr.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from pydantic import SecretStr

from understudy._version import __version__
from understudy.errors import (
    AuthenticationError,
    BusyError,
    EndpointGoneError,
    LostAnswerError,
    MissingError,
    PlaceError,
    QuotaError,
    RejectedError,
    UnreachableError,
)
from understudy.redact import redact

if TYPE_CHECKING:
    import aiohttp
    from multidict import CIMultiDictProxy

#: Seconds without a byte before a request counts as lost; the SDK's own default is 600.
READ_TIMEOUT = 60.0
CONNECT_TIMEOUT = 10.0
TOTAL_TIMEOUT = 600.0  # a server that sends a byte now and then does not keep us for ever

#: No reply that we ask for is larger; a page of 100 assistants stays below 30 MB.
MOST_BYTES = 1 << 28

#: 429 codes that no waiting cures; `*_spend_limit_exceeded` is matched by its ending.
_QUOTA_CODES = frozenset(
    {"insufficient_quota", "credit_balance_exhausted", "organization_usage_limit_exceeded"}
)

#: Said with a 404 by servers whose models are deployments; the endpoint is there.
_NO_MODEL_CODES = frozenset({"model_not_found", "DeploymentNotFound"})

_GONE_HINT = (
    "OpenAI removed the Assistants API on 2026-08-26. If this should be another server, check "
    "base_url (it usually ends in /v1). Work from a snapshot or an export file instead: "
    "understudy import PATH --to PLACE."
)


@dataclass(frozen=True, slots=True)
class Wire:
    """Where to connect and as whom; the secret never shows in its repr."""

    place: str
    base_url: str
    api_key: SecretStr
    organization: str = ""
    project: str = ""
    read_timeout: float = READ_TIMEOUT


class WireClient:
    """Sends one request per call and returns the reply's JSON object."""

    def __init__(self, wire: Wire, *, headers: Mapping[str, str]) -> None:
        self._wire = wire
        self._headers = dict(headers)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        collection: bool = False,
    ) -> dict[str, Any]:
        """Return the reply as a dict or raise the PlaceError that says what to do.

        `collection` marks paths whose 404 means that the whole endpoint is gone.
        """
        import aiohttp

        what = f"{method} {path}"
        data = None if body is None else json.dumps(body).encode()
        session = self._connect()
        try:
            async with session.request(
                method,
                self._wire.base_url + path,
                params={key: str(value) for key, value in (query or {}).items()},
                data=data,
                allow_redirects=False,  # a redirect must not carry the key elsewhere
            ) as reply:
                status, headers = reply.status, reply.headers
                content = await _read(reply)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            self._broken(error, what)
        if status >= 300:
            self._refused(status, headers, content, what, collection=collection)
        return self._parse(content, what)

    async def aclose(self) -> None:
        """Close all connections; may be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            wire = self._wire
            scope = {"OpenAI-Organization": wire.organization, "OpenAI-Project": wire.project}
            headers = {
                "Authorization": f"Bearer {wire.api_key.get_secret_value()}",
                "Content-Type": "application/json",
                "User-Agent": f"understudy/{__version__}",
                **{name: value for name, value in scope.items() if value},
                **self._headers,
            }
            self._session = aiohttp.ClientSession(
                headers=headers,
                connector=aiohttp.TCPConnector(limit=0),  # the caller bounds concurrency
                timeout=aiohttp.ClientTimeout(
                    total=TOTAL_TIMEOUT,
                    sock_connect=CONNECT_TIMEOUT,
                    sock_read=wire.read_timeout,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=_proxy(wire.base_url),
                read_bufsize=1 << 20,
            )
        return self._session

    def _parse(self, content: bytes, what: str) -> dict[str, Any]:
        try:
            value = _from_json(content)
        except (ValueError, RecursionError) as error:
            raise LostAnswerError(
                f"{self._wire.place}: {what} was answered with something that is not JSON "
                f"({len(content)} bytes).",
                hint=f"Is {self._wire.base_url} really an OpenAI-compatible API?",
            ) from error
        if not isinstance(value, dict):
            raise LostAnswerError(f"{self._wire.place}: {what} was not answered with an object.")
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
        refusal = _refusal(content)
        code, said = refusal.get("code") or "", refusal["message"]
        kind, hint = _classify(status, code, said, collection=collection)
        if 300 <= status < 400:
            said = f"it points to {redact(headers.get('Location', 'nowhere'))}"
            hint = "Set base_url to the address that it points to."
        words = f"{status} {code}".rstrip()
        raise kind(
            f"{self._wire.place}: {what} was answered {words}: {said.rstrip('.')}.",
            hint=hint,
            code=code or None,
            param=refusal.get("param"),
            retry_after=_retry_after(headers),
        )

    def _broken(self, error: Exception, what: str) -> NoReturn:
        """Translate a failed connection: certainly not carried out, or nobody knows."""
        import aiohttp

        place, url = self._wire.place, self._wire.base_url
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
            hint="It may have been carried out.",
        ) from error


def _classify(
    status: int, code: str, said: str, *, collection: bool
) -> tuple[type[PlaceError], str]:
    """Return which error an answer is, and what to do about it."""
    if status in (401, 403):
        return AuthenticationError, (
            "Check the key, the organization and the project of this place: understudy profiles "
            "--check."
        )
    if status == 429:
        if code in _QUOTA_CODES or code.endswith("_spend_limit_exceeded"):
            return QuotaError, "Add credit or raise the limit, then run the same command again."
        return BusyError, ""
    if status == 404:
        if code in _NO_MODEL_CODES:
            return RejectedError, ""
        if collection or said.startswith("Invalid URL"):
            return EndpointGoneError, _GONE_HINT
        return MissingError, "It was deleted meanwhile, or belongs to another project."
    if status in (408, 409) or status >= 500:
        return LostAnswerError, ""
    return RejectedError, ""


def _from_json(content: bytes) -> Any:
    """Parse JSON; the fast parser refuses lone surrogates, the standard one takes them."""
    from pydantic_core import from_json

    try:
        return from_json(content, cache_strings="all")
    except ValueError:
        return json.loads(content)


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    """Return the whole body; raises ValueError for one that no API would send."""
    if (reply.content_length or 0) > MOST_BYTES:
        raise ValueError(f"a reply of {reply.content_length:,} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in reply.content.iter_any():
        size += len(chunk)
        if size > MOST_BYTES:
            raise ValueError(f"a reply of more than {MOST_BYTES:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _refusal(content: bytes) -> dict[str, Any]:
    """Return message, code and param of an error reply, without keys, the message bounded.

    Some servers answer with whole pages, others with an object of their own.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    error = value.get("error", value) if isinstance(value, dict) else None
    found = error if isinstance(error, dict) else {"message": error}
    text = found.get("message") or found.get("detail")
    # Without keys first, then short: half a key is not recognised any more.
    message = redact(str(text or content[:65536].decode("utf-8", "replace") or "no reason given"))
    short = message if len(message) <= 400 else message[:400] + "..."
    named = {key: found.get(key) for key in ("code", "param")}
    texts = {key: redact(value)[:100] for key, value in named.items() if isinstance(value, str)}
    return {**texts, "message": short}


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for an address; never for this machine."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1" or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _retry_after(headers: CIMultiDictProxy[str]) -> float | None:
    """Return the seconds that the reply asks to wait, None where it does not say."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return _retry_date(headers.get("retry-after"))


def _retry_date(value: str | None) -> float | None:
    """Return the seconds until an HTTP date, as RFC 9110 allows for Retry-After."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _reason(error: BaseException) -> str:
    """Return what the system said, in its plainest words."""
    cause = getattr(error, "os_error", None)
    number = getattr(cause, "errno", None)
    if isinstance(number, int) and number > 0:
        return os.strerror(number)
    text = str(getattr(cause, "strerror", "") or error) or type(error).__name__
    return redact(text).rstrip(".")[:300]
