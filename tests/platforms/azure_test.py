"""Servers in Azure's manner on the same wire: API versions, their header, their errors."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from pieces import Bucket, Pieces
from platforms.support import KEY, Handler, place_at, serving
from understudy.errors import (
    AuthenticationError,
    BusyError,
    EndpointGoneError,
    MissingError,
    PlaceError,
    RejectedError,
)
from understudy.model.assistant import definition
from understudy.sandbox import Sandbox

VERSION = "2025-05-01"


def noting(seen: list[web.Request], reply: dict[str, Any]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        await request.read()
        seen.append(request)
        return web.json_response(reply)

    return handle


async def test_every_request_carries_the_api_version() -> None:
    seen: list[web.Request] = []
    reply = {"id": "asst_1", "object": "list", "data": [], "has_more": False}
    async with (
        serving(noting(seen, reply)) as url,
        place_at(url, api_version=VERSION) as place,
    ):
        await place.list_page(after="asst_0")
        await place.retrieve("asst_1")
        await place.create({"model": "gpt-4o"})
        await place.update("asst_1", {"name": "x"})
        await place.delete("asst_1")
        await place.models()
        await place.knowledge.list_files()
        await place.knowledge.list_stores()
        await place.knowledge.download("file-1", Bucket())
    assert len(seen) == 9
    assert [request.query.getall("api-version") for request in seen] == [[VERSION]] * 9
    assert seen[0].query["after"] == "asst_0"


async def test_a_form_carries_it_too() -> None:
    seen: list[web.Request] = []
    async with (
        serving(noting(seen, {"id": "file-1", "bytes": 2, "filename": "a.txt"})) as url,
        place_at(url, api_version=VERSION) as place,
    ):
        await place.knowledge.upload("a.txt", Pieces(b"hi"))
    assert [request.query.get("api-version") for request in seen] == [VERSION] * len(seen)
    assert seen[0].content_type == "multipart/form-data"


@pytest.mark.parametrize("auth", ["bearer", "api-key"])
async def test_the_key_goes_into_one_header(auth: str) -> None:
    seen: list[web.Request] = []
    async with (
        serving(noting(seen, {"id": "asst_1"})) as url,
        place_at(url, api_version=VERSION, auth=auth) as place,
    ):
        await place.retrieve("asst_1")
    sent = {name: seen[0].headers.get(name) for name in ("api-key", "Authorization")}
    bearer = {"api-key": None, "Authorization": f"Bearer {KEY}"}
    assert sent == (bearer if auth == "bearer" else {"api-key": KEY, "Authorization": None})


async def test_without_an_api_version_there_is_none() -> None:
    seen: list[web.Request] = []
    async with serving(noting(seen, {"id": "asst_1"})) as url, place_at(url) as place:
        await place.retrieve("asst_1")
    assert dict(seen[0].query) == {}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, {"error": {"code": "401", "message": "Access denied"}}, AuthenticationError, "401"),
        (401, {"statusCode": 401, "message": "Unauthorized"}, AuthenticationError, "Unauth"),
        (403, {"error": {"code": "403", "message": "Forbidden"}}, AuthenticationError, "Forb"),
        (404, {"statusCode": 404, "message": "Resource not found"}, EndpointGoneError, "Resource"),
        (
            404,
            {"error": {"code": "404", "message": "Resource not found"}},
            EndpointGoneError,
            "not found",
        ),
        (429, {"error": {"code": "429", "message": "Retry after 1 second"}}, BusyError, "Retry"),
        (
            400,
            {"error": {"code": "UnsupportedApiVersion", "message": "No such version"}},
            RejectedError,
            "UnsupportedApiVersion",
        ),
        (
            404,
            {"error": {"code": "DeploymentNotFound", "message": "No deployment"}},
            RejectedError,
            "DeploymentNotFound",
        ),
    ],
)
async def test_errors_in_azures_form_are_the_same_errors(
    status: int, body: dict[str, Any], kind: type[PlaceError], words: str
) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    async with serving(handle) as url, place_at(url, api_version=VERSION) as place:
        with pytest.raises(kind, match=words) as caught:
            await place.list_page()
        if kind is EndpointGoneError:
            assert f"api_version (now {VERSION})" in caught.value.hint
            with pytest.raises(MissingError):
                await place.retrieve("asst_1")


@pytest.mark.parametrize("auth", ["bearer", "api-key"])
async def test_a_whole_copy_goes_through_a_place_in_azures_manner(auth: str) -> None:
    async with Sandbox(api_version=VERSION) as sandbox:
        sandbox.project(KEY).add(name="Bot", model="gpt-4o")
        async with place_at(sandbox.base_url, api_version=VERSION, auth=auth) as place:
            (found,) = (await place.list_page()).assistants
            copy = await place.create(definition(found.raw))
            await place.update(copy.id, {"name": "Copy"})
            assert (await place.retrieve(copy.id)).name == "Copy"
        async with place_at(sandbox.base_url, api_version="1999-01-01", auth=auth) as place:
            with pytest.raises(PlaceError):
                await place.list_page()
