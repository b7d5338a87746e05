"""What the OpenAI adapter makes of answers about files and vector stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from pieces import Bucket, Pieces
from platforms.support import KEY, Handler, answers, place_at, serving
from understudy.errors import (
    AuthenticationError,
    EndpointGoneError,
    LostAnswerError,
    MissingError,
    PlaceError,
    RejectedError,
)
from understudy.model.knowledge import File, Store, StoreFile
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.knowledge import Knowledge, KnowledgeLimits
from understudy.platforms.openai_knowledge import OpenAIKnowledge
from understudy.platforms.openai_wire import Wire, WireClient
from understudy.sandbox import Sandbox

STATIC = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}


def said(value: Any, *, seen: list[Any] | None = None) -> Handler:
    """Answer everything with one JSON value; note method, path with query, and JSON body."""

    async def handle(request: web.Request) -> web.Response:
        if seen is not None:
            body = await request.json() if request.can_read_body else None
            seen.append((request.method, request.raw_path.removeprefix("/v1"), body))
        return web.json_response(value)

    return handle


@asynccontextmanager
async def knowledge_at(handler: Handler) -> AsyncIterator[Knowledge]:
    async with serving(handler) as url, place_at(url) as place:
        yield place.knowledge


@asynccontextmanager
async def sandboxed(
    limits: KnowledgeLimits | None = None, **rules: Any
) -> AsyncIterator[tuple[Sandbox, Knowledge]]:
    async with Sandbox(**rules) as sandbox:
        client = WireClient(Wire("src", sandbox.base_url, SecretStr(KEY)), headers={})
        yield sandbox, OpenAIKnowledge(client, limits=limits)
        await client.aclose()


async def test_files_that_the_place_keeps_to_itself_are_known_beforehand() -> None:
    async with sandboxed() as (sandbox, knowledge):
        kept = await knowledge.upload("a.txt", Pieces(b"x"))
        given = await knowledge.upload("b.png", Pieces(b"\x89PNG"), purpose="vision")
        assert not await knowledge.downloadable(kept.id)
        assert await knowledge.downloadable(given.id)
        with pytest.raises(RejectedError, match="Not allowed to download files of purpose"):
            await knowledge.download(kept.id, Bucket())
        assert sandbox.project(KEY).content(kept.id) == b"x"


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize(
    "message",
    [
        "Not allowed to download files of purpose: assistants",
        "You are not permitted to download this file",
        "Files with purpose 'assistants' cannot be downloaded.",
        "Downloading files of this kind is not allowed",
    ],
)
async def test_a_refusal_of_the_bytes_alone_never_stops_the_run(status: int, message: str) -> None:
    async with knowledge_at(answers(status, message=message)) as knowledge:
        assert not await knowledge.downloadable("file-1")
        with pytest.raises(RejectedError) as caught:
            await knowledge.download("file-1", Bucket())
        with pytest.raises(RejectedError):
            await knowledge.download_from_container("cntr_1", "cfile_1", Bucket())
    assert not caught.value.stops_run


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "Incorrect API key provided", AuthenticationError),
        (
            403,
            "You have insufficient permissions. Missing scopes: api.files.read",
            AuthenticationError,
        ),
        (404, "No such File object: file-1", MissingError),
        (500, "The server had an error", LostAnswerError),
    ],
)
async def test_other_refusals_are_no_answer_to_whether_bytes_can_be_had(
    status: int, message: str, kind: type[PlaceError]
) -> None:
    async with knowledge_at(answers(status, message=message)) as knowledge:
        with pytest.raises(kind):
            await knowledge.downloadable("file-1")


async def test_a_server_without_the_endpoint_is_not_told_about_assistants() -> None:
    async with knowledge_at(answers(404, message="Not Found")) as knowledge:
        for call in (
            knowledge.list_files(),
            knowledge.upload("x", Pieces(b"")),
            knowledge.begin_upload("x", 1),
            knowledge.list_stores(),
            knowledge.create_store({}),
            knowledge.create_container("x", []),
        ):
            with pytest.raises(EndpointGoneError) as caught:
                await call
            assert "no such endpoint" in str(caught.value)
            assert "Assistants" not in str(caught.value)
        with pytest.raises(MissingError):
            await knowledge.list_files(after="file-1")


async def test_lists_ask_for_as_much_as_they_can_get() -> None:
    seen: list[Any] = []
    async with knowledge_at(said({"data": []}, seen=seen)) as knowledge:
        await knowledge.list_files(after="file-1")
        await knowledge.list_stores()
        await knowledge.list_store_files("vs_1", newest_first=True)
        await knowledge.list_container_files("cntr_1")
    assert [path for _, path, _ in seen] == [
        "/files?limit=10000&order=asc&after=file-1",
        "/vector_stores?limit=100&order=asc",
        "/vector_stores/vs_1/files?limit=100&order=desc",
        "/containers/cntr_1/files?limit=100&order=asc",
    ]


async def test_requests_say_what_is_wanted_and_nothing_else() -> None:
    seen: list[Any] = []
    async with knowledge_at(said({"id": "x"}, seen=seen)) as knowledge:
        await knowledge.create_store({"name": "N", "description": None, "metadata": {}})
        await knowledge.update_store("vs_1", {"expires_after": None})
        await knowledge.attach("vs_1", StoreFile("file-1"))
        await knowledge.attach_many("vs_1", [StoreFile("a", {"x": 1}, STATIC), StoreFile("b")])
        await knowledge.update_attributes("vs_1", "file-1", {"x": True})
        await knowledge.begin_upload("x.pdf", 7, purpose="user_data")
        await knowledge.create_container("c", ["a"])
    assert [(path, body) for _, path, body in seen] == [
        ("/vector_stores", {"name": "N", "metadata": {}}),
        ("/vector_stores/vs_1", {"expires_after": None}),
        ("/vector_stores/vs_1/files", {"file_id": "file-1"}),
        (
            "/vector_stores/vs_1/file_batches",
            {
                "files": [
                    {"file_id": "a", "attributes": {"x": 1}, "chunking_strategy": STATIC},
                    {"file_id": "b"},
                ]
            },
        ),
        ("/vector_stores/vs_1/files/file-1", {"attributes": {"x": True}}),
        (
            "/uploads",
            {
                "filename": "x.pdf",
                "bytes": 7,
                "purpose": "user_data",
                "mime_type": "application/pdf",
            },
        ),
        (
            "/containers",
            {
                "name": "c",
                "file_ids": ["a"],
                "expires_after": {"anchor": "last_active_at", "minutes": 20},
            },
        ),
    ]


@pytest.mark.parametrize("name", ["a/b", "../../assistants", "x?limit=1", "a b#c", "%2e%2e", "é"])
async def test_an_id_never_becomes_another_path(name: str) -> None:
    seen: list[Any] = []
    async with knowledge_at(said({"id": "x"}, seen=seen)) as knowledge:
        await knowledge.delete_file(name)
        await knowledge.detach(name, name)
    for _, path, _ in seen:
        assert path.count("/") in (2, 4)
        assert "?" not in path
        assert ".." not in path.split("/")


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_an_id_that_would_mean_the_whole_list_is_missing(name: str) -> None:
    seen: list[Any] = []
    async with knowledge_at(said({}, seen=seen)) as knowledge:
        for call in (knowledge.retrieve_file(name), knowledge.retrieve_store(name)):
            with pytest.raises(MissingError):
                await call
        await knowledge.delete_file(name)
        await knowledge.delete_store(name)
        await knowledge.detach("vs_1", name)
    assert seen == []


async def test_records_are_read_as_far_as_they_make_sense() -> None:
    data: list[dict[str, Any]] = [
        {"id": "file-1", "filename": "a.txt", "bytes": 3, "created_at": 7, "purpose": "vision"},
        {"id": "file-2", "filename": None, "bytes": "3", "created_at": True, "purpose": 1},
    ]
    async with knowledge_at(said({"data": data, "has_more": False})) as knowledge:
        page = await knowledge.list_files()
        stores = await knowledge.list_stores()
    assert page.items == (
        File("file-1", "a.txt", 3, "vision", 7),
        File("file-2"),
    )
    assert stores.items == tuple(Store(str(record["id"]), record) for record in data)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"chunking_strategy": STATIC}, StoreFile("f", chunking=STATIC)),
        ({"chunking_strategy": {"type": "other"}}, StoreFile("f")),
        ({"chunking_strategy": {"type": "auto"}}, StoreFile("f")),
        ({"chunking_strategy": None, "attributes": None, "last_error": None}, StoreFile("f")),
        (
            {"attributes": {"a": 1}, "status": "in_progress"},
            StoreFile("f", {"a": 1}, None, "in_progress"),
        ),
        (
            {"status": "failed", "last_error": {"code": "invalid_file", "message": "Bad."}},
            StoreFile("f", status="failed", error_code="invalid_file", error="Bad."),
        ),
    ],
)
async def test_files_in_stores_are_read(record: dict[str, Any], expected: StoreFile) -> None:
    async with knowledge_at(said({"data": [{"id": "f", **record}]})) as knowledge:
        assert (await knowledge.list_store_files("vs_1")).items == (expected,)


@pytest.mark.parametrize(
    "reply",
    [
        {"data": None},
        {"data": {}},
        {"data": [1]},
        {"data": [{"id": 1}]},
        {"data": [{"id": "x"}], "has_more": True, "last_id": "x"},
        {"data": [], "has_more": True},
        [],
    ],
)
async def test_a_listing_that_makes_no_sense_is_a_lost_answer(reply: Any) -> None:
    async with knowledge_at(said(reply)) as knowledge:
        for call in (
            knowledge.list_files(after="x"),
            knowledge.list_stores(after="x"),
            knowledge.list_store_files("vs_1", after="x"),
            knowledge.list_container_files("cntr_1", after="x"),
        ):
            with pytest.raises(LostAnswerError):
                await call


async def test_an_answer_without_an_id_is_a_lost_answer() -> None:
    async with knowledge_at(said({"id": None, "file": None})) as knowledge:
        for call in (
            knowledge.retrieve_file("f"),
            knowledge.upload("x", Pieces(b"")),
            knowledge.begin_upload("x", 1),
            knowledge.upload_part("u", Pieces(b"x"), 0, 1),
            knowledge.finish_upload("u", ["p"]),
            knowledge.create_store({}),
            knowledge.create_container("c", []),
            knowledge.text_page("vs_1", "f"),
        ):
            with pytest.raises(LostAnswerError, match="src"):
                await call


@pytest.mark.parametrize(
    ("reply", "after"),
    [
        ({"has_more": True, "next_page": "token"}, "token"),
        ({"has_more": False, "next_page": "token"}, None),
        ({"has_more": True, "next_page": None}, None),
        ({}, None),
    ],
)
async def test_text_goes_on_only_where_the_place_says_so(
    reply: dict[str, Any], after: str | None
) -> None:
    seen: list[Any] = []
    data = [{"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"}]
    async with knowledge_at(said({"data": data, **reply}, seen=seen)) as knowledge:
        page = await knowledge.text_page("vs_1", "f", after="x&y")
    assert (page.texts, page.after) == (("one", "two"), after)
    assert seen[0][1] == "/vector_stores/vs_1/files/f/content?page=x%26y"


def refuses(status: int, code: str | None, param: str | None, message: str) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        error = {"message": message, "type": "t", "param": param, "code": code}
        return web.json_response({"error": error}, status=status)

    return handle


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (
            refuses(400, "array_above_max_length", "files", "Invalid 'files'"),
            "array_above_max_length",
        ),
        (refuses(400, None, None, "Invalid 'files': array too long."), "array_above_max_length"),
        (
            refuses(400, "unknown_parameter", "files", "Unknown parameter: 'files'."),
            "unknown_parameter",
        ),
        (refuses(400, "unsupported_parameter", "files[0].attributes", "No."), "unknown_parameter"),
        (
            refuses(400, "unknown_parameter", None, "Unknown parameter: 'files'."),
            "unknown_parameter",
        ),
        (refuses(400, "missing_required_parameter", "file_ids", "Missing."), "unknown_parameter"),
        (refuses(404, None, None, "Invalid URL (POST /v1/…)"), "unknown_parameter"),
        (refuses(400, "unknown_parameter", "x", "Unknown parameter: 'x'."), "unknown_parameter"),
        (refuses(400, "invalid_value", "files", "No such file."), "invalid_value"),
    ],
)
async def test_refusals_of_batches_are_told_apart(handler: Handler, code: str) -> None:
    async with knowledge_at(handler) as knowledge:
        with pytest.raises(RejectedError) as caught:
            await knowledge.attach_many("vs_1", [StoreFile("f")])
    assert caught.value.code == code


async def test_a_place_that_takes_smaller_batches_says_so() -> None:
    async with sandboxed(batch_limit=2) as (_, knowledge):
        files = [await knowledge.upload(f"{n}", Pieces(b"x")) for n in range(3)]
        store = await knowledge.create_store({})
        wanted = [StoreFile(file.id) for file in files]
        with pytest.raises(RejectedError) as caught:
            await knowledge.attach_many(store.id, wanted)
        assert caught.value.code == "array_above_max_length"
        await knowledge.attach_many(store.id, wanted[:2])


async def test_containers_that_are_not_there_are_no_reason_to_speak_of_assistants() -> None:
    async with sandboxed(containers=False) as (_, knowledge):
        with pytest.raises(EndpointGoneError, match="no such endpoint"):
            await knowledge.create_container("c", [])


async def test_traits_carry_the_limits_that_were_given() -> None:
    small = KnowledgeLimits(batch=3, upload=10, part=4)
    async with sandboxed(small) as (_, knowledge):
        traits = knowledge.traits
    assert traits.limits == small
    assert (traits.containers, traits.texts, traits.indexes) == (True, True, True)


async def test_indexing_that_goes_on_or_failed_shows() -> None:
    failures = {"*.bad": ("unsupported_file", "The file type is not supported.")}
    async with sandboxed(indexing=60.0, indexing_failures=failures) as (sandbox, knowledge):
        project = sandbox.project(KEY)
        bad = project.put_file("x.bad", b"x")["id"]
        good = project.put_file("x.txt", b"x")["id"]
        old = project.put_store(name="Old", files=[bad])["id"]
        await knowledge.attach(old, StoreFile(good))
        found = {f.file_id: f for f in (await knowledge.list_store_files(old)).items}
    assert (found[bad].status, found[bad].error_code) == ("failed", "unsupported_file")
    assert "not supported" in found[bad].error
    assert found[good].status == "in_progress"


async def test_the_adapter_for_assistants_holds_one_knowledge() -> None:
    place = AssistantsV2(Wire("src", "http://127.0.0.1:1/v1", SecretStr(KEY)))
    assert place.knowledge is place.knowledge
    await place.aclose()
