"""What drivers say, translated once: what happened, to which database, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from understudy.errors import StoreError
from understudy.store.address import Address

_LONGEST = 300  # characters of a driver's own words

_FILE = "Check who owns the file and its folder, and whether they may be written."
_AGAIN = "Try again."

#: A piece of what a driver says in lower case, what that means, and what to do.
_KINDS: tuple[tuple[str, str, str], ...] = (
    ("not a database", "is no SQLite database", "Name another file."),
    ("malformed", "is damaged", "Restore it from a backup, or name another file."),
    ("readonly database", "may not be written", _FILE),
    ("unable to open database", "cannot be opened", _FILE),
    ("database or disk is full", "cannot grow: the disk is full", "Make room, and try again."),
    ("disk i/o error", "cannot be read or written: the disk fails or is full", "Check the disk."),
    ("database is locked", "is held by another process", "Try again once that has ended."),
    ("lock timeout", "is held by another process", "Try again once that has ended."),
    ("password authentication failed", "refused user or password", "Check both in the URL."),
    ("no password supplied", "wants a password", "Give it in the URL, or in PGPASSWORD."),
    ("pg_hba.conf", "does not let this user in from here", "Ask who runs the server."),
    ("role ", "does not know the user, or does not let it in", "Check the user in the URL."),
    ("connection refused", "was not reached: nobody answers there", "Is the server running?"),
    ("no such file or directory", "was not reached: no such socket", "Is the server running?"),
    ("resolve host", "was not reached: no such host", "Check the host in the URL."),
    ("translate host name", "was not reached: no such host", "Check the host in the URL."),
    ("timeout expired", "was not reached in time", "Check host and port in the URL."),
    ("connection timeout", "was not reached in time", "Check host and port in the URL."),
    ("too many clients", "has too many connections", "Try again, or allow the server more."),
    ("connection slots", "has too many connections", "Try again, or allow the server more."),
    ("no space left", "cannot grow: the disk is full", "Make room, and try again."),
    ("disk full", "cannot grow: the disk is full", "Make room, and try again."),
    ("permission denied", "does not let this user do that", "GRANT it CREATE on the schema."),
    ("no schema has been selected", "does not let this user do that", "GRANT it a schema."),
    ("read-only transaction", "may not be written", "Connect to the server that takes writes."),
    ("deadlock detected", "was busy with others", _AGAIN),
    ("terminating connection", "ended the connection; nothing was changed", _AGAIN),
    ("server closed the connection", "ended the connection; nothing was changed", _AGAIN),
    ("the connection is lost", "ended the connection; nothing was changed", _AGAIN),
    ("the database system is", "is starting or stopping", _AGAIN),
    ('" does not exist', "does not exist", "Create the database, or check its name in the URL."),
)


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Turn what the driver and the file system raise within into StoreError."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreError(f"The {address.what} {address.shown} is too busy.", hint=_AGAIN) from error
    except DBAPIError as error:
        raise failure(str(error.orig), address) from error
    except SQLAlchemyError as error:
        raise failure(str(error), address) from error
    except ModuleNotFoundError as error:
        raise StoreError(
            f"The {address.what} {address.shown} needs a driver that is not installed: "
            f"{error.name}.",
            hint="pip install 'understudy[postgres]'",
        ) from error
    except ImportError as error:  # psycopg is there, and finds no libpq
        raise StoreError(
            f"The {address.what} {address.shown} needs a driver that does not load.",
            hint="pip install 'understudy[postgres]'",
        ) from error
    except UnicodeEncodeError as error:
        raise StoreError(
            f"The {address.what} {address.shown} was given text that is not Unicode, "
            "a half of a surrogate pair; nothing was changed."
        ) from error
    except OSError as error:
        words = address.hide(error.strerror or str(error))
        raise StoreError(
            f"The {address.what} {address.shown} failed: {words}.", hint=_FILE
        ) from error


def failure(said: str, address: Address) -> StoreError:
    """Return the error for what a driver said."""
    lowered = said.lower()
    for piece, what, hint in _KINDS:
        if piece in lowered:
            return StoreError(f"The {address.what} {address.shown} {what}.", hint=hint)
    lines = [line for line in said.splitlines() if line.strip()] or ["it does not say why"]
    words = address.hide(lines[0])[:_LONGEST].rstrip(". ")
    return StoreError(f"The {address.what} {address.shown} failed: {words}.")
