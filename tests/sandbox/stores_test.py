from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Project, Sandbox

DAY = 24 * 3600
SMALL: Any = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50},
}
AUTO = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}


@pytest.fixture
def ids(project: Project) -> list[str]:
    """Ids of three files."""
    return [project.put_file(f"{name}.md", name.encode())["id"] for name in ("a", "bb", "ccc")]


async def test_a_store_comes_back_with_all_that_was_given(
    client: AsyncOpenAI, project: Project, ids: list[str]
) -> None:
    made = await client.vector_stores.create(
        name="Käse 🧀",
        description="Everything about cheese",
        file_ids=ids,
        metadata={"team": "Łódź"},
        expires_after={"anchor": "last_active_at", "days": 7},
        chunking_strategy=SMALL,
    )
    assert (made.name, made.metadata, made.status) == ("Käse 🧀", {"team": "Łódź"}, "completed")
    assert (made.file_counts.completed, made.file_counts.total, made.usage_bytes) == (3, 3, 6)
    assert made.last_active_at == made.created_at
    assert made.expires_at == made.created_at + 7 * DAY
    assert made.to_dict()["description"] == "Everything about cheese"
    assert await client.vector_stores.retrieve(made.id) == made
    assert project.stores[made.id] == made.to_dict()
    members = [one async for one in client.vector_stores.files.list(made.id, order="asc")]
    assert [one.id for one in members] == ids
    assert all(one.to_dict()["chunking_strategy"] == SMALL for one in members)


async def test_what_a_create_leaves_out_is_empty(client: AsyncOpenAI) -> None:
    made = (await client.vector_stores.create()).to_dict()
    counts = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}
    assert made == {
        "id": made["id"],
        "object": "vector_store",
        "created_at": made["created_at"],
        "name": "",
        "description": None,
        "usage_bytes": 0,
        "file_counts": counts,
        "status": "completed",
        "expires_at": None,
        "last_active_at": made["created_at"],
        "metadata": {},
    }


async def test_an_update_changes_only_what_it_names_and_null_empties(client: AsyncOpenAI) -> None:
    stores = client.vector_stores
    made = await stores.create(
        name="Before",
        metadata={"a": "1", "b": "2"},
        expires_after={"anchor": "last_active_at", "days": 7},
    )
    named = await stores.update(made.id, name="After")
    assert named.to_dict() == made.to_dict() | {"name": "After"}
    tagged = await stores.update(made.id, metadata={"c": "3"})
    assert (tagged.name, tagged.metadata) == ("After", {"c": "3"})
    emptied = await stores.update(made.id, name=None, metadata=None, expires_after=None)
    assert (emptied.name, emptied.metadata) == ("", {})
    assert (emptied.expires_after, emptied.expires_at) == (None, None)
    assert await stores.retrieve(made.id) == emptied


async def test_a_deleted_store_is_gone_and_its_files_stay(
    client: AsyncOpenAI, project: Project, ids: list[str]
) -> None:
    store = await client.vector_stores.create(file_ids=ids)
    deleted = await client.vector_stores.delete(store.id)
    assert deleted.to_dict() == {
        "id": store.id,
        "object": "vector_store.deleted",
        "deleted": True,
    }
    assert (list(project.stores), list(project.files)) == ([], ids)
    stores = client.vector_stores
    for call in (stores.retrieve, stores.update, stores.delete, stores.files.list):
        with pytest.raises(openai.NotFoundError) as raised:
            await call(store.id)
        assert f"No vector store found with id '{store.id}'." in str(raised.value)


async def test_stores_are_listed_by_page_and_order(client: AsyncOpenAI, project: Project) -> None:
    ids = [project.put_store(name=str(number))["id"] for number in range(25)]
    assert [one.id async for one in client.vector_stores.list()] == ids[::-1]
    assert [one.id async for one in client.vector_stores.list(order="asc", limit=7)] == ids
    page = await client.vector_stores.list(order="asc", before=ids[3], limit=2)
    assert ([one.id for one in page.data], page.has_more) == (ids[1:3], True)


async def test_a_file_is_attached_described_and_detached(
    client: AsyncOpenAI, project: Project, ids: list[str]
) -> None:
    files = client.vector_stores.files
    store = await client.vector_stores.create()
    attributes: Any = {"topic": "returns", "version": 3, "price": 1.5, "public": True}
    made = await files.create(
        store.id, file_id=ids[1], attributes=attributes, chunking_strategy=SMALL
    )
    assert (made.status, made.usage_bytes, made.last_error) == ("completed", 2, None)
    assert made.vector_store_id == store.id
    shown = made.to_dict()
    assert (shown["attributes"], shown["chunking_strategy"]) == (attributes, SMALL)
    assert await files.retrieve(ids[1], vector_store_id=store.id) == made
    updated = await files.update(ids[1], vector_store_id=store.id, attributes={"a": "b"})
    assert updated.to_dict() == made.to_dict() | {"attributes": {"a": "b"}}
    emptied = await files.update(ids[1], vector_store_id=store.id, attributes=None)
    assert emptied.attributes == {}
    gone = await files.delete(ids[1], vector_store_id=store.id)
    assert gone.to_dict() == {"id": ids[1], "object": "vector_store.file.deleted", "deleted": True}
    for call in (files.retrieve, files.delete, files.content):
        with pytest.raises(openai.NotFoundError) as raised:
            await call(ids[1], vector_store_id=store.id)
        message = f"No file found with id '{ids[1]}' in vector store '{store.id}'."
        assert message in str(raised.value)
    assert list(project.files) == ids


async def test_auto_means_chunks_of_800_tokens(client: AsyncOpenAI, ids: list[str]) -> None:
    store = await client.vector_stores.create(file_ids=ids[:1], chunking_strategy={"type": "auto"})
    await client.vector_stores.files.create(store.id, file_id=ids[1])
    async for one in client.vector_stores.files.list(store.id):
        assert one.to_dict()["chunking_strategy"] == {"type": "static", "static": AUTO}


async def test_attaching_again_indexes_anew_and_makes_no_second(
    client: AsyncOpenAI, project: Project, ids: list[str]
) -> None:
    store = await client.vector_stores.create(file_ids=ids)
    files = client.vector_stores.files
    again = await files.create(store.id, file_id=ids[0], attributes={"a": "b"})
    assert again.attributes == {"a": "b"}
    assert list(project.store_files(store.id)) == ids
    assert (await files.create(store.id, file_id=ids[0])).attributes == {}


async def test_a_file_may_be_in_many_stores(client: AsyncOpenAI, project: Project) -> None:
    file_id = project.put_file("a.md", b"A")["id"]
    stores = [await client.vector_stores.create(file_ids=[file_id]) for _ in range(3)]
    await client.vector_stores.files.delete(file_id, vector_store_id=stores[0].id)
    assert [list(project.store_files(one.id)) for one in stores] == [[], [file_id], [file_id]]


async def test_a_file_of_another_project_cannot_be_attached(
    sandbox: Sandbox, client: AsyncOpenAI, ids: list[str]
) -> None:
    foreign = sandbox.project("sk-two").put_file("a.md", b"A")["id"]
    stores = client.vector_stores
    store = await stores.create()
    for call in (
        lambda: stores.create(file_ids=[ids[0], foreign]),
        lambda: stores.files.create(store.id, file_id=foreign),
        lambda: stores.file_batches.create(store.id, file_ids=[ids[0], foreign]),
        lambda: client.containers.create(name="c", file_ids=[foreign]),
    ):
        with pytest.raises(openai.NotFoundError, match=rf"Files \[{foreign}\] were not found"):
            await call()
    assert await stores.retrieve(store.id) == store
    assert (sandbox.count("stores.create"), sandbox.count("stores")) == (2, 3)


async def test_indexing_takes_its_time(connect: Any, clock: Any) -> None:
    async with Sandbox(indexing=10, clock=clock) as sandbox:
        client = connect(sandbox)
        project = sandbox.project(client.api_key)
        first, second = [project.put_file(name, b"AB")["id"] for name in "ab"]
        store = await client.vector_stores.create(file_ids=[first])
        assert (store.status, store.usage_bytes) == ("in_progress", 0)
        assert store.file_counts.in_progress == 1
        clock.advance(6)
        late = await client.vector_stores.files.create(store.id, file_id=second)
        assert (late.status, late.usage_bytes) == ("in_progress", 0)
        clock.advance(4)
        half = await client.vector_stores.retrieve(store.id)
        assert (half.status, half.usage_bytes) == ("in_progress", 2)
        assert (half.file_counts.in_progress, half.file_counts.completed) == (1, 1)
        clock.advance(6)
        done = await client.vector_stores.retrieve(store.id)
        assert (done.status, done.usage_bytes, done.file_counts.completed) == ("completed", 4, 2)
        assert project.put_store(files=[first])["status"] == "completed"


async def test_indexing_fails_for_the_names_that_it_was_told(connect: Any) -> None:
    failures = {
        "*.exe": ("unsupported_file", "Programs cannot be searched."),
        "broken*": ("server_error", "An internal error occurred."),
    }
    async with Sandbox(indexing_failures=failures) as sandbox:
        client = connect(sandbox)
        project = sandbox.project(client.api_key)
        names = ["a.md", "game.exe", "broken.md", "empty.md"]
        ids = [project.put_file(name, name.encode() * (name != "empty.md"))["id"] for name in names]
        store = await client.vector_stores.create(file_ids=ids)
        assert store.status == "completed"
        assert (store.file_counts.completed, store.file_counts.failed) == (1, 3)
        assert store.usage_bytes == len("a.md")
        failed = client.vector_stores.files.list(store.id, filter="failed", order="asc")
        errors = [(one.status, one.last_error.code, one.last_error.message) async for one in failed]
        assert errors == [
            ("failed", "unsupported_file", "Programs cannot be searched."),
            ("failed", "server_error", "An internal error occurred."),
            ("failed", "invalid_file", "The file is empty."),
        ]
        assert project.put_store(files=ids)["file_counts"] == store.file_counts.to_dict()


async def test_the_files_of_a_store_are_listed_by_page_order_and_state(
    connect: Any, clock: Any
) -> None:
    async with Sandbox(indexing=5, clock=clock) as sandbox:
        client = connect(sandbox)
        project = sandbox.project(client.api_key)
        ids = [project.put_file(f"{n}.md", b"A")["id"] for n in range(25)]
        store = project.put_store(files=ids[:22])["id"]
        await client.vector_stores.file_batches.create(store, file_ids=ids[22:])

        async def listed(**how: Any) -> list[str]:
            return [one.id async for one in client.vector_stores.files.list(store, **how)]

        assert await listed() == ids[::-1]
        assert await listed(order="asc", limit=4) == ids
        assert await listed(filter="in_progress", order="asc") == ids[22:]
        assert await listed(filter="completed", limit=9) == ids[21::-1]
        assert await listed(filter="cancelled") == []
        page = await client.vector_stores.files.list(store, order="asc", before=ids[2], limit=1)
        assert ([one.id for one in page.data], page.has_more) == ([ids[1]], True)


async def test_a_store_expires_when_nobody_has_used_it_for_as_long_as_it_says(
    connect: Any, clock: Any
) -> None:
    async with Sandbox(clock=clock) as sandbox:
        client = connect(sandbox)
        stores = client.vector_stores
        project = sandbox.project(client.api_key)
        first, second = [project.put_file(name, b"AB")["id"] for name in "ab"]
        after = {"anchor": "last_active_at", "days": 1}
        store = await stores.create(file_ids=[first], expires_after=after)
        clock.advance(DAY - 1)
        await stores.files.create(store.id, file_id=second)
        clock.advance(DAY - 1)
        assert (await stores.retrieve(store.id)).status == "completed"
        clock.advance(1)
        assert [one.status async for one in stores.list()] == ["expired"]
        # It can be looked at, so that it can be built anew, and be deleted; no more.
        listed = [one.id async for one in stores.files.list(store.id, order="asc")]
        assert listed == [first, second]
        assert (await stores.files.retrieve(first, vector_store_id=store.id)).id == first
        calls: list[Any] = [
            lambda: stores.files.create(store.id, file_id=first),
            lambda: stores.file_batches.create(store.id, file_ids=[first]),
            lambda: stores.files.update(first, vector_store_id=store.id, attributes={"a": "b"}),
            lambda: stores.files.content(first, vector_store_id=store.id),
            lambda: stores.update(store.id, expires_after=None),
        ]
        for call in calls:
            with pytest.raises(openai.BadRequestError, match=f"'{store.id}' has expired"):
                await call()
        with pytest.raises(Exception, match="has expired"):
            project.attach(store.id, first)
        await stores.delete(store.id)


def store_file(**fields: Any) -> dict[str, Any]:
    return {"file_id": "file-1", **fields}


def static(most: Any, overlap: Any) -> dict[str, Any]:
    numbers = {"max_chunk_size_tokens": most, "chunk_overlap_tokens": overlap}
    return {"type": "static", "static": numbers}


PAIRS = {str(number): "v" for number in range(17)}
# Where, what is wrong, and the parameter that is named.
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("", {"colour": "red"}, "colour", "unknown_parameter"),
    ("", {"name": 5}, "name", "invalid_type"),
    ("", {"file_ids": "file-1"}, "file_ids", "invalid_type"),
    ("", {"file_ids": [1]}, "file_ids[0]", "invalid_type"),
    ("", {"file_ids": ["f"] * 501}, "file_ids", "array_above_max_length"),
    ("", {"metadata": PAIRS}, "metadata", "object_above_max_properties"),
    ("", {"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ("", {"metadata": {"k": "v" * 513}}, "metadata.k", "string_above_max_length"),
    ("", {"expires_after": {"days": 3}}, "expires_after.anchor", "missing_required_parameter"),
    ("", {"expires_after": {"anchor": "created_at", "days": 3}}, "expires_after.anchor",
     "invalid_value"),
    ("", {"expires_after": {"anchor": "last_active_at", "days": 0}}, "expires_after.days",
     "integer_below_min_value"),
    ("", {"expires_after": {"anchor": "last_active_at", "days": 366}}, "expires_after.days",
     "integer_above_max_value"),
    ("", {"chunking_strategy": {"type": "semantic"}}, "chunking_strategy.type", "invalid_value"),
    ("", {"chunking_strategy": "auto"}, "chunking_strategy", "invalid_type"),
    ("/files", {}, "file_id", "missing_required_parameter"),
    ("/files", store_file(chunking_strategy=static(99, 0)),
     "chunking_strategy.static.max_chunk_size_tokens", "integer_below_min_value"),
    ("/files", store_file(chunking_strategy=static(4097, 0)),
     "chunking_strategy.static.max_chunk_size_tokens", "integer_above_max_value"),
    ("/files", store_file(chunking_strategy=static(101, 51)),
     "chunking_strategy.static.chunk_overlap_tokens", "integer_above_max_value"),
    ("/files", store_file(chunking_strategy=static(100, -1)),
     "chunking_strategy.static.chunk_overlap_tokens", "integer_below_min_value"),
    ("/files", store_file(chunking_strategy=static("100", 0)),
     "chunking_strategy.static.max_chunk_size_tokens", "invalid_type"),
    ("/files", store_file(chunking_strategy={"type": "static"}), "chunking_strategy.static",
     "missing_required_parameter"),
    ("/files", store_file(attributes=PAIRS), "attributes", "object_above_max_properties"),
    ("/files", store_file(attributes={"k" * 65: 1}), "attributes",
     "property_name_above_max_length"),
    ("/files", store_file(attributes={"k": "v" * 513}), "attributes.k",
     "string_above_max_length"),
    ("/file_batches", {}, "file_ids", "missing_required_parameter"),
    ("/file_batches", {"file_ids": []}, "file_ids", "empty_array"),
    ("/file_batches", {"file_ids": ["f"] * 2001}, "file_ids", "array_above_max_length"),
    ("/file_batches", {"files": [store_file()] * 2001}, "files", "array_above_max_length"),
    ("/file_batches", {"files": [{"attributes": {}}]}, "files[0].file_id",
     "missing_required_parameter"),
    ("/file_batches", {"files": [store_file(), store_file(colour=1)]}, "files[1].colour",
     "unknown_parameter"),
    ("/file_batches", {"files": [store_file(chunking_strategy=static(10, 0))]},
     "files[0].chunking_strategy.static.max_chunk_size_tokens", "integer_below_min_value"),
    ("/file_batches", {"files": [store_file(attributes=PAIRS)]}, "files[0].attributes",
     "object_above_max_properties"),
    ("/file_batches", {"files": [], "file_ids": ["f"]}, "files", "empty_array"),
    ("/file_batches", {"files": [store_file()], "file_ids": ["f"]}, "files",
     "mutually_exclusive_parameters"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "body", "param", "code"), BAD, ids=lambda part: str(part)[:40])
async def test_a_bad_request_is_refused_by_name(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    project: Project,
    where: str,
    body: dict[str, Any],
    param: str,
    code: str,
) -> None:
    store = f"/{project.put_store()['id']}" if where else ""
    async with raw.post(f"{sandbox.base_url}/vector_stores{store}{where}", json=body) as reply:
        error = (await reply.json())["error"]
        assert reply.status == 400
    assert (error["param"], error["code"]) == (param, code)
    assert len(project.stores) == bool(where)


@pytest.mark.parametrize(
    ("query", "param"),
    [("filter=lost", "filter"), ("limit=101", "limit"), ("purpose=x", "purpose")],
)
async def test_a_bad_query_is_refused_by_name(
    sandbox: Sandbox, raw: aiohttp.ClientSession, project: Project, query: str, param: str
) -> None:
    store = project.put_store()["id"]
    async with raw.get(f"{sandbox.base_url}/vector_stores/{store}/files?{query}") as reply:
        assert reply.status == 400
        assert (await reply.json())["error"]["param"] == param


async def test_a_store_at_the_limits_is_accepted(client: AsyncOpenAI, project: Project) -> None:
    ids = [project.put_file(f"{n}.md", b"A")["id"] for n in range(50)]
    store = await client.vector_stores.create(
        file_ids=ids * 10,
        chunking_strategy=static(4096, 2048),  # type: ignore[arg-type]
        expires_after={"anchor": "last_active_at", "days": 365},
        metadata={f"{n:064}": "v" * 512 for n in range(16)},
    )
    assert store.file_counts.completed == 50
    attributes: Any = {f"{n:064}": "v" * 512 for n in range(16)}
    await client.vector_stores.files.update(ids[0], vector_store_id=store.id, attributes=attributes)
    assert project.store_files(store.id)[ids[0]]["attributes"] == attributes
