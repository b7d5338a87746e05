"""The OpenAI wire: one request at a time, raw JSON both ways, errors translated once.

The SDK brings transport, headers and connection pooling. Its own retries are off (they repeat
creates and quota errors) and its models are not used (they do not keep unknown fields).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import SecretStr

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
    import httpx2
    import openai

#: Seconds without a byte before a request counts as lost; the SDK's own default is 600.
READ_TIMEOUT = 60.0
CONNECT_TIMEOUT = 10.0

#: 429 codes that no waiting cures; `*_spend_limit_exceeded` is matched by its ending.
_QUOTA_CODES = frozenset(
    {"insufficient_quota", "credit_balance_exhausted", "organization_usage_limit_exceeded"}
)

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
        self._client: openai.AsyncOpenAI | None = None

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
        import httpx2
        import openai

        client = self._connect()
        options: dict[str, Any] = {"params": dict(query or {})}
        verbs: dict[str, Callable[..., Awaitable[httpx2.Response]]] = {
            "GET": client.get,
            "POST": client.post,
            "DELETE": client.delete,
        }
        extra = {"body": dict(body)} if body is not None else {}
        try:
            response = await verbs[method](path, cast_to=httpx2.Response, options=options, **extra)
            content = response.content
        except openai.APIStatusError as error:
            self._refused(error, f"{method} {path}", collection=collection)
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            self._broken(error, f"{method} {path}")
        return self._parse(content, f"{method} {path}")

    async def aclose(self) -> None:
        """Close all connections; may be called twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _connect(self) -> openai.AsyncOpenAI:
        if self._client is None:
            import openai

            wire = self._wire
            self._client = openai.AsyncOpenAI(
                api_key=wire.api_key.get_secret_value(),
                base_url=wire.base_url,
                max_retries=0,
                timeout=openai.Timeout(wire.read_timeout, connect=CONNECT_TIMEOUT),
                default_headers=self._headers,
                http_client=openai.DefaultAioHttpClient(),
            )
            # Set afterwards: the constructor would fill a missing one from OPENAI_ORG_ID and
            # OPENAI_PROJECT_ID, which belong to another profile.
            self._client.organization = wire.organization or None
            self._client.project = wire.project or None
        return self._client

    def _parse(self, content: bytes, what: str) -> dict[str, Any]:
        try:
            value = _from_json(content)
        except ValueError as error:
            raise LostAnswerError(
                f"{self._wire.place}: {what} was answered with something that is not JSON "
                f"({len(content)} bytes).",
                hint=f"Is {self._wire.base_url} really an OpenAI-compatible API?",
            ) from error
        if not isinstance(value, dict):
            raise LostAnswerError(f"{self._wire.place}: {what} was not answered with an object.")
        return value

    def _refused(self, error: openai.APIStatusError, what: str, *, collection: bool) -> NoReturn:
        status, code = error.status_code, error.code or ""
        said = _said(error)
        text = f"{self._wire.place}: {what} was answered {status}"
        text += f" {code}: {said}" if code else f": {said}"
        details: dict[str, Any] = {"code": error.code, "param": error.param}
        kind, hint = _classify(status, code, said, collection=collection)
        raise kind(
            text, hint=hint, retry_after=_retry_after(error.response.headers), **details
        ) from error

    def _broken(self, error: Exception, what: str) -> NoReturn:
        """Translate a failed connection; the SDK calls a refused one a time-out."""
        import aiohttp

        chain = list(_causes(error))
        place, url = self._wire.place, self._wire.base_url
        for cause in chain:
            if isinstance(cause, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
                raise RejectedError(
                    f"{place}: {url} is not an address that can be connected to.",
                    hint="base_url must start with https:// (or http:// on your own machine).",
                ) from error
            if isinstance(cause, aiohttp.ClientConnectorError):
                raise UnreachableError(
                    f"{place}: no connection to {url}: {_reason(cause)}.",
                    hint="Check base_url, the network and the proxy settings.",
                ) from error
        raise LostAnswerError(
            f"{place}: {what} got no answer: {_reason(chain[-1])}.",
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
        return from_json(content)
    except ValueError:
        return json.loads(content)


def _said(error: openai.APIStatusError) -> str:
    """Return the place's own words, without keys, bounded: some servers answer with pages."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    text = redact(str(message or error.message or "no reason given"))
    return text if len(text) <= 400 else text[:400] + "..."


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Return the seconds that the reply asks to wait, None where it does not say."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if seconds >= 0:
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


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return found


def _reason(error: BaseException) -> str:
    text = redact(str(error) or type(error).__name__)
    return text.rstrip(".")[:300]
