"""One delivery to one webhook: a single POST, to an address that was looked at, and its outcome."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.abc import AbstractResolver, ResolveResult

from understudy._version import __version__
from understudy.platforms.openai_errors import retry_after
from understudy.registry.addresses import Target

if TYPE_CHECKING:
    from aiohttp import AddrInfoType

#: Seconds for one attempt, from the resolution of the name to the status.
TIMEOUT = 10.0

#: Statuses of 4xx that another attempt may change.
_PASSING = frozenset({408, 409, 425, 429})

_REFUSED = "its name leads to no address that may be told"

#: What a failure is called; the library's own words may hold the URL. The first that fits counts.
_FAILURES: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, f"no answer within {TIMEOUT:.0f} seconds"),
    (ClientConnectorCertificateError, "its certificate is not valid"),
    (ClientSSLError, "no secure connection was made"),
    (ClientConnectorDNSError, "its name was not resolved"),
    (ClientConnectorError, "no connection was made"),
    (ClientError, "the connection broke"),
    (ValueError, "no connection was made"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `final`: another one would end the same way.

    `after` are the seconds that the receiver asks to wait.
    """

    sent: bool
    reason: str = ""
    final: bool = False
    after: float = 0.0


class GuardedResolver(AbstractResolver):
    """Gives a name's addresses that the webhook may go to; the connection is made to these."""

    def __init__(self, target: Target, inner: AbstractResolver | None = None) -> None:
        self._target = target
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return what is allowed; raises OSError where nothing is."""
        found = await self._inner.resolve(host, port, family)
        allowed = [one for one in found if self._target.allows(one["host"])]
        if found and not allowed:
            raise _RefusedError(_REFUSED)
        return allowed

    async def close(self) -> None:
        """Do nothing: nothing is open here."""


class _RefusedError(OSError):
    """A name led to forbidden addresses only."""


async def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    resolver: AbstractResolver | None = None,
) -> Outcome:
    """Send once and tell how it ended; raises nothing of the network.

    No redirect is followed, no proxy and no cookie used, and no byte of the answer's body read.
    """

    def opened(info: AddrInfoType) -> socket.socket:
        # The last word on where a connection goes, whoever found the address.
        if not target.allows(str(info[4][0])):
            raise _RefusedError(_REFUSED)
        return socket.socket(info[0], info[1], info[2])

    connector = TCPConnector(
        resolver=GuardedResolver(target, resolver),
        use_dns_cache=False,
        force_close=True,
        socket_factory=opened,
    )
    sent: dict[str, Any] = {
        "Content-Type": "application/json",
        "User-Agent": f"understudy/{__version__}",
        **headers,
    }
    async with ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=TIMEOUT),
        trust_env=False,
        auto_decompress=False,
    ) as session:
        try:
            reply = await session.post(target.url, data=body, headers=sent, allow_redirects=False)
        except (TimeoutError, ClientError, ValueError, OSError) as error:
            return Outcome(False, _why(error))
        reply.close()
        return _outcome(reply.status, retry_after(reply.headers) or 0.0)


def _outcome(status: int, after: float) -> Outcome:
    if 200 <= status < 300:
        return Outcome(True)
    final = 400 <= status < 500 and status not in _PASSING
    redirect = "; redirects are not followed" if 300 <= status < 400 else ""
    return Outcome(False, f"it answered {status}{redirect}", final, after)


def _why(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _RefusedError):
            return _REFUSED
        cause = cause.__cause__
    return next((text for kind, text in _FAILURES if isinstance(error, kind)), "it failed")
