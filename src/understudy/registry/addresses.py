"""Where webhooks may go: only to named hosts, and not into our own networks. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeAlias

from understudy.errors import UsageError

if TYPE_CHECKING:
    from yarl import URL

Address: TypeAlias = IPv4Address | IPv6Address

#: Networks of one's own: allowed where the configuration says so.
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        [
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "::1/128",
            "fc00::/7",
        ],
    )
)
#: Nobody's, or another address in disguise (IANA's special-purpose registries): never allowed.
#: Python's own `is_global` differs between its versions.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        [
            "0.0.0.0/8",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
        ],
    )
)
#: All IPv6 addresses that are routed lie here: nothing mapped, translated, local or reserved.
_ROUTED = ipaddress.ip_network("2000::/3")

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """A webhook's URL that was checked, and which addresses its host may have.

    `public` and `private` tell of which kind; `shown` is the URL without its query.
    """

    url: URL
    host: str
    public: bool
    private: bool

    @property
    def shown(self) -> str:
        """The URL for people: a query may hold a key."""
        return str(self.url.with_query(None))

    def allows(self, address: str) -> bool:
        """Tell whether one may connect to this address, as numbers: a name never may."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return (self.public and is_public(found)) or (self.private and is_private(found))


def is_private(address: Address) -> bool:
    """Tell whether an address belongs to this machine or to a network of one's own."""
    return not _scoped(address) and any(address in network for network in _PRIVATE)


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the Internet at large, as itself."""
    if _scoped(address) or not address.is_global or any(address in n for n in (*_PRIVATE, *_NEVER)):
        return False
    return address.version == 4 or address in _ROUTED


def check_url(
    url: str, *, origin: str, hosts: Iterable[str], allow_private: bool = False
) -> Target:
    """Return where to go; raises UsageError with the origin, never with the URL itself.

    Without `allow_private` the URL is https and its host public. With it, http goes to private
    addresses only.
    """
    parsed = _parsed(url, origin)
    host = _host(parsed.raw_host or "", origin)
    if host not in {normalized(one) for one in hosts}:
        raise UsageError(
            f"{origin}: {host} is not among the hosts that webhooks may go to.",
            hint=f'Name it in understudy.toml: [registry] webhook_hosts = ["{host}"], or in '
            "UNDERSTUDY_REGISTRY_WEBHOOK_HOSTS.",
        )
    secure = parsed.scheme == "https"
    if not (secure or allow_private):
        raise UsageError(
            f"{origin}: a webhook's url begins with https://.",
            hint="With allow_private = true, http:// may go to private addresses.",
        )
    target = Target(parsed, host, public=secure, private=allow_private)
    # A name's addresses are looked at when it is resolved; these are not resolved.
    if _literal(host) is not None and not target.allows(host):
        raise UsageError(
            f"{origin}: {host} is no address that this webhook may go to.",
            hint="Private ones need allow_private = true; with it, public ones need https.",
        )
    return target


def normalized(host: str) -> str:
    """Return a host as hosts are compared: lower case, IDNA, no dot at the end, addresses short."""
    from yarl import URL

    text = host.strip().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        text = (URL.build(scheme="https", host=text).raw_host or "").lower()
    except ValueError:
        return text.lower()
    address = _literal(text)
    return str(address) if address is not None else text


def _parsed(url: str, origin: str) -> URL:
    """Return the URL as the client will read it; one that can be read in two ways is refused."""
    from yarl import URL

    # What is not printable is dropped by some parsers and not by others.
    if not url.isprintable() or any(c.isspace() or c == "\\" for c in url):
        raise UsageError(f"{origin}: the url holds a space, a backslash or a control character.")
    try:
        parsed = URL(url)
    except ValueError as error:
        raise UsageError(f"{origin}: this is no url.") from error
    if parsed.scheme not in ("http", "https") or not parsed.raw_host or not parsed.port:
        raise UsageError(f"{origin}: a webhook's url is https://HOST/PATH.")
    if "@" in re.split(r"[/?#]", url.partition("://")[2])[0]:
        raise UsageError(
            f"{origin}: the url holds a user or a password.",
            hint="Deliveries are signed; the receiver needs neither.",
        )
    if "#" in url:
        raise UsageError(f"{origin}: the url has a fragment (#...), which is never sent.")
    return parsed


def _host(raw: str, origin: str) -> str:
    """Return the host as it is compared; raises UsageError for an odd spelling."""
    host = raw.lower().removesuffix(".")
    address = _literal(host)
    if address is not None:
        return str(address)
    # 0x7f.1, 2130706433, 127.1: resolvers take them for addresses.
    if not _NAME.fullmatch(host) or _NUMERIC.fullmatch(host.rpartition(".")[2]):
        raise UsageError(
            f"{origin}: the url's host is neither a name nor an address in its usual spelling."
        )
    return host


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _scoped(address: Address) -> bool:
    return isinstance(address, IPv6Address) and address.scope_id is not None
