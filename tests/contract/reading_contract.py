"""The half of a platform's contract that is about reading, for places that are read only, too."""

from __future__ import annotations

from typing import Any

import pytest

from contract.platform_contract import WHOLE, everything, ids
from understudy.errors import MissingError
from understudy.platforms.base import Platform

RECORDS: list[dict[str, Any]] = [
    {"id": f"asst_{n}", "object": "assistant", "created_at": n, **WHOLE, "name": f"Bot {n}"}
    for n in range(4)
]


class ReadingContract:
    """Inherit, and provide a fixture `filled`: a place that holds RECORDS."""

    async def test_every_assistant_is_listed_once_oldest_first(self, filled: Platform) -> None:
        assert await ids(filled) == [record["id"] for record in RECORDS]

    async def test_records_are_as_they_are(self, filled: Platform) -> None:
        assert [dict(a.raw) async for a in everything(filled)] == RECORDS
        assert dict((await filled.retrieve("asst_2")).raw) == RECORDS[2]

    async def test_the_newest_come_first_when_they_are_asked_for(self, filled: Platform) -> None:
        assert await ids(filled, newest_first=True) == (await ids(filled))[::-1]

    async def test_the_list_goes_on_after_an_id(self, filled: Platform) -> None:
        page = await filled.list_page(after="asst_1")
        assert [a.id for a in page.assistants] == ["asst_2", "asst_3"]
        page = await filled.list_page(after="asst_1", newest_first=True)
        assert [a.id for a in page.assistants] == ["asst_0"]

    async def test_reading_may_be_repeated(self, filled: Platform) -> None:
        first, second = await filled.list_page(), await filled.list_page()
        assert first == second
        assert first.findings == ()

    async def test_an_id_that_is_not_there_is_missing(self, filled: Platform) -> None:
        with pytest.raises(MissingError):
            await filled.retrieve("asst_that_never_was")

    async def test_a_filled_place_may_be_closed_twice(self, filled: Platform) -> None:
        await filled.flush()
        await filled.aclose()
        await filled.aclose()
