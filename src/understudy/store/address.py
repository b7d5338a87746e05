"""Where a library is: a file or a PostgreSQL database, and how that is said without a password."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import URL, make_url

from understudy.errors import UsageError

_POSSIBLE = (
    "It is the path of a file, sqlite:///library.db, "
    "or postgresql://user:password@host:5432/database."
)

#: What people write before `://`, and what the engine is called there.
_DRIVERS = MappingProxyType(
    {
        "sqlite": "sqlite+aiosqlite",
        "sqlite+aiosqlite": "sqlite+aiosqlite",
        "postgres": "postgresql+psycopg",
        "postgresql": "postgresql+psycopg",
        "postgresql+psycopg": "postgresql+psycopg",
    }
)

#: How texts begin that name a server and would make a file whose name holds a password.
_NO_PATH = re.compile(
    r"\s*(?:(?:postgres|postgresql|sqlite|mysql|mariadb)[+\w]*(?::|//)"
    r"|(?:.*\s)?(?:host|hostaddr|dbname|user|password)\s*=)",
    re.IGNORECASE | re.DOTALL,
)

#: What may be said of the query of a URL; everything else in it may be secret.
_HARMLESS = frozenset({"host", "port", "dbname", "sslmode"})


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """A database: `url` for the engine, `shown` for people, `path` where it is a file.

    `secrets` must not be seen in anything that is said about it; `what` is what is kept there.
    """

    url: URL
    shown: str
    path: Path | None = None
    secrets: tuple[str, ...] = ()
    what: str = "library"

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    def hide(self, text: str) -> str:
        """Return the text without the secrets of this address."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def parse(text: str) -> Address:
    """Return the address that a path or URL names. Raises UsageError, without the text."""
    if "://" not in text:
        if _NO_PATH.match(text):
            raise UsageError("This is neither a URL nor the path of a file.", hint=_POSSIBLE)
        return _file(text)
    scheme = text.partition("://")[0].lower()
    driver = _DRIVERS.get(scheme)
    if driver is None:
        named = scheme if scheme.replace("+", "").isalnum() else "this"
        raise UsageError(f"A library cannot be kept in {named}.", hint=_POSSIBLE)
    rest = text.partition("://")[2]
    if "@" in rest.partition("/")[2] and not driver.startswith("sqlite"):
        # Half of the password would be taken for the host's name, and shown.
        raise UsageError(
            f"The library's {scheme} URL has an @ after a slash.",
            hint="Write / as %2F and @ as %40 in user and password. " + _POSSIBLE,
        )
    try:
        url = make_url(f"{driver}://{rest}")
    except Exception:
        # What is raised there may quote the password, so it is not kept as the cause.
        raise UsageError(f"The library's {scheme} URL cannot be read.", hint=_POSSIBLE) from None
    if "@" in (url.host or ""):
        raise UsageError(
            f"The library's {scheme} URL has an @ too many.",
            hint="Write / as %2F and @ as %40 in user and password. " + _POSSIBLE,
        )
    if driver.startswith("sqlite"):
        if url.host or url.query:
            raise UsageError("A library's sqlite URL has three slashes and a path.", hint=_POSSIBLE)
        return _file(url.database or "")
    secrets = {url.password, *(one for key in url.query for one in _unsaid(url, key))}
    harmless = {key: value for key, value in url.query.items() if key in _HARMLESS}
    shown = url.set(drivername="postgresql", query=harmless)
    return Address(
        url,
        shown.render_as_string(hide_password=True),
        secrets=tuple(sorted((one for one in secrets if one), key=len, reverse=True)),
    )


def for_runs(address: Address) -> Address:
    """Return where the runs of a library's assistants are kept: beside its file, or with it.

    Its `url` is for drivers that are not asynchronous.
    """
    what = "database of runs"
    if address.path is None:
        return replace(address, what=what)
    path = address.path.with_name(f"{address.path.stem}-runs{address.path.suffix}")
    return Address(URL.create("sqlite", database=str(path)), str(path), path, what=what)


def _unsaid(url: URL, key: str) -> tuple[str, ...]:
    """Return the values of a key in a URL's query that are not to be seen."""
    value = url.query[key]
    values = (value,) if isinstance(value, str) else tuple(value)
    return values if "password" in key else ()


def _file(text: str) -> Address:
    if not text.strip() or text == ":memory:" or "\0" in text:
        raise UsageError("A library needs the path of a file.", hint=_POSSIBLE)
    path = Path(text)
    with suppress(RuntimeError):  # a user whom this machine does not know, or just a name
        path = path.expanduser()
    path = path.absolute()
    return Address(URL.create("sqlite+aiosqlite", database=str(path)), text, path)
