"""Everything that can go wrong, as one tree.

UnderstudyError            what happened, to what, and what to do next; carries the exit code
├── UsageError             the request itself is off: options, settings, keys       (64)
├── SelectionError         nothing, or not everything, that was asked for exists     (1)
├── SnapshotError          a file or folder that cannot be read as what it should be (1)
├── StalePlanError         a saved plan no longer fits the places                    (1)
├── OutputError            a report, plan or snapshot could not be written           (1)
├── BusySyncError          a sync of the same registry is running                    (1)
├── LimitedError           the service has no key to sync with; reading works         (1)
├── RefusedSyncError       what a sync found must not replace the last good copy     (1)
│   └── DeniedSyncError        its gate said no, or nothing that counts               (1)
├── SignatureError         a webhook's body is not what was signed, or not lately    (1)
├── StoreError             the library's database cannot be reached, read or written (1)
│   ├── NewerStoreError        a newer version of Understudy wrote it                 (1)
│   └── AbsentStoreError       there is no such file; none was made                   (1)
├── MoveError              a version's state does not allow what was asked           (1)
│   ├── FourEyesError          who imported a version may not approve it              (1)
│   └── StaleVersionError      a version is not the one that was reviewed             (1)
├── InvalidDocumentError   an Architect document has errors; nothing of it is used   (1)
├── InputsError            what was entered into a form does not fit it              (64)
├── NotInForceError        nothing of an assistant is approved, or it is disabled    (1)
├── InterruptedRunError    stopped by the user                                       (130)
└── PlaceError             a place refused, failed, or could not be reached
    ├── AuthenticationError    key, organization or project refused: stop the run    (4)
    │   └── ForbiddenError         the key is good, and not for this                 (4)
    ├── QuotaError             no credit left: stop the run                          (5)
    ├── EndpointGoneError      the collection itself is not there: stop the run      (6)
    ├── ClosedError            busy for longer than anybody waits: stop the run          (1)
    ├── RejectedError          this one request was refused; others may go on        (1)
    ├── MissingError           this one assistant is not there                       (1)
    ├── BusyError              not carried out, try again (rate limit)               (1)
    ├── UnreachableError       not carried out, nobody answered the connection       (1)
    └── LostAnswerError        carried out or not: nobody knows (time-out, 5xx)      (1)

The names say what a caller should do, never which vendor said it.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller; fixed once published."""

    DONE = 0
    FAILURE = 1
    CHANGES = 2
    PARTLY = 3
    AUTHENTICATION = 4
    QUOTA = 5
    GONE = 6
    USAGE = 64
    INTERRUPTED = 130


class UnderstudyError(Exception):
    """`message` says what happened and to what; `hint` says what to do next, or is empty."""

    exit_code: ExitCode = ExitCode.FAILURE

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(UnderstudyError):
    """The request is off: an option, a setting, a key, a profile."""

    exit_code = ExitCode.USAGE


class SelectionError(UnderstudyError):
    """An id that does not exist, or a pattern that matches nothing."""


class SnapshotError(UnderstudyError):
    """A snapshot or plan that cannot be read; the message names file, line and column."""


class StalePlanError(UnderstudyError):
    """A saved plan whose source or destination has changed since."""


class OutputError(UnderstudyError):
    """Something that had to be written to disk was not; nothing half-written is left."""


class BusySyncError(UnderstudyError):
    """A sync of the same registry is running; it is not begun twice."""


class LimitedError(UnderstudyError):
    """There is no key to sync with; what is there can be read."""


class RefusedSyncError(UnderstudyError):
    """What a sync found must not replace the last good copy, which is as it was."""


class DeniedSyncError(RefusedSyncError):
    """The gate did not approve what a sync found; the last good copy is as it was."""


class SignatureError(UnderstudyError):
    """A webhook's signature is missing, does not fit, or is too old: do not act on the body."""


class StoreError(UnderstudyError):
    """The library's database was not reached, read or written; nothing half-done is left."""


class NewerStoreError(StoreError):
    """A newer version of Understudy has changed the database's form; it is not touched."""


class AbsentStoreError(StoreError):
    """There is no such file, and none was made. `unused`: nobody named it, and nobody missed it.

    What was only not used yet is as good as empty.
    """

    def __init__(self, message: str, *, hint: str, unused: bool) -> None:
        super().__init__(message, hint=hint)
        self.unused = unused


class InputsError(UnderstudyError):
    """What was entered into a form does not fit it; nothing was asked."""

    exit_code = ExitCode.USAGE


class MoveError(UnderstudyError):
    """A version is in a state that does not allow what was asked; nothing was changed."""


class FourEyesError(MoveError):
    """Who imported a version asked to approve it, and somebody else has to."""


class StaleVersionError(MoveError):
    """The version's content is not what was reviewed."""


class IdempotencyError(MoveError):
    """An idempotency key came again with another request."""


class InvalidDocumentError(UnderstudyError):
    """An Architect document has errors; nothing of it was stored or approved."""


class NotInForceError(UnderstudyError):
    """No version of an assistant may be used: none was approved, or it is disabled."""


class InterruptedRunError(UnderstudyError):
    """The user asked to stop."""

    exit_code = ExitCode.INTERRUPTED


class PlaceError(UnderstudyError):
    """A place said no, failed, or stayed silent.

    `retry_after` is in seconds and set only where the place named a time. `param` is the
    request field that a refusal names, `code` the place's own word for it.
    """

    #: The whole run ends: going on could only fail the same way.
    stops_run: bool = False
    #: Repeating a read or an idempotent write may help.
    transient: bool = False
    #: The request was certainly not carried out, so even a create may be repeated.
    not_done: bool = True

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.param = param
        self.retry_after = retry_after


class AuthenticationError(PlaceError):
    """Key, organization or project refused."""

    exit_code = ExitCode.AUTHENTICATION
    stops_run = True


class ForbiddenError(AuthenticationError):
    """The key is known and may not do this."""


class QuotaError(PlaceError):
    """No credit or budget left; waiting does not help."""

    exit_code = ExitCode.QUOTA
    stops_run = True


class EndpointGoneError(PlaceError):
    """The collection itself does not exist there: a wrong address, or an API that was removed."""

    exit_code = ExitCode.GONE
    stops_run = True


class ClosedError(PlaceError):
    """Busy for longer than anybody waits; every other request would hear the same."""

    stops_run = True


class RejectedError(PlaceError):
    """This request was refused for what it says."""


class MissingError(PlaceError):
    """The one thing asked for is not there."""


class BusyError(PlaceError):
    """Rate limited: not carried out, and worth repeating after a pause."""

    transient = True


class UnreachableError(PlaceError):
    """No connection was made, so nothing was carried out."""

    transient = True


class LostAnswerError(PlaceError):
    """The connection broke, timed out, or the server failed: it may have been carried out."""

    transient = True
    not_done = False
