import asyncio
import hashlib
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Project, Sandbox

HOUR = 3600
GIB = 1024**3


async def begin(client: AsyncOpenAI, size: int, **more: Any) -> str:
    fields: Any = {"filename": "big.csv", "mime_type": "text/csv", "purpose": "assistants"}
    return (await client.uploads.create(bytes=size, **(fields | more))).id


async def send(client: AsyncOpenAI, upload: str, *parts: bytes) -> list[str]:
    return [(await client.uploads.parts.create(upload, data=part)).id for part in parts]


async def test_parts_become_a_file_in_the_order_that_is_asked_for(
    client: AsyncOpenAI, project: Project
) -> None:
    upload = await begin(client, 9, filename="ü 🚀.csv")
    parts = await send(client, upload, b"def", b"ghi", b"abc")
    order = [parts[2], parts[0], parts[1]]
    md5 = hashlib.md5(b"abcdefghi", usedforsecurity=False).hexdigest()
    done = await client.uploads.complete(upload, part_ids=order, md5=md5.upper())
    assert (done.id, done.status, done.bytes) == (upload, "completed", 9)
    assert done.file is not None
    assert (done.file.filename, done.file.bytes, done.file.purpose) == ("ü 🚀.csv", 9, "assistants")
    assert project.content(done.file.id) == b"abcdefghi"
    assert project.sha256(done.file.id) == hashlib.sha256(b"abcdefghi").hexdigest()
    assert await client.files.retrieve(done.file.id) == done.file


async def test_an_upload_says_what_was_announced(sandbox: Sandbox, client: AsyncOpenAI) -> None:
    upload = await client.uploads.create(
        bytes=8 * GIB, filename="a.csv", mime_type="text/csv", purpose="vision"
    )
    assert upload.to_dict() == {
        "id": upload.id,
        "object": "upload",
        "bytes": 8 * GIB,
        "created_at": upload.created_at,
        "expires_at": upload.created_at + HOUR,
        "filename": "a.csv",
        "purpose": "vision",
        "status": "pending",
    }
    part = await client.uploads.parts.create(upload.id, data=b"x" * 5000)
    assert (part.object, part.upload_id) == ("upload.part", upload.id)
    assert [one.bytes_in for one in sandbox.requests] == [0, 5000]


async def test_a_file_that_came_in_parts_is_downloaded_and_read_as_one(connect: Any) -> None:
    async with Sandbox(purpose_rule=False) as sandbox:
        client = connect(sandbox)
        text = "ż" * 2000
        data = text.encode()
        upload = await begin(client, len(data))
        parts = await send(client, upload, data[:1001], data[1001:1002], data[1002:])
        made = (await client.uploads.complete(upload, part_ids=parts)).file
        assert (await client.files.content(made.id)).content == data
        store = await client.vector_stores.create(file_ids=[made.id])
        page = await client.vector_stores.files.content(made.id, vector_store_id=store.id)
        assert "".join(chunk.text for chunk in page.data[::2])[:800] == text[:800]


async def test_the_package_uploads_a_file_in_chunks_of_its_own(
    client: AsyncOpenAI, project: Project
) -> None:
    done = await client.uploads.upload_file_chunked(
        file=b"x" * 2500,
        filename="a.bin",
        bytes=2500,
        mime_type="text/plain",
        purpose="assistants",
        part_size=1000,
    )
    assert done.file is not None
    assert project.content(done.file.id) == b"x" * 2500


async def test_the_lifetime_of_the_file_is_agreed_upon_in_advance(connect: Any, clock: Any) -> None:
    async with Sandbox(clock=clock) as sandbox:
        client = connect(sandbox)
        upload = await begin(client, 1, expires_after={"anchor": "created_at", "seconds": HOUR})
        parts = await send(client, upload, b"A")
        clock.advance(60)
        made = (await client.uploads.complete(upload, part_ids=parts)).file
        assert made.expires_at == made.created_at + HOUR


async def test_what_does_not_add_up_is_no_file(client: AsyncOpenAI, project: Project) -> None:
    upload = await begin(client, 6)
    first, second = await send(client, upload, b"abc", b"def")
    wrong: list[tuple[list[str], str | None, str]] = [
        ([first], None, "3 bytes, but 6 were announced"),
        ([], None, "0 bytes, but 6 were announced"),
        ([first, first], None, "named twice"),
        ([first, "part_x"], None, "'part_x' is not in upload"),
        ([first, second], "0" * 32, "MD5"),
    ]
    for part_ids, md5, message in wrong:
        more: Any = {} if md5 is None else {"md5": md5}
        with pytest.raises(openai.BadRequestError, match=message):
            await client.uploads.complete(upload, part_ids=part_ids, **more)
    assert not project.files
    await client.uploads.complete(upload, part_ids=[first, second])
    assert len(project.files) == 1


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("end", ["complete", "cancel", "expire"])
async def test_an_upload_that_has_ended_has_ended(
    connect: Any, clock: Any, tmp_path: Any, end: str
) -> None:
    async with Sandbox(clock=clock, folder=tmp_path) as sandbox:
        client = connect(sandbox)
        upload = await begin(client, 3)
        parts = await send(client, upload, b"abc")
        if end == "complete":
            await client.uploads.complete(upload, part_ids=parts)
        elif end == "cancel":
            assert (await client.uploads.cancel(upload)).status == "cancelled"
        else:
            clock.advance(HOUR)
        calls: list[Any] = [
            lambda: client.uploads.parts.create(upload, data=b"x"),
            lambda: client.uploads.complete(upload, part_ids=parts),
            lambda: client.uploads.cancel(upload),
        ]
        for call in calls:
            with pytest.raises(openai.BadRequestError, match=rf"'{upload}' is \w+ed\."):
                await call()
        assert len(list(tmp_path.glob("*/*"))) == (end == "complete")


async def test_of_two_who_complete_at_once_one_is_late(
    client: AsyncOpenAI, project: Project
) -> None:
    upload = await begin(client, 3)
    parts = await send(client, upload, b"abc")
    md5 = hashlib.md5(b"abc", usedforsecurity=False).hexdigest()
    both = [client.uploads.complete(upload, part_ids=parts, md5=md5) for _ in range(2)]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(one, openai.BadRequestError) for one in results) == [False, True]
    assert len(project.files) == 1


async def test_an_upload_that_nobody_began_is_not_found(client: AsyncOpenAI) -> None:
    for call in (
        lambda: client.uploads.parts.create("upload_x", data=b"x"),
        lambda: client.uploads.complete("upload_x", part_ids=[]),
        lambda: client.uploads.cancel("upload_x"),
    ):
        with pytest.raises(openai.NotFoundError, match="No upload found with id 'upload_x'"):
            await call()


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
async def test_a_part_beyond_the_limit_is_refused(
    connect: Any, raw: aiohttp.ClientSession, size: int, status: int
) -> None:
    async with Sandbox(upload_part_limit=1000) as sandbox:
        upload = await begin(connect(sandbox), 5000)
        form = aiohttp.FormData()
        form.add_field("data", b"x" * size, filename="part")
        url = f"{sandbox.base_url}/uploads/{upload}/parts"
        async with raw.post(url, data=form) as reply:
            assert reply.status == status


FIELDS = {"bytes": 5, "filename": "a", "mime_type": "text/plain", "purpose": "assistants"}


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        *[("", {k: v for k, v in FIELDS.items() if k != name}, name, "missing_required_parameter")
          for name in FIELDS],
        ("", FIELDS | {"bytes": 8 * GIB + 1}, "bytes", "integer_above_max_value"),
        ("", FIELDS | {"bytes": 0}, "bytes", "integer_below_min_value"),
        ("", FIELDS | {"bytes": "5"}, "bytes", "invalid_type"),
        ("", FIELDS | {"purpose": "fun"}, "purpose", "invalid_value"),
        ("", FIELDS | {"colour": "red"}, "colour", "unknown_parameter"),
        ("", FIELDS | {"expires_after": {"anchor": "created_at", "seconds": 1}},
         "expires_after.seconds", "integer_below_min_value"),
        ("/complete", {}, "part_ids", "missing_required_parameter"),
        ("/complete", {"part_ids": [1]}, "part_ids[0]", "invalid_type"),
        ("/complete", {"part_ids": [], "md5": 5}, "md5", "invalid_type"),
        ("/parts", {}, None, None),
    ],
)  # fmt: skip
async def test_a_bad_request_is_refused_by_name(
    sandbox: Sandbox,
    client: AsyncOpenAI,
    raw: aiohttp.ClientSession,
    path: str,
    body: dict[str, Any],
    param: str | None,
    code: str | None,
) -> None:
    upload = f"/{await begin(client, 5)}" if path else ""
    async with raw.post(f"{sandbox.base_url}/uploads{upload}{path}", json=body) as reply:
        error = (await reply.json())["error"]
        assert reply.status == 400
    assert (error["param"], error["code"]) == (param, code)
