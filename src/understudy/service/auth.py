"""Who may do what: keys, kept as digests, and their scopes."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from pydantic import SecretStr

from understudy.errors import UsageError

READ = "read"
READ_FULL = "read:full"
SYNC = "sync"
ADMIN = "admin"
ARCHITECT_READ = "architect:read"
IMPORT = "architect:import"
APPROVE = "architect:approve"
RUN = "architect:run"

#: What each scope brings along.
SCOPES: dict[str, frozenset[str]] = {
    READ: frozenset({READ}),
    READ_FULL: frozenset({READ, READ_FULL}),
    SYNC: frozenset({READ, SYNC}),
    ADMIN: frozenset({READ, READ_FULL, SYNC, ADMIN, ARCHITECT_READ, IMPORT, APPROVE, RUN}),
    ARCHITECT_READ: frozenset({ARCHITECT_READ}),
    IMPORT: frozenset({ARCHITECT_READ, IMPORT}),
    APPROVE: frozenset({ARCHITECT_READ, APPROVE}),
    RUN: frozenset({RUN}),
}

_SHORTEST = 16  # characters
_VARIABLE = "UNDERSTUDY_API_KEYS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key, or whoever sits at this machine."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Tell whether a scope was given."""
        return scope in self.scopes


#: Without keys the service listens on loopback alone, and whoever is there may do everything.
LOCAL = Caller("local", SCOPES[ADMIN])


class Keys:
    """The callers by the digests of their keys."""

    def __init__(self, callers: Iterable[tuple[bytes, Caller]]) -> None:
        self._callers = tuple(callers)

    def __bool__(self) -> bool:
        return bool(self._callers)

    def find(self, key: bytes) -> Caller | None:
        """Return whose key it is; takes as long for a wrong one as for a right one."""
        digest = sha256(key).digest()
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        return found


def parse_keys(text: SecretStr | None) -> Keys:
    """Return the keys of NAME:SCOPE+SCOPE:KEY, divided by spaces or commas; raises UsageError."""
    words = re.split(r"[\s,]+", text.get_secret_value().strip()) if text else []
    callers = [_caller(word, number) for number, word in enumerate(filter(None, words), 1)]
    names = [caller.name for _, caller in callers]
    digests = [digest for digest, _ in callers]
    if len(set(names)) < len(names) or len(set(digests)) < len(digests):
        raise UsageError(f"{_VARIABLE} has a name or a key twice.")
    return Keys(callers)


def _caller(word: str, number: int) -> tuple[bytes, Caller]:
    """Return one entry; no message repeats it, since the key stands in it."""
    name, _, rest = word.partition(":")
    scopes, _, key = rest.rpartition(":")
    where = f"{_VARIABLE}, entry {number}"
    if not (_NAME.fullmatch(name) and scopes and key):
        raise UsageError(
            f"{where} is not NAME:SCOPE+SCOPE:KEY.",
            hint="Such as app:read+read:full:0123456789abcdef0123456789abcdef.",
        )
    if len(key) < _SHORTEST:
        raise UsageError(f"{where} ({name}): a key has at least {_SHORTEST} characters.")
    unknown = [scope for scope in scopes.split("+") if scope not in SCOPES]
    if unknown:
        raise UsageError(
            f"{where} ({name}): there is no scope {unknown[0]!r}.",
            hint=f"Known are {', '.join(SCOPES)}.",
        )
    given: frozenset[str] = frozenset().union(*(SCOPES[scope] for scope in scopes.split("+")))
    return sha256(key.encode()).digest(), Caller(name, given)
