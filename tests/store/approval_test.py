"""Which moves are legal, and what is said about the others."""

from __future__ import annotations

from itertools import product

import pytest

from understudy.architect.approval import GIVES_WAY, MOVES, Action, State, check, check_eyes
from understudy.errors import FourEyesError, MoveError

LEGAL = {
    ("pending_approval", "approved"): "approved",
    ("pending_approval", "rejected"): "rejected",
    ("approved", "disabled"): "disabled",
    ("disabled", "approved"): "enabled",
}


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_a_move_is_legal_or_refused_with_what_is_possible(before: State, after: State) -> None:
    wanted = LEGAL.get((before.value, after.value))
    if wanted is not None:
        assert check(before, after) is Action(wanted)
        return
    with pytest.raises(MoveError) as caught:
        check(before, after, what="Version 2 of Bot")
    assert caught.value.message.startswith("Version 2 of Bot ")
    assert "cannot be" in caught.value.message
    assert caught.value.hint


def test_what_was_rejected_or_superseded_never_moves_again() -> None:
    assert not {before for before, _ in MOVES} & {State.REJECTED, State.SUPERSEDED}
    assert {State.APPROVED, State.DISABLED} == GIVES_WAY


@pytest.mark.parametrize("actor", ["ann", "Ann ", "", " "])
def test_who_imports_does_not_approve(actor: str) -> None:
    with pytest.raises(FourEyesError, match="may not approve"):
        check_eyes("ann", actor)
    with pytest.raises(FourEyesError):
        check_eyes("", actor)
    check_eyes("ann", "bob")
