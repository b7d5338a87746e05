"""Everything that goes wrong in one shape: a code for machines, words for people, an id, a time."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from understudy.architect.limits import MOST_BYTES
from understudy.errors import (
    BusySyncError,
    DeniedSyncError,
    LimitedError,
    PlaceError,
    RefusedSyncError,
    UnderstudyError,
)
from understudy.redact import redact
from understudy.service.replies import JSON, Header, Reply, now

#: Codes of statuses that need no more words than their own.
_CODES: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "This request cannot be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    408: ("too_slow", "The request's body did not arrive in time."),
    415: ("unsupported_media_type", "The body must be JSON."),
    422: ("invalid_request", "The request does not fit."),
    429: ("too_many_requests", "Too many requests."),
    500: ("internal_error", "Something went wrong here; the log says what."),
}


#: What becomes of a sync's errors; the first kind that fits counts.
_SYNCS: tuple[tuple[type[UnderstudyError], tuple[int, str]], ...] = (
    (BusySyncError, (409, "sync_running")),
    (DeniedSyncError, (409, "sync_denied")),
    (RefusedSyncError, (409, "sync_refused")),
    (LimitedError, (503, "limited_mode")),
    (PlaceError, (502, "source_failed")),
    (UnderstudyError, (500, "sync_failed")),
)


class ProblemError(Exception):
    """An answer that is no success; `more` are further fields of the error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.headers = headers or {}
        self.more = more or {}


def plain(status: int, *, headers: Mapping[str, str] | None = None) -> ProblemError:
    """Return the problem of a status that explains itself."""
    code, message = _CODES.get(status, ("error", f"The request ended with {status}."))
    return ProblemError(status, code, message, headers=headers)


def document_too_large() -> ProblemError:
    """Return the refusal of an Architect document that is too large."""
    return ProblemError(
        413,
        "file_too_large",
        f"File too large: at most {MOST_BYTES:,} bytes (10 MB) are read.",
        hint="Reduce file size or split into multiple files.",
        headers={"Connection": "close"},
    )


def of_sync(error: UnderstudyError, more: Mapping[str, Any]) -> ProblemError:
    """Return what to answer when a sync did not come about; the last good copy is still there.

    `more` says how old it is.
    """
    status, code = next(about for kind, about in _SYNCS if isinstance(error, kind))
    headers = {}
    if isinstance(error, BusySyncError):
        headers = {"Retry-After": "5"}
    elif isinstance(error, PlaceError) and error.retry_after is not None:
        headers = {"Retry-After": str(math.ceil(error.retry_after))}
    message, hint = redact(error.message), redact(error.hint)
    return ProblemError(status, code, message, hint=hint, headers=headers, more=more)


def render(problem: ProblemError, request_id: str) -> Reply:
    """Return the answer."""
    error: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.hint:
        error["hint"] = problem.hint
    fields = {
        "success": False,
        "error": {**error, **problem.more},
        "requestId": request_id,
        "timestamp": now(),
    }
    body = json.dumps(fields, separators=(",", ":")).encode()
    headers: list[Header] = [JSON, (b"cache-control", b"no-store")]
    headers += [(k.lower().encode(), v.encode("latin-1")) for k, v in problem.headers.items()]
    return Reply(problem.status, (body,), tuple(headers))
