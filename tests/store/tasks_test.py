"""Many tasks of one process, and tasks that are given up: nothing twice, nothing half."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from databases import incoming
from understudy.architect.approval import State
from understudy.errors import MoveError
from understudy.store.library import Library
from understudy.store.records import Moved


async def test_tasks_that_import_and_read_at_once_all_get_their_turn(library: Library) -> None:
    async def add(number: int) -> None:
        names = ["shared", f"Bot {number}"]
        await library.add([incoming(name) for name in names], actor="ann", source="file")
        assert (await library.find(f"Bot {number}")).latest.number == 1

    await asyncio.gather(*(add(number) for number in range(25)))
    page = await library.page()
    assert len(page.items) == 26
    assert {kept.latest.number for kept in page.items} == {1}


async def test_of_tasks_that_approve_at_once_one_succeeds(library: Library) -> None:
    await library.add([incoming("Bot")], actor="ann", source="file")
    moves = (library.move("Bot", State.APPROVED, actor=f"bob {n}") for n in range(10))
    said = await asyncio.gather(*moves, return_exceptions=True)
    assert len([one for one in said if isinstance(one, Moved)]) == 1
    assert len([one for one in said if isinstance(one, MoveError)]) == 9


async def test_an_import_that_is_given_up_leaves_all_or_nothing(library: Library) -> None:
    done = 0
    for turns in range(0, 60, 3):
        names = [f"Bot {turns} {number}" for number in range(5)]
        importing = asyncio.create_task(
            library.add([incoming(name) for name in names], actor="ann", source="file")
        )
        for _ in range(turns):
            await asyncio.sleep(0)
        importing.cancel()
        try:
            await importing
            done += 1
        except asyncio.CancelledError:
            pass
        stored = await library.page(contains=f"Bot {turns} ")
        assert len(stored.items) in ((0, 5) if importing.cancelled() else (5,))
    await library.add([incoming("after")], actor="ann", source="file")
    assert (await library.find("after")).latest.number == 1


async def test_tasks_that_open_several_new_libraries_at_once_do_not_mix_them_up(
    new_url: Callable[[], str],
) -> None:
    urls = [new_url() for _ in range(4)]
    opened = await asyncio.gather(*(Library.open(url) for url in urls * 2))
    for number, library in enumerate(opened[:4]):
        await library.add([incoming(f"Bot {number}")], actor="ann", source="file")
    for number, library in enumerate(opened[4:]):
        assert [kept.name for kept in (await library.page()).items] == [f"Bot {number}"]
    for library in opened:
        await library.aclose()
