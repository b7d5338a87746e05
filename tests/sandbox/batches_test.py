from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Project, Sandbox

SMALL: Any = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50},
}


def put(project: Project, count: int) -> list[str]:
    return [project.put_file(f"{number}.md", b"A")["id"] for number in range(count)]


async def test_what_a_batch_says_holds_for_all_of_its_files(
    client: AsyncOpenAI, project: Project
) -> None:
    ids = put(project, 3)
    store = project.put_store()["id"]
    batches = client.vector_stores.file_batches
    made = await batches.create(store, file_ids=ids, attributes={"a": "b"}, chunking_strategy=SMALL)
    assert (made.status, made.vector_store_id) == ("completed", store)
    assert (made.file_counts.completed, made.file_counts.total) == (3, 3)
    assert await batches.retrieve(made.id, vector_store_id=store) == made
    for shown in project.store_files(store).values():
        assert (shown["attributes"], shown["chunking_strategy"]) == ({"a": "b"}, SMALL)


async def test_each_file_of_a_batch_may_be_described_on_its_own(
    client: AsyncOpenAI, project: Project
) -> None:
    ids = put(project, 3)
    store = project.put_store()["id"]
    await client.vector_stores.file_batches.create(
        store,
        files=[
            {"file_id": ids[0], "attributes": {"n": 1}},
            {"file_id": ids[1], "chunking_strategy": SMALL},
            {"file_id": ids[2], "attributes": None},
        ],
        attributes={"ignored": True},
    )
    shown = project.store_files(store)
    assert [shown[id_]["attributes"] for id_ in ids] == [{"n": 1}, {}, {}]
    assert [shown[id_]["chunking_strategy"] == SMALL for id_ in ids] == [False, True, False]


async def test_a_batch_lists_its_own_files_only(client: AsyncOpenAI, project: Project) -> None:
    ids = put(project, 6)
    store = project.put_store(files=ids[:2])["id"]
    batches = client.vector_stores.file_batches
    first = await batches.create(store, file_ids=ids[1:4])
    second = await batches.create(store, file_ids=ids[4:])

    async def listed(batch: str, **how: Any) -> list[str]:
        found = batches.list_files(batch, vector_store_id=store, order="asc", **how)
        return [one.id async for one in found]

    assert await listed(first.id, limit=2) == ids[1:4]
    assert await listed(second.id) == ids[4:]
    assert await listed(second.id, filter="failed") == []
    project.remove_file(ids[4])
    assert await listed(second.id) == ids[5:]
    for call in (batches.retrieve, batches.cancel, batches.list_files):
        with pytest.raises(openai.NotFoundError, match="No file batch found with id 'vsfb_x'"):
            await call("vsfb_x", vector_store_id=store)


async def test_a_cancelled_batch_keeps_what_was_indexed(connect: Any, clock: Any) -> None:
    async with Sandbox(indexing=10, clock=clock) as sandbox:
        client = connect(sandbox)
        project = sandbox.project(client.api_key)
        batches = client.vector_stores.file_batches
        ids = put(project, 4)
        store = project.put_store()["id"]
        done = await batches.create(store, file_ids=ids[:2])
        assert (done.status, done.file_counts.in_progress) == ("in_progress", 2)
        clock.advance(10)
        late = await batches.create(store, file_ids=ids[2:])
        cancelled = await batches.cancel(late.id, vector_store_id=store)
        assert (cancelled.status, cancelled.file_counts.cancelled) == ("cancelled", 2)
        kept = await batches.cancel(done.id, vector_store_id=store)
        assert (kept.status, kept.file_counts.completed) == ("completed", 2)
        clock.advance(10)
        counts = project.stores[store]["file_counts"]
        assert (counts["completed"], counts["cancelled"], counts["total"]) == (2, 2, 4)
        listed = client.vector_stores.files.list(store, filter="cancelled", order="asc")
        assert [one.id async for one in listed] == ids[2:]


async def test_the_packages_own_helper_sees_a_batch_through(
    client: AsyncOpenAI, project: Project
) -> None:
    store = project.put_store()["id"]
    batch = await client.vector_stores.file_batches.upload_and_poll(
        store, files=[("a.md", b"A"), ("empty.md", b"")]
    )
    assert (batch.file_counts.completed, batch.file_counts.failed) == (1, 1)


@pytest.mark.parametrize("form", ["file_ids", "files"])
async def test_how_many_files_a_batch_takes_can_be_set(connect: Any, form: str) -> None:
    async with Sandbox(batch_limit=3) as sandbox:
        client = connect(sandbox)
        project = sandbox.project(client.api_key)
        ids = put(project, 4)
        store = project.put_store()["id"]

        async def create(file_ids: list[str]) -> Any:
            files = [{"file_id": id_} for id_ in file_ids] if form == "files" else file_ids
            return await client.vector_stores.file_batches.create(store, **{form: files})

        with pytest.raises(openai.BadRequestError) as raised:
            await create(ids)
        assert (raised.value.code, raised.value.param) == ("array_above_max_length", form)
        assert "array too long. Expected an array with maximum length 3" in str(raised.value)
        assert not project.store_files(store)
        assert (await create(ids[:3])).file_counts.total == 3


async def test_a_batch_at_the_limit_is_accepted_and_a_file_counts_once(
    client: AsyncOpenAI, project: Project
) -> None:
    ids = put(project, 20)
    store = project.put_store()["id"]
    batch = await client.vector_stores.file_batches.create(store, file_ids=ids * 100)
    assert batch.file_counts.completed == 20
