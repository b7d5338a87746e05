"""The states of an imported version, and which moves between them are legal. Pure."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from understudy.errors import FourEyesError, MoveError


class State(StrEnum):
    """What a version may be used for: only an approved one is in force."""

    PENDING = "pending_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    DISABLED = "disabled"
    SUPERSEDED = "superseded"


class Action(StrEnum):
    """What is kept in an assistant's history."""

    IMPORTED = "imported"
    APPROVED = "approved"
    REJECTED = "rejected"
    DISABLED = "disabled"
    ENABLED = "enabled"
    SUPERSEDED = "superseded"
    DELETED = "deleted"


#: What somebody may ask for: from which state to which, and what that is called.
MOVES = MappingProxyType(
    {
        (State.PENDING, State.APPROVED): Action.APPROVED,
        (State.PENDING, State.REJECTED): Action.REJECTED,
        (State.APPROVED, State.DISABLED): Action.DISABLED,
        (State.DISABLED, State.APPROVED): Action.ENABLED,
    }
)

#: Which states end, without anybody's asking, when another version is approved.
GIVES_WAY = frozenset({State.APPROVED, State.DISABLED})

_WORDS = MappingProxyType(
    {
        State.PENDING: "waits for approval",
        State.APPROVED: "is approved",
        State.REJECTED: "was rejected",
        State.DISABLED: "is disabled",
        State.SUPERSEDED: "was superseded by another version",
    }
)

_ASKED = MappingProxyType(
    {
        State.PENDING: "sent back to pending_approval",
        State.APPROVED: "approved",
        State.REJECTED: "rejected",
        State.DISABLED: "disabled",
        State.SUPERSEDED: "superseded but by approving another version",
    }
)

_POSSIBLE = MappingProxyType(
    {
        State.PENDING: "It can be approved or rejected.",
        State.APPROVED: "It can be disabled, or another version approved in its place.",
        State.REJECTED: "That is final: import a changed assistant, which is a new version.",
        State.DISABLED: "It can be enabled, or another version approved in its place.",
        State.SUPERSEDED: "Import its content again, which makes a new version to approve.",
    }
)


def described(state: State) -> str:
    """Return a state as the end of a sentence that begins with the version."""
    return _WORDS[state]


def possible(state: State) -> str:
    """Return, as a sentence, what can be done with a version in this state."""
    return _POSSIBLE[state]


def check(state: State, to: State, *, what: str = "This version") -> Action:
    """Return what the move is called; raises MoveError saying what is possible instead."""
    action = MOVES.get((state, to))
    if action is None:
        again = " again" if state is to else ""
        raise MoveError(
            f"{what} {_WORDS[state]}; it cannot be {_ASKED[to]}{again}.", hint=_POSSIBLE[state]
        )
    return action


def check_eyes(imported_by: str, actor: str, *, what: str = "This version") -> None:
    """Raise FourEyesError unless who imported and who approves are known, and not the same."""
    one, other = (name.strip() for name in (imported_by, actor))
    if not one or not other or one.casefold() == other.casefold():
        raise FourEyesError(
            f"{what} was imported by {one or 'somebody unknown'}; "
            f"{other or 'somebody unknown'} may not approve it.",
            hint="Somebody else has to approve it.",
        )
