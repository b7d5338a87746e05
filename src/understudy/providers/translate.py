"""What an exception of the gateway's library means: which error, what to do about it."""

from __future__ import annotations

from typing import Any

from pydantic_ai import exceptions as theirs

from understudy.providers.errors import (
    ProviderBusyError,
    ProviderError,
    ProviderKeyError,
    ProviderLostError,
    ProviderQuotaError,
    ProviderRejectedError,
)
from understudy.redact import redact

_SHOWN = 400  # characters of what a server says

#: The first that fits decides: subclasses stand before their bases.
_KINDS: tuple[tuple[type[Exception], type[ProviderError], str, str], ...] = (
    (theirs.ModelAuthenticationError, ProviderKeyError, "refused the key", "Check the key."),
    (
        theirs.ModelQuotaExceededError,
        ProviderQuotaError,
        "has no credit left",
        "Add credit or raise the limit, then try again.",
    ),
    (theirs.ModelRateLimitError, ProviderBusyError, "is busy", ""),
    (theirs.ModelUnavailableError, ProviderBusyError, "is overloaded", ""),
    (theirs.ModelNotFoundError, ProviderRejectedError, "is not there", "Check the model's name."),
    (theirs.ModelRequestRejectedError, ProviderRejectedError, "refused the request", ""),
    (theirs.ContentFilterError, ProviderRejectedError, "refused the request", ""),
    (theirs.ModelServerError, ProviderLostError, "failed", ""),
    (theirs.ModelConnectionError, ProviderLostError, "cannot be reached or hung up", ""),
    (theirs.ModelAPIError, ProviderLostError, "gave no answer", ""),
    (theirs.UnexpectedModelBehavior, ProviderLostError, "gave no answer", ""),
)


def translated(error: Exception, model: str) -> ProviderError:
    """Return what to raise in its place, without keys; a ProviderError for what nobody knows."""
    said = _said(error)
    for kind, ours, happened, hint in _KINDS:
        if isinstance(error, kind):
            after = getattr(error, "retry_after", None)
            return ours(f"{model} {happened}: {said}", hint=hint, retry_after=after)
    return ProviderError(f"{model} cannot be asked: {type(error).__name__}: {said}")


def _said(error: Exception) -> str:
    """Return the server's own words, or the exception's."""
    body: Any = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        found = inner.get("message") if isinstance(inner, dict) else inner
        if isinstance(found, str) and found:
            return _short(found)
    return _short(str(error) or type(error).__name__)


def _short(text: str) -> str:
    # Without keys first, then short: half a key is not recognised any more.
    clean = redact(" ".join(text.split()))
    return clean if len(clean) <= _SHOWN else clean[:_SHOWN] + "..."
