"""Several processes at once, and processes that die: nothing twice, nothing half."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from databases import incoming
from understudy.architect.approval import Action, State
from understudy.store.library import Library

Work = Callable[..., list[Any]]
NAMES = [f"Bot {number}" for number in range(300)]


def test_processes_that_open_a_new_library_at_once_all_find_its_tables(
    work: Work, url: str
) -> None:
    assert work(*[{"job": "opened", "url": url}] * 4) == ["opened"] * 4


async def test_processes_that_import_one_file_at_once_store_it_once(work: Work, url: str) -> None:
    jobs = [{"job": "imported", "url": url, "names": NAMES, "content": "A"}] * 3
    said = work(*jobs)
    assert sorted(said) == [["created"] * 300, ["unchanged"] * 300, ["unchanged"] * 300]
    async with await Library.open(url) as library:
        page = await library.page(limit=1000)
        assert [kept.name for kept in page.items] == sorted(NAMES)
        assert {kept.latest.number for kept in page.items} == {1}
        assert len(await library.batches()) == 3


async def test_of_those_who_decide_at_once_about_a_version_one_succeeds(
    work: Work, library: Library, url: str
) -> None:
    await library.add([incoming("Bot")], actor="ann", source="file")
    decisions = ["approved", "rejected"] * 2
    said = work(
        *({"job": "moved", "url": url, "key": "Bot", "to": to, "number": 1} for to in decisions)
    )
    made = [one for one in said if isinstance(one, str)]
    assert made in (["approved"], ["rejected"])
    assert [one[0] for one in said if one not in made] == ["MoveError"] * 3
    assert [one.action for one in await library.history("Bot")] == [
        Action(made[0]),
        Action.IMPORTED,
    ]


async def test_of_versions_approved_at_once_one_is_in_force(
    work: Work, library: Library, url: str
) -> None:
    for content in "ABCD":
        await library.add([incoming("Bot", content)], actor="ann", source="file")
    said = work(
        *(
            {"job": "moved", "url": url, "key": "Bot", "to": "approved", "number": number}
            for number in (1, 2, 3, 4)
        )
    )
    assert said == ["approved"] * 4
    states = [one.state for one in await library.versions("Bot")]
    assert sorted(states) == [State.APPROVED, *[State.SUPERSEDED] * 3]
    kept = await library.find("Bot")
    assert kept.in_force
    assert kept.in_force.state is State.APPROVED


async def test_an_import_that_is_killed_leaves_all_or_nothing(work: Work, url: str) -> None:
    async with await Library.open(url) as library:
        await library.add([incoming(name) for name in NAMES[:100]], actor="ann", source="file")
    said: Any = -signal.SIGKILL
    at = 0
    while said == -signal.SIGKILL:
        at += 1
        [said] = work({"job": "killed", "url": url, "names": NAMES, "content": "B", "at": at})
        async with await Library.open(url) as library:
            page = await library.page(limit=1000)
            stored = [(kept.name, kept.latest.number) for kept in page.items]
            if said == -signal.SIGKILL:
                assert stored == sorted((name, 1) for name in NAMES[:100])
            else:
                assert len(stored) == 300
            assert len(await library.batches()) == (1 if said == -signal.SIGKILL else 2)
            await library.version(NAMES[0])
    assert said == "imported"
    assert at > 8
