"""Listing by pages: in the order of code points on both databases, nothing twice, nothing lost."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from databases import incoming
from understudy.architect.approval import State
from understudy.store.library import Library

#: What a name may hold, the odd more often than the even.
LETTERS = st.sampled_from("aAbBzZéÉßSsıİiI%_\\/'\"`;-日本語ﬁ😀\uffff \u00a0") | st.characters(
    exclude_categories=("Cc", "Cs")
)
NAMES = st.sets(
    st.text(LETTERS, min_size=1, max_size=12).map(lambda name: unicodedata.normalize("NFC", name)),
    min_size=1,
    max_size=30,
)


async def names(
    library: Library, *, limit: int = 100, state: State | None = None, contains: str = ""
) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = await library.page(limit=limit, after=after, state=state, contains=contains)
        assert len(page.items) <= limit
        found += [kept.name for kept in page.items]
        if not page.next:
            return found
        after = page.next


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=NAMES, limit=st.integers(1, 50), piece=st.text(LETTERS, max_size=2))
@example(some={"a", "A", "é", "e\u0301".upper(), "%", "_", "'", "😀", "\uffff"}, limit=1, piece="%")
@example(some={"a_b", "aXb", "a\\b", "a/b"}, limit=2, piece="_")
@example(some={"a/b"}, limit=2, piece="\\")
async def test_pages_are_the_names_sorted_by_code_point(
    library: Library, some: set[str], limit: int, piece: str
) -> None:
    await library.add([incoming(name) for name in some], actor="ann", source="file")
    listed = await names(library, limit=limit)
    assert listed == sorted(listed)
    assert some <= set(listed)
    assert len(listed) == len(set(listed))
    wanted = [name for name in listed if piece.casefold() in name.casefold()]
    assert await names(library, limit=limit, contains=piece) == wanted
    for name in some:
        assert (await library.find(name)).name == name


async def test_ten_thousand_assistants_are_imported_and_listed(library: Library) -> None:
    wanted = [f"Bot {number}" for number in range(10_000)]
    await library.add([incoming(name) for name in wanted], actor="ann", source="file")
    assert await names(library, limit=500) == sorted(wanted)
    assert await names(library, contains="9999") == ["Bot 9999"]
    again = await library.add([incoming(name) for name in wanted], actor="ann", source="file")
    assert again.unchanged == 10_000


async def test_a_state_is_that_of_the_latest_version_or_of_the_one_in_force(
    library: Library,
) -> None:
    everyone = ["pending", "approved", "rejected", "disabled", "updated"]
    await library.add([incoming(name) for name in everyone], actor="ann", source="file")
    for name in ("approved", "disabled", "updated"):
        await library.move(name, State.APPROVED, actor="bob")
    await library.move("disabled", State.DISABLED, actor="bob")
    await library.move("rejected", State.REJECTED, actor="bob")
    await library.add([incoming("updated", "B")], actor="ann", source="file")
    assert await names(library, state=State.PENDING, limit=1) == ["pending", "updated"]
    assert await names(library, state=State.APPROVED, limit=1) == ["approved", "updated"]
    assert await names(library, state=State.REJECTED) == ["rejected"]
    assert await names(library, state=State.DISABLED) == ["disabled"]
    assert await names(library, state=State.SUPERSEDED) == []


@pytest.mark.parametrize("odd", ["\0", "\ud800", "x" * 100_000])
async def test_what_no_name_can_hold_is_found_nowhere(library: Library, odd: str) -> None:
    await library.add([incoming("Bot")], actor="ann", source="file")
    assert await names(library, contains=odd) == []


async def test_assistants_that_come_and_go_between_pages_move_nobody(library: Library) -> None:
    await library.add([incoming(name) for name in "bdfh"], actor="ann", source="file")
    first = await library.page(limit=2)
    await library.delete("d", actor="bob")
    await library.add([incoming(name) for name in "aceg"], actor="ann", source="file")
    rest = await library.page(limit=10, after=first.next)
    assert [kept.name for kept in rest.items] == ["e", "f", "g", "h"]
