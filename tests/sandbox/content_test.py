"""The parsed text of a file in a vector store."""

from typing import Any

import aiohttp
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.sandbox import Project, Sandbox
from understudy.sandbox.chunking import Chunks, is_text
from understudy.sandbox.disk import Folder

SMALL = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50},
}


def joined(chunks: list[str]) -> str:
    """Put overlapping chunks together: each adds what the text does not end with yet."""
    text = ""
    for chunk in chunks:
        overlap = next(n for n in range(len(chunk), -1, -1) if text.endswith(chunk[:n]))
        text += chunk[overlap:]
    return text


async def pages(raw: aiohttp.ClientSession, url: str) -> list[list[str]]:
    found = []
    token = None
    while True:
        async with raw.get(url, params={} if token is None else {"page": token}) as reply:
            page = await reply.json()
        assert reply.status == 200
        assert page["object"] == "vector_store.file_content.page"
        assert {one["type"] for one in page["data"]} <= {"text"}
        assert page["has_more"] == (page["next_page"] is not None)
        found.append([one["text"] for one in page["data"]])
        token = page["next_page"]
        if token is None:
            return found


async def test_the_text_comes_in_pages_of_overlapping_chunks(raw: aiohttp.ClientSession) -> None:
    text = "".join(f"{number}: Zażółć gęślą jaźń, 日本 🚀.\n" for number in range(60))
    async with Sandbox(content_page=4) as sandbox:
        project = sandbox.project("sk-north-0123456789abcdef")
        file_id = project.put_file("a.md", text.encode())["id"]
        store = project.put_store(files=[{"file_id": file_id, "chunking_strategy": SMALL}])["id"]
        url = f"{sandbox.base_url}/vector_stores/{store}/files/{file_id}/content"
        found = await pages(raw, url)
    chunks = [chunk for page in found for chunk in page]
    assert [len(page) for page in found[:-1]] == [4] * (len(found) - 1)
    assert 1 <= len(found[-1]) <= 4
    assert len(found) > 3
    assert joined(chunks) == text
    assert sum(map(len, chunks)) > 1.8 * len(text)
    assert all(1 <= one.bytes_out <= 16_000 for one in sandbox.requests)


async def test_the_package_reads_the_first_page(client: Any, project: Project) -> None:
    file_id = project.put_file("a.md", b"Hello")["id"]
    store = project.put_store(files=[file_id])["id"]
    page = await client.vector_stores.files.content(file_id, vector_store_id=store)
    assert [(one.type, one.text) async for one in page] == [("text", "Hello")]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", b"text with \0", b"caf\xe9" * 100])
async def test_what_is_no_text_has_a_stand_in(
    sandbox: Sandbox, raw: aiohttp.ClientSession, project: Project, content: bytes
) -> None:
    file_id = project.put_file("scan.pdf", content)["id"]
    store = project.put_store(files=[file_id])["id"]
    url = f"{sandbox.base_url}/vector_stores/{store}/files/{file_id}/content"
    assert await pages(raw, url) == [[f"[Parsed text of scan.pdf, {len(content)} bytes.]"]]


@pytest.mark.parametrize("token", ["!", "cGFnZTo", "ź", "a" * 50, "LTE"])
async def test_a_page_that_nobody_named_is_refused(
    sandbox: Sandbox, raw: aiohttp.ClientSession, project: Project, token: str
) -> None:
    file_id = project.put_file("a.md", b"Hello")["id"]
    store = project.put_store(files=[file_id])["id"]
    url = f"{sandbox.base_url}/vector_stores/{store}/files/{file_id}/content"
    for query, param in (({"page": token}, "page"), ({"limit": "3"}, "limit")):
        async with raw.get(url, params=query) as reply:
            assert reply.status == 400
            assert (await reply.json())["error"]["param"] == param


async def test_only_what_is_indexed_has_a_text(connect: Any, clock: Any) -> None:
    failures = {"*.exe": ("unsupported_file", "No.")}
    async with Sandbox(indexing=5, indexing_failures=failures, clock=clock) as sandbox:
        client = connect(sandbox)
        project = sandbox.project(client.api_key)
        good, bad = [project.put_file(name, b"Hello")["id"] for name in ("a.md", "a.exe")]
        store = await client.vector_stores.create(file_ids=[good, bad])
        files = client.vector_stores.files
        for file_id in (good, bad):
            with pytest.raises(openai.BadRequestError, match="its status is 'in_progress'"):
                await files.content(file_id, vector_store_id=store.id)
        clock.advance(5)
        assert (await files.content(good, vector_store_id=store.id)).data[0].text == "Hello"
        with pytest.raises(openai.BadRequestError, match="its status is 'failed'"):
            await files.content(bad, vector_store_id=store.id)


@given(
    st.text(st.sampled_from("aż日🚀\n"), max_size=900),
    st.integers(100, 110),
    st.integers(0, 50),
    st.integers(1, 4),
)
def test_chunks_cover_the_text_and_overlap_as_they_should(
    text: str, size: int, overlap: int, per_page: int
) -> None:
    folder = Folder()
    content = folder.keep(text.encode())
    static = {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap}
    chunks = Chunks(content, {"type": "static", "static": static})
    found = list(chunks.read(0, chunks.count))
    folder.remove()
    assert len(found) == chunks.count
    assert all(len(chunk.encode()) <= size * 4 + 3 for chunk in found)
    place = 0
    step = (size - overlap) * 4
    for number, chunk in enumerate(found):
        start = number * step
        begin = next((n for n in range(start, start + 4) if _begins(text, n)), len(text.encode()))
        assert text.encode()[begin:].decode().startswith(chunk)
        assert begin <= place
        place = begin + len(chunk.encode())
    assert place == len(text.encode())


def _begins(text: str, index: int) -> bool:
    data = text.encode()
    return index < len(data) and data[index] & 0xC0 != 0x80


def test_a_part_of_the_chunks_is_the_same_as_in_the_whole() -> None:
    folder = Folder()
    chunks = Chunks(folder.keep("ż日🚀 ".encode() * 500), SMALL)
    everything = list(chunks.read(0, chunks.count))
    for start in range(chunks.count):
        assert list(chunks.read(start, start + 3)) == everything[start : start + 3]
    assert list(chunks.read(chunks.count, 99)) == []


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"", True), ("ż".encode() * 40_000, True), (b"a" * 65_535 + "ż".encode(), True),
     (b"a\xff", False), ("ż".encode()[:1], False)],
)  # fmt: skip
def test_text_is_what_reads_as_utf8(content: bytes, text: bool) -> None:
    assert is_text(Folder().keep(content)) == text
