"""Importing, approving and deleting, on both databases."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from databases import incoming
from understudy.architect.approval import Action, State
from understudy.errors import (
    FourEyesError,
    MoveError,
    NotInForceError,
    SelectionError,
    StaleVersionError,
    StoreError,
    UsageError,
)
from understudy.store.library import Library
from understudy.store.records import Batch, Change, Incoming, Which

APPROVED, REJECTED, DISABLED = State.APPROVED, State.REJECTED, State.DISABLED


async def add(library: Library, *items: Incoming, actor: str = "ann") -> Batch:
    return await library.add(items, actor=actor, source="file.json")


async def states(library: Library, key: str = "Bot") -> list[str]:
    """Return the states of the versions, the first version's first."""
    return [one.state.value for one in await library.versions(key)][::-1]


async def test_what_is_imported_is_kept_and_waits_for_approval(library: Library) -> None:
    item = incoming(
        "Bot", "\\u0000 é", description="Helps\0\ud800", prompts=3, inputs=2, models=("a", "b")
    )
    batch = await library.add([item], actor="ann", source="bots.json", file_digest="d1", failed=2)
    assert (batch.created, batch.updated, batch.unchanged, batch.failed) == (1, 0, 0, 2)
    [done] = batch.items
    assert (done.change, done.version, done.state) == (Change.CREATED, 1, State.PENDING)
    version = await library.version("Bot")
    assert version.content == item.content
    assert (version.digest, version.size) == (item.digest, len(item.content.encode()))
    assert (version.prompts, version.inputs, version.models) == (3, 2, ("a", "b"))
    assert version.description == "Helps\ufffd\ufffd"
    assert (version.imported_by, version.batch_id) == ("ann", batch.id)
    kept = await library.find(done.id)
    assert kept == await library.find("Bot")
    assert (kept.latest.number, kept.in_force, kept.pending) == (1, None, 1)
    [told] = await library.batches()
    assert (told.source, told.file_digest, told.failed, told.items) == ("bots.json", "d1", 2, ())
    [event] = await library.history("Bot")
    assert (event.action, event.from_state, event.to_state) == (
        Action.IMPORTED,
        None,
        State.PENDING,
    )


async def test_the_same_again_is_unchanged_and_something_else_a_new_version(
    library: Library,
) -> None:
    for content, change, number in (
        ("A", Change.CREATED, 1),
        ("A", Change.UNCHANGED, 1),
        ("B", Change.UPDATED, 2),
        ("A", Change.UPDATED, 3),
    ):
        [done] = (await add(library, incoming("Bot", content))).items
        assert (done.change, done.version) == (change, number)
    assert await states(library) == ["pending_approval"] * 3


async def test_what_is_in_force_is_unchanged_also_when_a_newer_version_waits(
    library: Library,
) -> None:
    await add(library, incoming("Bot", "A"))
    await library.move("Bot", APPROVED, actor="bob")
    await add(library, incoming("Bot", "B"))
    [done] = (await add(library, incoming("Bot", "A"))).items
    assert (done.change, done.version, done.state) == (Change.UNCHANGED, 1, APPROVED)


async def test_what_was_rejected_is_not_proposed_again_unless_it_changes(
    library: Library,
) -> None:
    await add(library, incoming("Bot", "A"))
    await library.move("Bot", REJECTED, actor="bob", reason="rude")
    [done] = (await add(library, incoming("Bot", "A"))).items
    assert (done.change, done.state) == (Change.UNCHANGED, REJECTED)


async def test_what_was_superseded_comes_back_by_importing_it_again(library: Library) -> None:
    await add(library, incoming("Bot", "A"))
    await add(library, incoming("Bot", "B"))
    await library.move("Bot", APPROVED, actor="bob", number=2)
    await library.move("Bot", APPROVED, actor="bob", number=1)
    with pytest.raises(MoveError, match="superseded") as caught:
        await library.move("Bot", APPROVED, actor="bob", number=2)
    assert "Import its content again" in caught.value.hint
    [done] = (await add(library, incoming("Bot", "B"))).items
    assert (done.change, done.version) == (Change.UPDATED, 3)


async def test_a_name_that_comes_twice_in_a_file_is_compared_with_itself(library: Library) -> None:
    batch = await add(library, *(incoming("Bot", content) for content in "AAB"))
    assert [(one.change.value, one.version) for one in batch.items] == [
        ("created", 1),
        ("unchanged", 1),
        ("updated", 2),
    ]
    assert len({one.id for one in batch.items}) == 1


REFUSING = {
    "sqlite": (
        "CREATE TRIGGER refuse BEFORE INSERT ON architect_versions "
        "WHEN new.content LIKE '%boom%' BEGIN SELECT RAISE(ABORT, 'refused'); END"
    ),
    "postgresql": (
        "ALTER TABLE architect_versions ADD CONSTRAINT refuse CHECK (content NOT LIKE '%boom%')"
    ),
}


async def test_an_import_that_fails_in_the_middle_stores_nothing(
    library: Library, engine: str
) -> None:
    await add(library, incoming("Bot 1"))
    async with library._database.writing() as connection:
        await connection.execute(text(REFUSING[engine]))
    items = [incoming(f"Bot {number}", "boom" if number == 50 else "B") for number in range(100)]
    with pytest.raises(StoreError, match="refuse") as caught:
        await add(library, *items)
    assert "boom" not in str(caught.value)
    assert [kept.name for kept in (await library.page()).items] == ["Bot 1"]
    assert (await library.find("Bot 1")).latest.number == 1
    assert len(await library.batches()) == 1
    assert len(await library.history("Bot 1")) == 1


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
async def test_text_that_no_database_holds_is_refused(library: Library, odd: str) -> None:
    for item in (incoming(f"Bot{odd}"), Incoming("Bot", "", "d", f'"{odd}"')):
        with pytest.raises(StoreError, match="no library can hold"):
            await add(library, incoming("Good"), item)
    assert (await library.page()).items == ()


async def test_ten_megabytes_and_no_assistant_at_all_are_imported(library: Library) -> None:
    large = incoming("Large", "é\\u0000" * 1_250_000)
    await add(library, large)
    assert (await library.version("Large")).content == large.content
    batch = await library.add([], actor="ann", source="bad.json", failed=3)
    assert (batch.items, batch.failed) == ((), 3)


async def test_approving_puts_a_version_in_force_until_another_one_is(library: Library) -> None:
    await add(library, incoming("Bot", "A"))
    moved = await library.move("Bot", APPROVED, actor="bob", reason="good")
    assert (moved.action, moved.from_state, moved.superseded) == (
        Action.APPROVED,
        State.PENDING,
        None,
    )
    await add(library, incoming("Bot", "B"))
    assert (await library.in_force("Bot")).number == 1
    moved = await library.move("Bot", APPROVED, actor="bob")
    assert (moved.version.number, moved.superseded) == (2, 1)
    assert (await library.in_force("Bot")).content == incoming("Bot", "B").content
    assert await states(library) == ["superseded", "approved"]
    told = [(one.version, one.action.value, one.actor) for one in await library.history("Bot")]
    assert told == [
        (2, "approved", "bob"),
        (1, "superseded", "bob"),
        (2, "imported", "ann"),
        (1, "approved", "bob"),
        (1, "imported", "ann"),
    ]
    assert (await library.history("Bot", limit=4))[-1].reason == "good"


async def test_a_disabled_assistant_serves_nothing_until_it_is_enabled(library: Library) -> None:
    for content in "AB":
        await add(library, incoming("Bot", content))
        await library.move("Bot", APPROVED, actor="bob")
    await library.move("Bot", DISABLED, actor="bob")
    with pytest.raises(NotInForceError, match=r"Bot is disabled \(version 2\)"):
        await library.in_force("Bot")
    assert await states(library) == ["superseded", "disabled"]
    moved = await library.move("Bot", APPROVED, actor="bob")
    assert (moved.action, moved.version.number) == (Action.ENABLED, 2)
    assert (await library.in_force("Bot")).number == 2


async def test_of_a_disabled_version_and_a_newer_one_the_newer_is_approved_unless_named(
    library: Library,
) -> None:
    await add(library, incoming("Bot", "A"))
    await library.move("Bot", APPROVED, actor="bob")
    await library.move("Bot", DISABLED, actor="bob")
    await add(library, incoming("Bot", "B"))
    assert (await library.move("Bot", APPROVED, actor="bob", number=1)).action is Action.ENABLED
    await library.move("Bot", DISABLED, actor="bob")
    assert (await library.move("Bot", APPROVED, actor="bob")).version.number == 2
    assert await states(library) == ["superseded", "approved"]


async def test_an_older_version_is_never_approved_unless_it_is_named(library: Library) -> None:
    await add(library, incoming("Bot", "A"), incoming("Bot", "B"))
    await library.move("Bot", APPROVED, actor="bob")
    assert (await library.find("Bot")).pending is None
    with pytest.raises(MoveError, match=r"Version 2 of Bot is approved; it cannot .* again"):
        await library.move("Bot", APPROVED, actor="bob")
    assert (await library.move("Bot", APPROVED, actor="bob", number=1)).superseded == 2


@pytest.mark.parametrize("to", [DISABLED, State.PENDING, State.SUPERSEDED])
async def test_what_cannot_be_asked_of_a_pending_version_changes_nothing(
    library: Library, to: State
) -> None:
    await add(library, incoming("Bot"))
    with pytest.raises(MoveError, match="waits for approval") as caught:
        await library.move("Bot", to, actor="bob")
    assert "approved or rejected" in caught.value.hint
    assert await states(library) == ["pending_approval"]
    assert len(await library.history("Bot")) == 1


async def test_only_what_was_reviewed_is_approved(library: Library) -> None:
    await add(library, incoming("Bot", "A"))
    reviewed = (await library.version("Bot")).digest
    await add(library, incoming("Bot", "B"))
    with pytest.raises(StaleVersionError, match="Version 2 of Bot is not what was reviewed"):
        await library.move("Bot", APPROVED, actor="bob", expect_digest=reviewed)
    await library.move("Bot", APPROVED, actor="bob", number=1, expect_digest=reviewed)


async def test_with_four_eyes_who_imported_does_not_approve(library: Library) -> None:
    await add(library, incoming("Bot"))
    with pytest.raises(FourEyesError, match="imported by ann"):
        await library.move("Bot", APPROVED, actor="ann", four_eyes=True)
    await library.move("Bot", APPROVED, actor="bob", four_eyes=True)
    await library.move("Bot", DISABLED, actor="ann", four_eyes=True)


async def test_nothing_approved_is_said_with_what_could_be(library: Library) -> None:
    await add(library, incoming("Bot"))
    with pytest.raises(NotInForceError, match="Approve version 1"):
        await library.in_force("Bot")


@pytest.mark.parametrize("number", [0, -1, 2, 10**30])
async def test_a_version_that_is_not_there_is_said_with_those_that_are(
    library: Library, number: int
) -> None:
    await add(library, incoming("Bot"))
    with pytest.raises(SelectionError, match="version 1 only"):
        await library.version("Bot", number)
    with pytest.raises(SelectionError, match="version 1 only"):
        await library.move("Bot", APPROVED, actor="bob", number=number)


@pytest.mark.parametrize(
    "key", ["Suport Bot", "support bot", "aa_0000", "", "\0", "\ud800", "x" * 9999]
)
async def test_a_key_that_nobody_has_names_what_is_near(library: Library, key: str) -> None:
    await add(library, incoming("Support Bot"), incoming("Other"))
    for look in (
        library.find,
        library.version,
        library.in_force,
        library.versions,
        library.history,
    ):
        with pytest.raises(SelectionError) as caught:
            await look(key)
    assert ("Support Bot" in caught.value.hint) == ("bot" in key.lower())


async def test_a_deleted_assistant_is_gone_and_what_was_done_is_not(library: Library) -> None:
    await add(library, incoming("Bot", "A"), incoming("Other"))
    await library.move("Bot", APPROVED, actor="bob")
    gone = await library.delete("Bot", actor="bob", reason="old")
    with pytest.raises(SelectionError):
        await library.find("Bot")
    [last, *_] = await library.history("Bot")
    assert (last.action, last.version, last.reason) == (Action.DELETED, None, "old")
    assert await library.history(gone.id) == await library.history("Bot")
    [done] = (await add(library, incoming("Bot", "A"))).items
    assert (done.change, done.version) == (Change.CREATED, 1)
    assert done.id != gone.id
    assert len(await library.history("Bot")) == 4
    assert len(await library.history(done.id)) == 1


async def test_contents_are_those_in_force_or_the_latest(library: Library) -> None:
    await add(library, *(incoming(name, "A") for name in ("c", "a", "b", "d")))
    for name in "abd":
        await library.move(name, APPROVED, actor="bob")
    await library.move("d", DISABLED, actor="bob")
    await add(library, incoming("a", "B"))
    found = {}
    for which in Which:
        found[which] = [(one.name, one.number) async for one in library.contents(which=which)]
    assert found[Which.LATEST] == [("a", 2), ("b", 1), ("c", 1), ("d", 1)]
    assert found[Which.IN_FORCE] == [("a", 1), ("b", 1)]
    assert found[Which.IN_FORCE_ELSE_LATEST] == [("a", 1), ("b", 1), ("c", 1), ("d", 1)]
    one = (await library.find("b")).id
    named = [version.name async for version in library.contents(["c", one, "b", "a"])]
    assert named == ["c", "b", "a"]
    with pytest.raises(SelectionError):
        [version async for version in library.contents(["a", "e"])]


async def test_many_contents_come_a_few_at_a_time_and_all(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("understudy.store.library._AT_ONCE", 50)
    monkeypatch.setattr("understudy.store.reading.MOST", 7)
    names = [f"Bot {number:02}" for number in range(30)]
    await add(library, *(incoming(name, "x" * number * 3) for number, name in enumerate(names)))
    assert [one.name async for one in library.contents()] == names
    assert [one.name async for one in library.contents(names[::-1])] == names[::-1]


async def test_times_come_back_as_they_were_in_utc(url: str) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    moment = datetime(2026, 8, 26, 1, 2, 3, 456789, tzinfo=east)
    async with await Library.open(url, clock=lambda: moment) as library:
        await add(library, incoming("Bot"))
        kept = await library.find("Bot")
    assert kept.created_at == kept.latest.changed_at == moment
    assert kept.created_at.tzinfo is UTC


async def test_what_was_written_is_there_when_the_library_is_opened_again(url: str) -> None:
    async with await Library.open(url) as library:
        await add(library, incoming("Bot"))
    async with await Library.open(url) as library:
        assert (await library.find("Bot")).name == "Bot"


async def test_a_file_is_for_its_owner_alone_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "library.db"
    async with await Library.open(str(path)) as library:
        await add(library, incoming("Bot"))
        for one in path.parent.glob("library*"):
            assert stat.S_IMODE(one.stat().st_mode) == 0o600


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_every_list_has_a_bound(library: Library, limit: int) -> None:
    await add(library, incoming("Bot"))
    for read in (library.page(limit=limit), library.batches(limit=limit)):
        with pytest.raises(UsageError, match="1 to 1000"):
            await read
    for look in (library.history, library.versions):
        with pytest.raises(UsageError, match="1 to 1000"):
            await look("Bot", limit=limit)


MOVES = st.tuples(st.sampled_from(State), st.none() | st.integers(1, 4))
STEPS = st.lists(st.sampled_from("ABC") | MOVES, min_size=1, max_size=14)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_whatever_is_done_one_version_at_most_is_in_force_and_history_tells_how(
    library: Library, steps: list[str | tuple[State, int | None]]
) -> None:
    name = f"Bot {len((await library.page(limit=1000)).items)}"
    await add(library, incoming(name, "first"))
    for step in steps:
        if isinstance(step, str):
            await add(library, incoming(name, step))
            continue
        to, number = step
        before = await library.history(name)
        try:
            await library.move(name, to, number=number, actor="bob")
        except (MoveError, SelectionError):
            assert await library.history(name) == before
    kept = await library.find(name)
    versions = await library.versions(name)
    counting = [one for one in versions if one.state in (APPROVED, DISABLED)]
    assert counting == ([kept.in_force] if kept.in_force else [])
    assert [one.number for one in versions] == list(range(kept.latest.number, 0, -1))
    told: dict[int | None, State | None] = {}
    for event in reversed(await library.history(name)):
        assert told.get(event.version) == event.from_state
        told[event.version] = event.to_state
    assert told == {one.number: one.state for one in versions}
