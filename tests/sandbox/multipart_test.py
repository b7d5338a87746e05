"""Forms, byte by byte."""

import asyncio
import os
import re
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.streams import StreamReader
from hypothesis import given
from hypothesis import strategies as st

from understudy.sandbox import Project, Sandbox
from understudy.sandbox.disk import Folder
from understudy.sandbox.multipart import Order, is_form, receive

FILE = b'Content-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
PURPOSE = b'Content-Disposition: form-data; name="purpose"\r\n\r\nassistants'


class FakeRequest:
    """As much of a request as a form needs."""

    def __init__(self, content: "FakeStream", boundary: str) -> None:
        self.headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self.content = content


class FakeStream:
    """A body that arrives in pieces of any size."""

    def __init__(self, body: bytes, sizes: list[int]) -> None:
        self._pieces = []
        for size in sizes:
            self._pieces.append(body[:size])
            body = body[size:]
        self._pieces = [piece for piece in [*self._pieces, body] if piece]

    async def readany(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def kept(folder: Path) -> list[Path]:
    """What lies on the disk of the sandbox whose folder is in this one."""
    return list(folder.glob("*/*"))


async def until(condition: Callable[[], object]) -> None:
    """Let the others go on until it holds."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("waited in vain")


def form_of(*parts: bytes, boundary: bytes = b"XX") -> bytes:
    return (
        b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary
    )


@given(
    content=st.binary(max_size=300)
    | st.text("\r\n-X", max_size=60).map(str.encode).filter(lambda text: b"\r\n--XX" not in text),
    sizes=st.lists(st.integers(1, 40), max_size=30),
    file_first=st.booleans(),
    preamble=st.sampled_from([b"", b"\r\n", b"This is a form.\r\n"]),
)
def test_a_form_is_read_the_same_in_whatever_pieces_it_arrives(
    content: bytes, sizes: list[int], file_first: bool, preamble: bytes
) -> None:
    if content.startswith(b"--XX"):
        content = b"." + content
    parts = [FILE + content, PURPOSE][:: 1 if file_first else -1]
    stream = FakeStream(preamble + form_of(*parts), sizes)
    request: Any = FakeRequest(stream, "XX")
    folder = Folder()
    form = asyncio.run(receive(request, Order("file", 1000, folder)))
    assert form.problem is None
    assert form.fields == {"purpose": "assistants"}
    assert form.files["file"].name == "a.md"
    assert b"".join(form.files["file"].content.blocks()) == content
    assert form.moved == len(content)
    folder.remove()


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'filename="a%22b.md"', 'a"b.md'),  # as browsers write it
        (b'filename="a\\"b.md"', 'a"b.md'),  # as RFC 7230 has it
        (b'filename="a\\\\b.md"', "a\\b.md"),
        (b"filename=plain.md", "plain.md"),
        (b"filename*=UTF-8''%c5%bc%22.md", 'ż".md'),
        ('filename="ż 日本.md"'.encode(), "ż 日本.md"),
        (b'filename="a%20b%C5%BC.md"', "a%20b%C5%BC.md"),  # no encoding that a form knows
        (b'filename="a; name=x.md"', "a; name=x.md"),
        (b'filename=""', "file"),
    ],
)
async def test_file_names_are_read_as_they_are_written(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    project: Project,
    disposition: bytes,
    name: str,
) -> None:
    part = b'content-disposition: form-data; name="file"; ' + disposition
    status = await post(raw, sandbox, form_of(part + b"\r\nX-More: 1\r\n\r\nA", PURPOSE))
    assert status == 200
    assert [file["filename"] for file in project.files.values()] == [name]


async def post(raw: aiohttp.ClientSession, sandbox: Sandbox, body: bytes, kind: str = "") -> int:
    headers = {"Content-Type": kind or "multipart/form-data; boundary=XX"}
    async with raw.post(f"{sandbox.base_url}/files", data=body, headers=headers) as reply:
        if reply.status == 400:
            message = (await reply.json())["error"]["message"]
            assert re.search("could not parse the multipart form|Missing required", message)
        return reply.status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--XX--\r\n",
        b"--XX\r\n",
        b"nothing that looks like a form",
        b"--XX\r\n" + FILE + b"A",
        b"--XX\r\n" + FILE + b"A\r\n--XX",
        form_of(PURPOSE),
        form_of(b"X-Part: 1\r\n\r\nA"),
        form_of(b"\r\nA"),
        form_of(FILE + b"A", PURPOSE + b"\xff"),
        form_of(FILE + b"A", PURPOSE + b"x" * 70_000),
        form_of(b"X: " + b"x" * 70_000 + b"\r\n" + FILE + b"A"),
    ],
    ids=range(12),
)
async def test_a_broken_form_is_refused_and_leaves_nothing(
    raw: aiohttp.ClientSession, tmp_path: Path, body: bytes
) -> None:
    async with Sandbox(folder=tmp_path) as sandbox:
        assert await post(raw, sandbox, body) == 400
        assert not sandbox.project("sk-north-0123456789abcdef").files
        assert not kept(tmp_path)


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
async def test_a_form_needs_a_boundary(
    sandbox: Sandbox, raw: aiohttp.ClientSession, kind: str
) -> None:
    assert await post(raw, sandbox, form_of(FILE + b"A", PURPOSE), kind) == 400


async def test_a_boundary_may_stand_in_quotes(sandbox: Sandbox, raw: aiohttp.ClientSession) -> None:
    kind = 'Multipart/Form-Data; charset=utf-8; boundary="a b"'
    body = form_of(FILE + b"A", PURPOSE, boundary=b"a b")
    assert await post(raw, sandbox, body, kind) == 200


async def test_what_comes_after_the_form_is_overheard(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    assert await post(raw, sandbox, form_of(FILE + b"A", PURPOSE) + b"The end." * 999) == 200


async def test_a_client_may_wait_to_be_asked_for_the_body(
    sandbox: Sandbox, raw: aiohttp.ClientSession, project: Project
) -> None:
    form = aiohttp.FormData({"purpose": "assistants"})
    form.add_field("file", b"A" * 1000, filename="a.md")
    async with raw.post(f"{sandbox.base_url}/files", data=form, expect100=True) as reply:
        assert reply.status == 200
    assert [file["bytes"] for file in project.files.values()] == [1000]


async def test_a_body_of_unknown_length_is_read_to_its_end(
    sandbox: Sandbox, raw: aiohttp.ClientSession, project: Project
) -> None:
    async def chunks() -> Any:
        body = form_of(PURPOSE, FILE + b"A" * 100_000)
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    headers = {"Content-Type": "multipart/form-data; boundary=XX"}
    async with raw.post(f"{sandbox.base_url}/files", data=chunks(), headers=headers) as reply:
        assert reply.status == 200
    assert [file["bytes"] for file in project.files.values()] == [100_000]


async def test_a_client_that_leaves_half_way_leaves_nothing(tmp_path: Path) -> None:
    async with asyncio.timeout(10), Sandbox(folder=tmp_path) as sandbox:
        port = urllib.parse.urlsplit(sandbox.base_url).port
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /v1/files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-a\r\n"
            b"Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: 9000000\r\n\r\n"
            b"--XX\r\n" + FILE + b"x" * 300_000
        )
        await writer.drain()
        await until(lambda: kept(tmp_path))
        writer.transport.abort()
        await until(lambda: sandbox.requests[0].status != "pending")
        assert sandbox.requests[0].status == "dropped"
        assert sandbox.requests[0].bytes_in > 0
        assert not kept(tmp_path)


async def test_other_requests_are_answered_while_a_file_arrives(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    half = asyncio.Event()

    async def chunks() -> Any:
        yield b"--XX\r\n" + FILE + b"A"
        await half.wait()
        yield b"\r\n" + form_of(PURPOSE)

    headers = {"Content-Type": "multipart/form-data; boundary=XX"}
    uploading = asyncio.create_task(
        raw.post(f"{sandbox.base_url}/files", data=chunks(), headers=headers)
    )
    await until(lambda: sandbox.count("files.create"))
    async with raw.get(f"{sandbox.base_url}/files") as reply:
        assert (await reply.json())["data"] == []
    half.set()
    async with await uploading as reply:
        assert reply.status == 200


async def test_a_large_file_passes_through_little_memory(
    sandbox: Sandbox, raw: aiohttp.ClientSession, project: Project
) -> None:
    block = os.urandom(1024 * 1024)
    largest = 0
    reader = StreamReader.readany

    async def measured(stream: StreamReader) -> bytes:
        nonlocal largest
        data = await reader(stream)
        largest = max(largest, len(data))
        return data

    async def chunks() -> Any:
        yield b"--XX\r\n" + FILE
        for _ in range(40):
            yield block
        yield b"\r\n" + form_of(PURPOSE)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StreamReader, "readany", measured)
        headers = {"Content-Type": "multipart/form-data; boundary=XX"}
        async with raw.post(f"{sandbox.base_url}/files", data=chunks(), headers=headers) as reply:
            made = await reply.json()
    assert made["bytes"] == 40 * 1024 * 1024
    assert 0 < largest <= 2 * 1024 * 1024
    assert project.content(made["id"]) == block * 40


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "Multipart/Form-Data"])
def test_a_form_is_known_by_its_content_type(kind: str) -> None:
    assert is_form({"Content-Type": kind})
    assert not is_form({"Content-Type": kind.replace("form", "fool").replace("Form", "Fool")})
    assert not is_form({})
