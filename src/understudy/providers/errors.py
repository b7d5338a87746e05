"""Everything that can go wrong with a model provider, as one tree below UnderstudyError.

ProviderError              a provider refused, failed, or could not be reached     (1)
├── ProviderKeyError       the key is refused: ask nobody again                    (4)
├── ProviderQuotaError     no credit left: ask nobody again                        (5)
├── ProviderRejectedError  this request, or the answer to it, is refused           (1)
├── ProviderBusyError      not carried out, try again (rate limit, overload)       (1)
└── ProviderLostError      no whole answer: the connection broke, the server failed (1)
"""

from __future__ import annotations

from understudy.errors import ExitCode, UnderstudyError


class ProviderError(UnderstudyError):
    """A model provider gave no answer; `retry_after` is in seconds, set where it named a time."""

    #: The same request may succeed later.
    retryable: bool = False
    #: Every other request to this provider would fail the same way.
    fatal: bool = False

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class ProviderKeyError(ProviderError):
    """Key or project refused."""

    exit_code = ExitCode.AUTHENTICATION
    fatal = True


class ProviderQuotaError(ProviderError):
    """No credit left; waiting does not help."""

    exit_code = ExitCode.QUOTA
    fatal = True


class ProviderRejectedError(ProviderError):
    """The request was refused for what it says, or its answer was cut off by a rule."""


class ProviderBusyError(ProviderError):
    """Rate limited or overloaded: not carried out."""

    retryable = True


class ProviderLostError(ProviderError):
    """No whole answer came; it may have been paid for."""

    retryable = True
