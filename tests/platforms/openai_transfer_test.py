"""Bytes over real sockets: what is sent, and what each way of breaking off is called."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from pieces import PIECE, Bucket, Pieces
from platforms.support import Handler, answers, place_at, serving
from understudy.errors import (
    AuthenticationError,
    BusyError,
    LostAnswerError,
    OutputError,
    PlaceError,
    RejectedError,
    SnapshotError,
)
from understudy.model.naming import wire_name
from understudy.platforms.knowledge import Knowledge
from understudy.platforms.openai_transfer import Form, media_type

MIB = 1 << 20


@asynccontextmanager
async def knowledge_at(handler: Handler) -> AsyncIterator[Knowledge]:
    async with serving(handler) as url, place_at(url) as place:
        yield place.knowledge


def sends(body: bytes, *, told: int | None = None, **headers: str) -> Handler:
    """Answer with a body, and with another length than it has if told so."""

    async def handle(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers=headers)
        if told is not None:
            reply.content_length = told
        await reply.prepare(request)
        await reply.write(body)
        if told is not None and told != len(body):
            assert request.transport is not None
            request.transport.abort()
        return reply

    return handle


async def raw_request(name: str, content: Pieces, purpose: str = "assistants") -> bytes:
    """Return an upload as it went over the wire."""
    seen = b""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
        seen = head + await reader.readexactly(int(length.split(b":")[1]))
        body = b'{"id": "file-1", "filename": "x"}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, place_at(url) as place:
        await place.knowledge.upload(name, content, purpose=purpose)
    return seen


async def test_an_upload_is_a_form_of_known_length_with_the_name_in_plain_utf8() -> None:
    content = Pieces(b"first line\r\n--boundary\n" * 20_000)
    request = await raw_request('Größe "1"\r\n🙂.md', content, "user_data")
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert b"Transfer-Encoding" not in headers
    assert int(headers[b"Content-Length"]) == len(body)
    kind, _, boundary = headers[b"Content-Type"].partition(b"; boundary=")
    assert kind == b"multipart/form-data"
    assert body == (
        b"--" + boundary + b"\r\n"
        b'Content-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        b"--" + boundary + b"\r\n"
        b'Content-Disposition: form-data; name="file"; '
        b'filename="' + "Größe %221%22%0D%0A🙂.md".encode() + b'"\r\n'
        b"Content-Type: text/markdown\r\n\r\n" + content.data + b"\r\n--" + boundary + b"--\r\n"
    )


async def test_a_name_that_utf8_cannot_spell_is_sent_with_replacements() -> None:
    assert 'filename="\ufffdx.txt"'.encode() in await raw_request("\ud800x.txt", Pieces(b""))


@given(st.text(st.characters(codec="utf-8")))
def test_an_escaped_name_never_leaves_its_quotes(name: str) -> None:
    quoted = wire_name(name)
    assert not {'"', "\r", "\n"} & set(quoted)
    assert quoted.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n") == name.replace(
        "%22", '"'
    ).replace("%0D", "\r").replace("%0A", "\n")


@given(st.text() | st.sampled_from(["data:,x", "a.b/c.txt", "x.tar.gz", "http://x/y.pdf", "."]))
def test_any_name_has_a_media_type(name: str) -> None:
    kind, _, rest = media_type(name).partition("/")
    assert kind.isascii()
    assert rest.isascii()
    assert media_type("archive.tar.gz") == media_type("unknown") == "application/octet-stream"


@given(st.text(max_size=20), st.binary(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_a_form_knows_its_length(name: str, data: bytes, start: int, length: int) -> None:
    start = min(start, len(data))
    length = min(length, len(data) - start)
    form = Form("data", name, Pieces(data), start=start, length=length, fields={"purpose": "p"})
    sent = asyncio.run(_written(form))
    assert form.size == form.length == len(sent)
    assert sent.partition(b"application/octet-stream\r\n\r\n")[2].startswith(data[start:][:length])


async def _written(form: Form) -> bytes:
    class Writer:
        data = b""

        async def write(self, chunk: bytes) -> None:
            self.data += chunk

    writer = Writer()
    await form.write(writer)  # type: ignore[arg-type]
    return writer.data


class Failing(Pieces):
    """Content that cannot be read to its end."""

    def __init__(self, size: int, after: int, error: Exception | None) -> None:
        super().__init__(bytes(size))
        self.after = after
        self.error = error

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        yield self.data[: self.after]
        if self.error is not None:
            raise self.error


async def _takes(request: web.Request) -> web.Response:
    got = len(await request.read())
    return web.json_response({"id": "file-1", "filename": "x", "bytes": got})


@pytest.mark.parametrize("error", [SnapshotError("The blob is damaged."), OSError("gone"), None])
@pytest.mark.parametrize("after", [0, 10, 3 * PIECE])
async def test_content_that_cannot_be_read_is_not_taken_for_a_lost_answer(
    error: Exception | None, after: int
) -> None:
    async with knowledge_at(_takes) as knowledge:
        with pytest.raises(type(error or SnapshotError(""))) as caught:
            await knowledge.upload("x.txt", Failing(4 * PIECE, after, error))
        assert error is None or caught.value is error
        assert (await knowledge.upload("x.txt", Pieces(b"x"))).id == "file-1"


async def test_content_that_grew_is_not_sent() -> None:
    class Grown(Pieces):
        @property
        def size(self) -> int:
            return 3

        def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
            yield self.data

    async with knowledge_at(_takes) as knowledge:
        with pytest.raises(SnapshotError, match="changed"):
            await knowledge.upload("x.txt", Grown(b"four"))


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (413, RejectedError), (429, BusyError)]
)
async def test_a_refusal_is_heard_while_the_file_is_still_being_sent(
    status: int, kind: type[PlaceError]
) -> None:
    async with knowledge_at(answers(status)) as knowledge:
        with pytest.raises(kind):
            await knowledge.upload("x.bin", Pieces(bytes(32 * MIB)))


async def test_an_upload_that_breaks_off_may_have_been_carried_out() -> None:
    async def abort(request: web.Request) -> web.Response:
        await request.content.readexactly(PIECE)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with knowledge_at(abort) as knowledge:
        with pytest.raises(LostAnswerError) as caught:
            await knowledge.upload("x.bin", Pieces(bytes(16 * MIB)))
    assert not caught.value.not_done


async def test_a_server_that_takes_no_more_bytes_is_given_up() -> None:
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with knowledge_at(hang) as knowledge:
        async with asyncio.timeout(5):
            with pytest.raises(LostAnswerError):
                await knowledge.upload("x.bin", Pieces(bytes(32 * MIB)))


async def test_an_upload_may_take_longer_than_an_answer() -> None:
    async def slowly(request: web.Request) -> web.Response:
        got = 0
        async for chunk in request.content.iter_chunked(MIB):
            got += len(chunk)
            await asyncio.sleep(0.03)
        return web.json_response({"id": "file-1", "filename": "x", "bytes": got})

    async with knowledge_at(slowly) as knowledge:
        made = await knowledge.upload("x.bin", Pieces(bytes(24 * MIB)))
    assert made.bytes is not None
    assert made.bytes > 24 * MIB


@pytest.mark.parametrize(
    ("handler", "size"),
    [
        (sends(b"hello", told=9), None),
        (sends(b"hello", told=9), 9),
        (sends(b"hello", told=5), 4),
        (sends(b"hello", told=5), 6),
        (sends(b"hello"), 4),
        (sends(b"hello"), 6),
        (sends(b""), 1),
        (sends(b"x" * 3 * MIB, told=4 * MIB), None),
    ],
)
async def test_bytes_that_are_too_few_or_too_many_are_no_file(
    handler: Handler, size: int | None
) -> None:
    async with knowledge_at(handler) as knowledge:
        with pytest.raises(LostAnswerError):
            await knowledge.download("file-1", Bucket(), size=size)


@pytest.mark.parametrize("told", [5, None])
async def test_a_body_without_a_length_is_taken_too(told: int | None) -> None:
    async with knowledge_at(sends(b"hello", told=told)) as knowledge:
        for size in (None, 5):
            bucket = Bucket()
            await knowledge.download("file-1", bucket, size=size)
            assert (bucket.data, bucket.restarts) == (b"hello", 1)


async def test_a_server_that_compresses_although_it_was_not_asked_to_is_understood() -> None:
    packed = gzip.compress(b"hello" * 1000)
    handler = sends(packed, told=len(packed), **{"Content-Encoding": "gzip"})
    async with knowledge_at(handler) as knowledge:
        bucket = Bucket()
        await knowledge.download("file-1", bucket, size=5000)
    assert bucket.data == b"hello" * 1000


async def test_a_download_that_stalls_is_given_up() -> None:
    async def stall(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        reply.content_length = 10
        await reply.prepare(request)
        await reply.write(b"hello")
        await asyncio.sleep(30)
        return reply

    async with knowledge_at(stall) as knowledge:
        async with asyncio.timeout(5):
            with pytest.raises(LostAnswerError):
                await knowledge.download("file-1", Bucket(), size=10)


async def test_a_download_is_never_redirected_with_the_key() -> None:
    elsewhere = answers(302, Location="https://elsewhere.example/file")
    async with knowledge_at(elsewhere) as knowledge:
        with pytest.raises(RejectedError, match=r"elsewhere\.example"):
            await knowledge.download("file-1", Bucket())
        assert not await knowledge.downloadable("file-1")


async def test_a_full_disk_ends_the_download_at_once() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        reply = web.StreamResponse()
        reply.content_length = 1 << 32
        await reply.prepare(request)
        while True:
            await reply.write(bytes(MIB))
            sent += MIB

    class Full(Bucket):
        def write(self, chunk: bytes) -> None:
            raise OutputError("No space left on device.")

    async with knowledge_at(endless) as knowledge:
        with pytest.raises(OutputError):
            await knowledge.download("file-1", Full())
        assert await knowledge.downloadable("file-1")
    assert sent < 64 * MIB


async def test_a_large_file_never_lies_in_memory() -> None:
    size = 64 * MIB

    async def pipe(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            got = 0
            async for chunk in request.content.iter_any():
                got += len(chunk)
            return web.json_response({"id": "file-1", "bytes": got})
        reply = web.StreamResponse()
        reply.content_length = size
        await reply.prepare(request)
        for _ in range(size // PIECE):
            await reply.write(bytes(PIECE))
        return reply

    class Long(Pieces):
        @property
        def size(self) -> int:
            return size

        def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
            for _ in range(size // PIECE):
                yield bytes(PIECE)

    class Drain(Bucket):
        got = 0

        def write(self, chunk: bytes) -> None:
            self.got += len(chunk)

    async with knowledge_at(pipe) as knowledge:
        tracemalloc.start()
        drain = Drain()
        await knowledge.download("file-1", drain, size=size)
        await knowledge.upload("x.bin", Long(b""))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert drain.got == size
    assert peak < 16 * MIB
