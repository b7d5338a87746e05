"""The wire over real sockets: headers, and what each kind of failure is called."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from platforms.support import KEY, Handler, answers, place_at, serving
from understudy.errors import (
    AuthenticationError,
    BusyError,
    EndpointGoneError,
    LostAnswerError,
    MissingError,
    PlaceError,
    QuotaError,
    RejectedError,
    UnreachableError,
)
from understudy.replicate.gather import gather
from understudy.sandbox import Sandbox


@pytest.mark.parametrize(
    ("status", "code", "kind", "transient", "not_done"),
    [
        (401, "invalid_api_key", AuthenticationError, False, True),
        (403, None, AuthenticationError, False, True),
        (429, "rate_limit_exceeded", BusyError, True, True),
        (429, "slow_down", BusyError, True, True),
        (429, None, BusyError, True, True),
        (429, "insufficient_quota", QuotaError, False, True),
        (429, "credit_balance_exhausted", QuotaError, False, True),
        (429, "project_spend_limit_exceeded", QuotaError, False, True),
        (429, "organization_usage_limit_exceeded", QuotaError, False, True),
        (408, None, LostAnswerError, True, False),
        (409, None, LostAnswerError, True, False),
        (500, None, LostAnswerError, True, False),
        (503, None, LostAnswerError, True, False),
        (400, "unsupported_parameter", RejectedError, False, True),
        (400, "model_not_found", RejectedError, False, True),
        (422, None, RejectedError, False, True),
        (302, None, RejectedError, False, True),
    ],
)
async def test_each_answer_is_one_kind_of_error(
    status: int, code: str | None, kind: type[PlaceError], transient: bool, not_done: bool
) -> None:
    async with serving(answers(status, code)) as url, place_at(url) as place:
        with pytest.raises(kind) as caught:
            await place.create({"model": "gpt-4o"})
    assert (caught.value.transient, caught.value.not_done) == (transient, not_done)
    assert caught.value.code == code
    assert "src" in str(caught.value)


async def test_a_404_on_the_collection_means_that_the_endpoint_is_gone() -> None:
    async with serving(answers(404)) as url, place_at(url) as place:
        with pytest.raises(EndpointGoneError, match="2026-08-26"):
            await place.list_page()
        with pytest.raises(EndpointGoneError):
            await place.create({"model": "gpt-4o"})


async def test_a_404_on_one_assistant_means_that_it_is_missing() -> None:
    async with serving(answers(404, message="No assistant found")) as url, place_at(url) as place:
        with pytest.raises(MissingError):
            await place.retrieve("asst_x")
        await place.delete("asst_x")


async def test_an_invalid_url_anywhere_means_that_the_endpoint_is_gone() -> None:
    gone = answers(404, message="Invalid URL (GET /v1/assistants/asst_x)")
    async with serving(gone) as url, place_at(url) as place:
        with pytest.raises(EndpointGoneError):
            await place.retrieve("asst_x")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
async def test_the_time_to_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    async with serving(answers(429, **headers)) as url, place_at(url) as place:
        with pytest.raises(BusyError) as caught:
            await place.list_page()
    assert caught.value.retry_after == seconds


async def test_a_refused_connection_was_certainly_not_carried_out() -> None:
    async with serving(answers(200)) as url:
        pass  # the port is free again
    async with place_at(url) as place:
        with pytest.raises(UnreachableError, match="Connection refused") as caught:
            await place.create({"model": "gpt-4o"})
    assert caught.value.not_done


async def test_a_host_without_an_address_is_unreachable() -> None:
    async with place_at("http://no-such-host.invalid/v1") as place:
        with pytest.raises(UnreachableError, match=r"no-such-host\.invalid"):
            await place.list_page()


async def test_tls_against_a_plain_server_is_unreachable() -> None:
    async with serving(answers(200)) as url, place_at(url.replace("http:", "https:")) as place:
        with pytest.raises(UnreachableError):
            await place.list_page()


async def test_a_connection_that_breaks_may_have_been_carried_out() -> None:
    async def abort(request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(abort) as url, place_at(url) as place:
        with pytest.raises(LostAnswerError):
            await place.create({"model": "gpt-4o"})


async def test_a_server_that_never_answers_is_given_up() -> None:
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with serving(hang) as url, place_at(url) as place:
        with pytest.raises(LostAnswerError):
            await place.create({"model": "gpt-4o"})
        never.set()


@pytest.mark.parametrize(
    "body", [b"", b'{"id": "asst_', b"<html>hello</html>", b"[1]", b"\xff\xfe"]
)
async def test_an_answer_that_is_no_object_may_have_been_carried_out(body: bytes) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async with serving(handle) as url, place_at(url) as place:
        with pytest.raises(LostAnswerError):
            await place.create({"model": "gpt-4o"})


async def test_an_error_page_is_shown_in_short_and_without_keys() -> None:
    async def handle(request: web.Request) -> web.Response:
        text = f"<h1>Bad gateway</h1> {request.headers['Authorization']} " + "x" * 5000
        return web.Response(text=text, status=400)

    async with serving(handle) as url, place_at(url) as place:
        with pytest.raises(RejectedError) as caught:
            await place.list_page()
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) < 700


async def test_keys_are_gone_from_every_part_of_an_error() -> None:
    async def handle(request: web.Request) -> web.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        error = {"message": "x" * 395 + key, "code": key, "param": f"a.{key}"}
        return web.json_response({"error": error}, status=400)

    async with serving(handle) as url, place_at(url) as place:
        with pytest.raises(RejectedError) as caught:
            await place.list_page()
    said = f"{caught.value} {caught.value.code} {caught.value.param}"
    assert not any(KEY[:length] in said for length in (6, len(KEY)))


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.path)
        raise web.HTTPFound("/elsewhere")

    async with serving(handle) as url, place_at(url) as place:
        with pytest.raises(RejectedError, match="/elsewhere"):
            await place.list_page()
    assert seen == ["/v1/assistants"]


async def test_a_profile_sends_its_own_scope_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-leak")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-leak")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/leak")
    seen: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.json_response({"object": "list", "data": [], "has_more": False})

    async with serving(handle) as url:
        async with place_at(url) as place:
            await place.list_page()
        async with place_at(url, organization="org-mine", project="proj-mine") as place:
            await place.list_page()
    plain, scoped = ({k.lower(): v for k, v in headers.items()} for headers in seen)
    assert plain["authorization"] == f"Bearer {KEY}"
    assert plain["openai-beta"] == "assistants=v2"
    assert "openai-organization" not in plain
    assert "openai-project" not in plain
    assert scoped["openai-organization"] == "org-mine"
    assert scoped["openai-project"] == "proj-mine"


def listing(pages: dict[str, dict[str, Any]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(pages[request.query.get("after", "")])

    return handle


async def test_a_listing_that_repeats_itself_ends_with_an_error() -> None:
    data = [{"id": "a"}, {"id": "b"}]
    same = {"data": data, "has_more": True}
    async with serving(listing({"": same, "b": same})) as url, place_at(url) as place:
        with pytest.raises(LostAnswerError):
            await gather(place)


async def test_a_listing_without_has_more_goes_on_until_a_page_is_not_full() -> None:
    full = {"data": [{"id": f"a{n}"} for n in range(100)]}
    pages = {"": full, "a99": {"data": [{"id": "last"}]}}
    async with serving(listing(pages)) as url, place_at(url) as place:
        assert len((await gather(place)).assistants) == 101


@pytest.mark.parametrize(
    "reply", [{}, {"data": None}, {"data": [{"name": "no id"}]}, {"data": [3]}]
)
async def test_a_listing_of_another_shape_is_an_error_not_an_empty_place(reply: Any) -> None:
    async with serving(listing({"": reply})) as url, place_at(url) as place:
        with pytest.raises(LostAnswerError):
            await gather(place)


async def test_a_place_that_does_not_list_its_models_says_nothing() -> None:
    for status in (404, 403):
        async with serving(answers(status)) as url, place_at(url) as place:
            assert await place.models() is None


async def test_a_key_that_may_not_list_models_is_no_refused_key() -> None:
    said = "You have insufficient permissions for this operation. Missing scopes: api.model.read."
    for status in (401, 403):
        async with serving(answers(status, message=said)) as url, place_at(url) as place:
            assert await place.models() is None
    async with serving(answers(401, "invalid_api_key")) as url, place_at(url) as place:
        with pytest.raises(AuthenticationError):
            await place.models()


async def test_ids_cannot_leave_their_path() -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.json_response({"id": "x"})

    async with serving(handle) as url, place_at(url) as place:
        await place.retrieve("../files?x=1#y")
    assert [path.replace("%3D", "=") for path in seen] == ["/v1/assistants/..%2Ffiles%3Fx=1%23y"]


async def test_a_page_that_promises_more_and_holds_nothing_is_not_the_end() -> None:
    pages = {"": {"data": [{"id": "a"}], "has_more": True}, "a": {"data": [], "has_more": True}}
    async with serving(listing(pages)) as url, place_at(url) as place:
        with pytest.raises(LostAnswerError, match="has_more"):
            await gather(place)


async def test_an_assistant_deleted_while_the_list_is_read_does_not_mean_that_all_is_gone() -> None:
    async with Sandbox() as sandbox:
        for number in range(101):
            sandbox.project(KEY).add(name=f"Number {number}")
        async with place_at(sandbox.base_url) as place:
            page = await place.list_page()
            await place.delete(str(page.after))
            with pytest.raises(MissingError):
                await place.list_page(after=page.after)


@pytest.mark.parametrize("code", ["model_not_found", "DeploymentNotFound"])
async def test_a_404_that_names_the_model_concerns_one_assistant_alone(code: str) -> None:
    async with serving(answers(404, code)) as url, place_at(url) as place:
        with pytest.raises(RejectedError):
            await place.create({"model": "gpt-4o"})


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_nested_without_end_is_an_error_like_any_other(status: int) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=b"[" * 200_000, status=status, content_type="application/json")

    async with serving(handle) as url, place_at(url) as place:
        with pytest.raises(LostAnswerError):
            await place.create({"model": "gpt-4o"})


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Slow down", "code": 429, "param": ["x"], "type": 7},
        {"message": {"text": "x"}, "code": None},
        "just text",
        ["a list"],
        None,
    ],
)
async def test_an_error_of_any_shape_is_understood_by_its_status(error: Any) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response({"error": error}, status=429)

    async with serving(handle) as url, place_at(url) as place:
        with pytest.raises(BusyError):
            await place.list_page()


async def test_lone_surrogates_survive_the_wire_both_ways() -> None:
    async with Sandbox() as sandbox, place_at(sandbox.base_url) as place:
        made = await place.create({"model": "gpt-4o", "name": "\ud800 and \udfff"})
        assert (await place.retrieve(made.id)).name == "\ud800 and \udfff"
