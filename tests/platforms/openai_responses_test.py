"""Events out of bytes, however they are cut; servers that know no streams, or nothing at all."""

import json
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from understudy.errors import (
    EndpointGoneError,
    LostAnswerError,
    MissingError,
    PlaceError,
    RejectedError,
    UnreachableError,
)
from understudy.platforms import openai_responses, openai_wire
from understudy.platforms.openai_responses import EventParser, ResponsesClient
from understudy.platforms.openai_wire import Wire

EVENTS = [{"type": "a", "text": "Grüße\n😀"}, {"type": "b"}]
STREAM = b"".join(b"event: x\ndata: %b\n\n" % json.dumps(one).encode() for one in EVENTS)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_are_the_same_however_the_bytes_are_cut(end: bytes, cuts: list[int]) -> None:
    whole = b": hello\n\n" + STREAM + b"data: [DONE]\n\n"
    whole = whole.replace(b"\n", end)
    places = [0, *sorted(cuts), len(whole)]
    parser = EventParser()
    found = [event for start, stop in pairwise(places) for event in parser.feed(whole[start:stop])]
    assert found == EVENTS


def test_data_in_several_lines_is_one_event() -> None:
    assert list(EventParser().feed(b'data: {"type":\ndata:"a"}\n\n')) == [{"type": "a"}]


@pytest.mark.parametrize("data", [b"{", b"7", b"[]"])
def test_what_is_no_event_is_a_broken_answer(data: bytes) -> None:
    with pytest.raises(LostAnswerError):
        list(EventParser().feed(b"data: " + data + b"\n\n"))


def test_an_event_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_responses, "_MOST_BYTES", 1000)
    parser = EventParser()
    for _ in range(1000):
        list(parser.feed(b"data:\n"))
    with pytest.raises(LostAnswerError, match="no end"):
        list(parser.feed(b"data:\ndata:\n" * 2 + b"data:"))


@pytest.mark.parametrize("line", [b"1" * 1000, b"1\ndata: "], ids=["one line", "many lines"])
def test_a_huge_event_costs_as_much_as_it_is_long(line: bytes) -> None:
    count = 16_000
    parser, began = EventParser(), time.perf_counter()
    assert list(parser.feed(b'data: {"type": [[0, ')) == []
    for _ in range(count):
        assert list(parser.feed(line)) == []
    with pytest.raises(LostAnswerError, match="not JSON"):
        list(parser.feed(b"\n\n"))
    assert time.perf_counter() - began < 2.0  # copied anew for each piece, it takes many times that


Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def asked(serve: Serve) -> list[dict[str, Any]]:
    app = web.Application()
    app.router.add_post("/v1/responses", serve)
    async with TestServer(app) as server:
        wire = Wire("dst", str(server.make_url("/v1")), SecretStr("sk-0123456789"), "org", "proj")
        client = ResponsesClient(wire, headers={})
        try:
            return [event async for event in client.stream_response({"model": "m"})]
        finally:
            await client.aclose()


async def test_a_server_that_knows_no_streams_is_understood() -> None:
    async def serve(request: web.Request) -> web.Response:
        assert (await request.json())["stream"] is True
        assert request.headers["OpenAI-Organization"] == "org"
        return web.json_response({"id": "resp_1", "status": "completed", "output": []})

    (event,) = await asked(serve)
    assert event["type"] == "response.completed"


async def test_a_reply_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(_: web.Request) -> web.Response:
        return web.json_response({"id": "resp_1", "output": ["x" * 2000]})

    monkeypatch.setattr(openai_wire, "MOST_BYTES", 1000)
    with pytest.raises(LostAnswerError, match="bytes"):
        await asked(serve)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, "<html>nginx</html>", EndpointGoneError),
        (404, {"detail": "Not Found"}, EndpointGoneError),
        (404, {"error": {"message": "Invalid URL (POST /v1/responses)"}}, EndpointGoneError),
        (404, {"error": {"message": "No such File object: file-1"}}, MissingError),
        (404, {"error": {"message": "Vector store with id 'vs_1' not found."}}, MissingError),
        (404, {"error": {"message": "no", "code": "model_not_found"}}, RejectedError),
        (302, "", RejectedError),
    ],
)
async def test_a_404_is_about_the_endpoint_unless_it_names_something(
    status: int, body: Any, kind: type[PlaceError]
) -> None:
    async def serve(_: web.Request) -> web.Response:
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers={"Location": "http://x/"})
        return web.json_response(body, status=status)

    with pytest.raises(PlaceError) as caught:
        await asked(serve)
    assert type(caught.value) is kind


async def test_nobody_there_is_unreachable() -> None:
    wire = Wire("dst", "http://127.0.0.1:9/v1", SecretStr("sk-0123456789"))
    client = ResponsesClient(wire, headers={})
    with pytest.raises(UnreachableError):
        async for _ in client.stream_response({}):
            pass
    await client.aclose()
