import io
import json
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Project, Sandbox

DAY = 24 * 3600
SEALED = ["assistants", "user_data", "fine-tune", "evals"]


async def upload(
    client: AsyncOpenAI, name: str = "a.md", content: bytes = b"A", **more: Any
) -> str:
    made = await client.files.create(file=(name, content), **{"purpose": "assistants", **more})
    return made.id


async def test_a_file_comes_back_as_it_was_sent(client: AsyncOpenAI, project: Project) -> None:
    content = bytes(range(256)) * 1000
    made = await client.files.create(file=("scan.bin", content), purpose="vision")
    assert (made.filename, made.bytes, made.purpose) == ("scan.bin", 256_000, "vision")
    assert made.status == "processed"
    assert await client.files.retrieve(made.id) == made
    assert (await client.files.content(made.id)).content == content
    assert project.content(made.id) == content
    assert project.files[made.id] == made.to_dict(exclude_unset=True)


@pytest.mark.parametrize(
    "name",
    ['we"ird.md', "back\\slash.md", "żółć – 日本 🚀.txt", "100%.csv", "a;b=c.txt", "e\u0301.md",
     "two  spaces .md", "a\nb.md", "'single'.md", "x" * 250 + ".md"],
)  # fmt: skip
async def test_a_file_keeps_its_name(client: AsyncOpenAI, name: str) -> None:
    assert (await client.files.retrieve(await upload(client, name))).filename == name


async def test_an_empty_file_is_a_file(client: AsyncOpenAI) -> None:
    made = await client.files.create(file=("empty.txt", b""), purpose="vision")
    assert made.bytes == 0
    assert (await client.files.content(made.id)).content == b""


@pytest.mark.parametrize("purpose", SEALED)
async def test_what_assistants_lean_on_cannot_be_downloaded(
    raw: aiohttp.ClientSession, sandbox: Sandbox, project: Project, purpose: str
) -> None:
    file_id = project.put_file("a.md", b"A", purpose=purpose)["id"]
    async with raw.get(f"{sandbox.base_url}/files/{file_id}/content") as reply:
        assert reply.status == 400
        assert (await reply.json())["error"] == {
            "message": f"Not allowed to download files of purpose: {purpose}",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    assert sandbox.requests[-1].bytes_out == 0


@pytest.mark.parametrize("purpose", [*SEALED, "batch", "vision"])
async def test_without_the_rule_everything_can_be_downloaded(connect: Any, purpose: Any) -> None:
    async with Sandbox(purpose_rule=False) as sandbox:
        client = connect(sandbox)
        file_id = await upload(client, content=b"bytes", purpose=purpose)
        assert (await client.files.content(file_id)).content == b"bytes"


async def test_a_download_says_how_long_it_is(
    sandbox: Sandbox, raw: aiohttp.ClientSession, project: Project
) -> None:
    file_id = project.put_file("a.bin", b"x" * 3_000_000, purpose="vision")["id"]
    async with raw.get(f"{sandbox.base_url}/files/{file_id}/content") as reply:
        assert reply.headers["Content-Length"] == "3000000"
        assert reply.content_type == "application/octet-stream"
        assert len(await reply.read()) == 3_000_000


async def test_lists_go_through_files_by_purpose_order_and_page(
    client: AsyncOpenAI, project: Project
) -> None:
    ids = [project.put_file(f"{n}.md", b"", purpose=p)["id"] for n, p in enumerate(SEALED * 2)]
    assert [one.id async for one in client.files.list()] == ids[::-1]
    assert [one.id async for one in client.files.list(order="asc", limit=3)] == ids
    assert [one.id async for one in client.files.list(purpose="evals")] == [ids[7], ids[3]]
    page = await client.files.list(order="asc", limit=2, after=ids[1])
    assert ([one.id for one in page.data], page.has_more) == (ids[2:4], True)
    with pytest.raises(openai.NotFoundError, match="No such File object: file-x"):
        await client.files.list(after="file-x")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "limit=ten", "order=up", "before=file-1", "colour=red"]
)
async def test_a_bad_list_query_is_refused(
    sandbox: Sandbox, raw: aiohttp.ClientSession, query: str
) -> None:
    async with raw.get(f"{sandbox.base_url}/files?{query}") as reply:
        assert reply.status == 400
        assert (await reply.json())["error"]["param"] == query.partition("=")[0]


async def test_a_deleted_file_is_gone_from_everywhere(
    client: AsyncOpenAI, project: Project
) -> None:
    kept, doomed = await upload(client), await upload(client)
    store = project.put_store(files=[kept, doomed])["id"]
    deleted = await client.files.delete(doomed)
    assert deleted.to_dict() == {"id": doomed, "object": "file", "deleted": True}
    assert list(project.files) == [kept] == list(project.store_files(store))
    for call in (client.files.retrieve, client.files.delete, client.files.content):
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {doomed}") as raised:
            await call(doomed)
        assert raised.value.param == "id"
    with pytest.raises(KeyError, match=doomed):
        project.content(doomed)


@pytest.mark.usefixtures("on_disk")
async def test_what_nobody_refers_to_leaves_the_disk(tmp_path: Any, connect: Any) -> None:
    async with Sandbox(folder=tmp_path) as sandbox:
        client = connect(sandbox)
        first, second = await upload(client), await upload(client)
        (folder,) = tmp_path.iterdir()
        assert len(list(folder.iterdir())) == 2
        container = await client.containers.create(name="c", file_ids=[first])
        await client.files.delete(first)
        await client.files.delete(second)
        assert len(list(folder.iterdir())) == 1
        await client.containers.delete(container.id)
        assert not list(folder.iterdir())
        await upload(client)
    assert not list(tmp_path.iterdir())


async def test_a_file_disappears_when_its_time_has_come(connect: Any, clock: Any) -> None:
    async with Sandbox(clock=clock) as sandbox:
        client = connect(sandbox)
        project = sandbox.project(client.api_key)
        after: Any = {"anchor": "created_at", "seconds": DAY}
        day = await upload(client, purpose="vision", expires_after=after)
        month = await upload(client, purpose="batch")
        for_ever = await upload(client)
        store = project.put_store(files=[day, month, for_ever])["id"]
        assert [one.get("expires_at") for one in project.files.values()] == [
            int(clock()) + DAY,
            int(clock()) + 30 * DAY,
            None,
        ]
        clock.advance(DAY - 1)
        assert len(project.files) == 3
        clock.advance(1)
        assert [one.id async for one in client.files.list()] == [for_ever, month]
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(day)
        clock.advance(29 * DAY)
        assert list(project.files) == [for_ever] == list(project.store_files(store))


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"purpose": None}, "purpose", "missing_required_parameter"),
        ({"purpose": "world_domination"}, "purpose", "invalid_value"),
        ({"file": None}, "file", "missing_required_parameter"),
        ({"colour": "red"}, "colour", "unknown_parameter"),
        ({"expires_after[anchor]": "created_at"}, "expires_after.seconds",
         "missing_required_parameter"),
        ({"expires_after[seconds]": "3600"}, "expires_after.anchor",
         "missing_required_parameter"),
        ({"expires_after[anchor]": "now", "expires_after[seconds]": "3600"},
         "expires_after.anchor", "invalid_value"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "soon"},
         "expires_after.seconds", "invalid_type"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "3599"},
         "expires_after.seconds", "integer_below_min_value"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "2592001"},
         "expires_after.seconds", "integer_above_max_value"),
    ],
)  # fmt: skip
async def test_a_bad_upload_is_refused_by_name_and_leaves_nothing(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    project: Project,
    fields: dict[str, Any],
    param: str,
    code: str,
) -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in ({"purpose": "assistants", "file": io.BytesIO(b"A")} | fields).items():
        if value is not None:
            form.add_field(name, value)
    async with raw.post(f"{sandbox.base_url}/files", data=form) as reply:
        error = (await reply.json())["error"]
        assert reply.status == 400
    assert (error["param"], error["code"]) == (param, code)
    assert not project.files


async def test_a_file_needs_a_form(sandbox: Sandbox, raw: aiohttp.ClientSession) -> None:
    async with raw.post(f"{sandbox.base_url}/files", json={"purpose": "assistants"}) as reply:
        assert reply.status == 400
        assert "multipart/form-data" in (await reply.json())["error"]["message"]


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
async def test_a_file_beyond_the_limit_is_refused_and_not_kept(
    raw: aiohttp.ClientSession, tmp_path: Any, size: int, status: int
) -> None:
    async with Sandbox(max_file=1000, folder=tmp_path) as sandbox:
        form = aiohttp.FormData({"purpose": "assistants"})
        form.add_field("file", b"x" * size, filename="a")
        async with raw.post(f"{sandbox.base_url}/files", data=form) as reply:
            assert reply.status == status, await reply.text()
            if status == 413:
                error = json.loads(await reply.text())["error"]
                assert error["message"].startswith("Maximum content size limit (1000) exceeded")
        (folder,) = tmp_path.iterdir()
        assert len(list(folder.iterdir())) == (status == 200)
        assert sandbox.requests[-1].bytes_in == size


async def test_records_say_how_many_bytes_of_files_were_moved(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    made = await client.files.create(file=("a.bin", b"x" * 12_345), purpose="vision")
    await client.files.content(made.id)
    await client.files.retrieve(made.id)
    moved = [(one.kind, one.bytes_in, one.bytes_out) for one in sandbox.requests]
    assert moved == [
        ("files.create", 12_345, 0),
        ("files.content", 0, 12_345),
        ("files.retrieve", 0, 0),
    ]
    assert (sandbox.count("files"), sandbox.count("files.create"), sandbox.count()) == (3, 1, 3)


async def test_no_header_is_asked_for(sandbox: Sandbox, project: Project) -> None:
    headers = {"Authorization": "Bearer sk-north-0123456789abcdef"}
    async with aiohttp.ClientSession(headers=headers) as bare:
        for path in ("files", "vector_stores", "containers", "models"):
            async with bare.get(f"{sandbox.base_url}/{path}") as reply:
                assert reply.status == 200


async def test_lists_lag_behind_each_on_its_own(connect: Any) -> None:
    async with Sandbox(list_lag_calls=2) as sandbox:
        client = connect(sandbox)
        file_id = await upload(client)
        store = await client.vector_stores.create(file_ids=[file_id])
        for call, made in (
            (client.files.list, file_id),
            (client.vector_stores.list, store.id),
            (lambda: client.vector_stores.files.list(store.id), file_id),
        ):
            shown = [[one.id async for one in call()] for _ in range(3)]
            assert shown == [[], [], [made]]
        put = sandbox.project(client.api_key).put_file("b.md", b"B")["id"]
        assert [one.id async for one in client.files.list()] == [put, file_id]
