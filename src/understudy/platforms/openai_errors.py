"""What a refusal on the OpenAI wire means: which error, what to do about it, when to try again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from understudy.errors import (
    AuthenticationError,
    BusyError,
    EndpointGoneError,
    ForbiddenError,
    LostAnswerError,
    MissingError,
    PlaceError,
    QuotaError,
    RejectedError,
)
from understudy.redact import redact

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

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
_ABSENT_HINT = (
    "This server has no such endpoint. If it should have one, check base_url (it usually ends "
    "in /v1)."
)

#: How servers say that they keep the bytes of a file to themselves; some do with 403, which
#: otherwise means that the key is no good.
_KEPT = re.compile(
    r"\bnot (allowed|permitted) to (be )?download|\bcan ?not be downloaded|\bnot downloadable"
    r"|\bdownload(s|ing)?\b.{0,60}\b(is|are) not (allowed|permitted)",
    re.IGNORECASE,
)

#: How servers say that a key is restricted; some do with 401.
_SCOPES = re.compile(r"\binsufficient permissions\b|\bmissing scopes\b", re.IGNORECASE)


def classify(
    status: int, code: str, said: str, path: str, *, collection: bool
) -> tuple[type[PlaceError], str]:
    """Return which error an answer about a path is, and what to do about it."""
    if status == 403 and _KEPT.search(said):
        return RejectedError, ""
    if status in (401, 403):
        kind = ForbiddenError if status == 403 or _SCOPES.search(said) else AuthenticationError
        return kind, (
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
            gone = _GONE_HINT if path.startswith("/assistants") else _ABSENT_HINT
            return EndpointGoneError, gone
        return MissingError, "It was deleted meanwhile, or belongs to another project."
    if status in (408, 409) or status >= 500:
        return LostAnswerError, ""
    return RejectedError, ""


def refusal(content: bytes) -> dict[str, Any]:
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


def retry_after(headers: CIMultiDictProxy[str]) -> float | None:
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
