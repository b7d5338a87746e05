from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI

from understudy.sandbox import Project, Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


def filled(count: int) -> Project:
    project = Project("p", clock=lambda: 0.0)
    for number in range(count):
        project.add(name=str(number))
    return project


def walk(project: Project, *, limit: int, newest_first: bool) -> list[str]:
    seen: list[str] = []
    while True:
        after = seen[-1] if seen else None
        page = project.page(limit=limit, newest_first=newest_first, after=after)
        assert len(page.ids) <= limit
        seen += page.ids
        if not page.has_more:
            return seen


@given(st.integers(0, 60), st.integers(1, 100), st.booleans())
def test_a_walk_meets_every_assistant_exactly_once(
    count: int, limit: int, newest_first: bool
) -> None:
    project = filled(count)
    oldest_first = list(project.assistants)
    expected = oldest_first[::-1] if newest_first else oldest_first
    assert walk(project, limit=limit, newest_first=newest_first) == expected


@given(st.integers(1, 30), st.integers(1, 40), st.booleans(), st.data())
def test_a_page_before_a_cursor_ends_directly_before_it(
    count: int, limit: int, newest_first: bool, data: st.DataObject
) -> None:
    project = filled(count)
    order = list(project.assistants)[:: -1 if newest_first else 1]
    cursor = data.draw(st.sampled_from(order))
    page = project.page(limit=limit, newest_first=newest_first, before=cursor)
    earlier = order[: order.index(cursor)]
    assert list(page.ids) == earlier[-limit:]
    assert page.has_more == (len(earlier) > limit)


@given(st.integers(2, 30), st.integers(1, 40), st.booleans(), st.data())
def test_two_cursors_bound_a_page_on_both_sides(
    count: int, limit: int, newest_first: bool, data: st.DataObject
) -> None:
    project = filled(count)
    order = list(project.assistants)[:: -1 if newest_first else 1]
    first, last = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=2, max_size=2)))
    page = project.page(
        limit=limit, newest_first=newest_first, after=order[first], before=order[last]
    )
    assert list(page.ids) == order[first + 1 : last][:limit]


@given(st.lists(st.integers(0, 19), unique=True, max_size=19))
def test_deletes_leave_the_others_in_order(doomed: list[int]) -> None:
    project = filled(20)
    ids = list(project.assistants)
    for number in doomed:
        project.remove(ids[number])
    left = [id_ for number, id_ in enumerate(ids) if number not in doomed]
    assert walk(project, limit=3, newest_first=False) == left


async def test_the_package_pages_through_everything(sandbox: Sandbox, client: AsyncOpenAI) -> None:
    project = sandbox.project(client.api_key)
    for _ in range(45):
        project.add()
    newest_first = list(project.assistants)[::-1]
    assert [one.id async for one in client.beta.assistants.list()] == newest_first
    assert sandbox.count("list") == 3
    upwards = [one.id async for one in client.beta.assistants.list(limit=100, order="asc")]
    assert upwards == newest_first[::-1]


async def test_an_empty_list_has_empty_strings_for_ids(client: AsyncOpenAI) -> None:
    reply: Any = await client.beta.assistants.with_raw_response.list()
    expected = {"object": "list", "data": [], "first_id": "", "last_id": "", "has_more": False}
    assert reply.http_response.json() == expected


async def test_a_page_names_its_first_and_last(sandbox: Sandbox, client: AsyncOpenAI) -> None:
    project = sandbox.project(client.api_key)
    ids = [project.add()["id"] for _ in range(3)]
    reply: Any = await client.beta.assistants.with_raw_response.list(limit=2, order="asc")
    page = reply.http_response.json()
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[0], ids[1], True)
