from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Project, Sandbox

MINUTE = 60


async def test_a_container_gives_the_exact_bytes_of_any_file(
    sandbox: Sandbox, client: AsyncOpenAI, project: Project
) -> None:
    content = bytes(range(256)) * 9
    file_id = project.put_file("sealed.bin", content)["id"]
    container = await client.containers.create(name="way out", file_ids=[file_id])
    assert (container.object, container.name, container.status) == (
        "container",
        "way out",
        "running",
    )
    (found,) = [one async for one in client.containers.files.list(container.id)]
    assert found.id.startswith("cfile_")
    assert (found.path, found.source, found.bytes) == ("/mnt/data/sealed.bin", "user", 2304)
    assert found.container_id == container.id
    files = client.containers.files
    assert (await files.retrieve(found.id, container_id=container.id)).to_dict() == found.to_dict()
    got = await files.content.retrieve(found.id, container_id=container.id)
    assert got.content == content
    assert sandbox.requests[-1].bytes_out == len(content)
    assert project.containers[container.id] == container.to_dict()


async def test_a_container_outlives_the_files_that_it_was_given(
    client: AsyncOpenAI, project: Project
) -> None:
    file_id = project.put_file("a.md", b"A")["id"]
    container = await client.containers.create(name="c", file_ids=[file_id])
    await client.files.delete(file_id)
    (found,) = [one async for one in client.containers.files.list(container.id)]
    got = await client.containers.files.content.retrieve(found.id, container_id=container.id)
    assert got.content == b"A"


async def test_files_come_into_a_container_by_form_and_by_id(
    sandbox: Sandbox, client: AsyncOpenAI, raw: aiohttp.ClientSession, project: Project
) -> None:
    container = await client.containers.create(name="c")
    made = await client.containers.files.create(container.id, file=("ü.md", b"form"))
    assert (made.path, made.bytes) == ("/mnt/data/ü.md", 4)
    file_id = project.put_file("b.md", b"by id")["id"]
    url = f"{sandbox.base_url}/containers/{container.id}/files"
    async with raw.post(url, json={"file_id": file_id}) as reply:
        copied = await reply.json()
        assert (reply.status, copied["path"]) == (200, "/mnt/data/b.md")
    listed = [one.id async for one in client.containers.files.list(container.id, order="asc")]
    assert listed == [made.id, copied["id"]]
    for body, status in (({}, 400), ({"file_id": "file-x"}, 404)):
        async with raw.post(url, json=body) as reply:
            assert reply.status == status


async def test_deleted_containers_and_their_files_are_gone(
    client: AsyncOpenAI, project: Project
) -> None:
    files = client.containers.files
    kept, doomed = [await client.containers.create(name=name) for name in "ab"]
    made = await files.create(kept.id, file=("a.md", b"A"))
    await files.delete(made.id, container_id=kept.id)
    with pytest.raises(openai.NotFoundError, match=f"Container file with id '{made.id}' not found"):
        await files.content.retrieve(made.id, container_id=kept.id)
    await client.containers.delete(doomed.id)
    assert list(project.containers) == [kept.id]
    for call in (client.containers.retrieve, client.containers.delete, files.list):
        with pytest.raises(openai.NotFoundError) as raised:
            await call(doomed.id)
        assert f"Container with id '{doomed.id}' not found." in str(raised.value)


async def test_containers_are_listed_by_page_order_and_name(client: AsyncOpenAI) -> None:
    made = [(await client.containers.create(name=f"c{n % 2}")).id for n in range(5)]
    assert [one.id async for one in client.containers.list()] == made[::-1]
    assert [one.id async for one in client.containers.list(order="asc", limit=2)] == made
    assert [one.id async for one in client.containers.list(name="c1")] == [made[3], made[1]]


async def test_a_container_expires_when_nobody_uses_it(connect: Any, clock: Any) -> None:
    async with Sandbox(clock=clock) as sandbox:
        client = connect(sandbox)
        after = {"anchor": "last_active_at", "minutes": 5}
        container = await client.containers.create(name="c", expires_after=after)
        clock.advance(4 * MINUTE)
        made = await client.containers.files.create(container.id, file=("a.md", b"A"))
        clock.advance(4 * MINUTE)
        assert (await client.containers.retrieve(container.id)).status == "running"
        clock.advance(1 * MINUTE)
        assert (await client.containers.retrieve(container.id)).status == "expired"
        calls: list[Any] = [
            lambda: client.containers.files.list(container.id),
            lambda: client.containers.files.create(container.id, file=("a.md", b"A")),
            lambda: client.containers.files.content.retrieve(made.id, container_id=container.id),
        ]
        for call in calls:
            with pytest.raises(openai.BadRequestError, match="Container is expired"):
                await call()
        await client.containers.delete(container.id)


async def test_where_there_are_no_containers_the_address_is_unknown(
    connect: Any, raw: aiohttp.ClientSession
) -> None:
    async with Sandbox(containers=False) as sandbox:
        for method, path in (
            ("POST", "/v1/containers"),
            ("GET", "/v1/containers/cntr_x"),
            ("GET", "/v1/containers/cntr_x/files/cfile_x/content"),
        ):
            url = sandbox.base_url.removesuffix("/v1") + path
            async with raw.request(method, url) as reply:
                message = (await reply.json())["error"]["message"]
                assert (reply.status, message) == (404, f"Invalid URL ({method} {path})")
        assert sandbox.count("containers") == 2
        assert sandbox.count("container_files.content") == 1


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "name", "missing_required_parameter"),
        ({"name": 5}, "name", "invalid_type"),
        ({"name": "c", "file_ids": [5]}, "file_ids[0]", "invalid_type"),
        ({"name": "c", "memory_limit": "3g"}, "memory_limit", "invalid_value"),
        ({"name": "c", "expires_after": {"anchor": "last_active_at", "minutes": 21}},
         "expires_after.minutes", "integer_above_max_value"),
        ({"name": "c", "colour": "red"}, "colour", "unknown_parameter"),
    ],
)  # fmt: skip
async def test_a_bad_create_is_refused_by_name(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    project: Project,
    body: dict[str, Any],
    param: str,
    code: str,
) -> None:
    async with raw.post(f"{sandbox.base_url}/containers", json=body) as reply:
        error = (await reply.json())["error"]
        assert reply.status == 400
    assert (error["param"], error["code"]) == (param, code)
    assert not project.containers
