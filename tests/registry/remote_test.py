"""A registry that a service holds, over real sockets: the last good copy or a clear error."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bad_service import Answering, Asked, BadService, everything, http, problem
from command import until
from serving import entry, running, served, stored
from understudy import AsyncRegistryClient, Registry, RegistryClient
from understudy.config import load
from understudy.errors import (
    AuthenticationError,
    BusyError,
    BusySyncError,
    DeniedSyncError,
    EndpointGoneError,
    LimitedError,
    LostAnswerError,
    PlaceError,
    RefusedSyncError,
    RejectedError,
    SelectionError,
    UnderstudyError,
    UnreachableError,
    UsageError,
)
from understudy.ops import remote_wire
from understudy.ops.keeping import Keeper
from understudy.registry.file import DEFAULT
from understudy.service.app import Serving
from understudy.service.auth import parse_keys
from understudy.service.server import listen

KEY = "canary-full-0123456789abcdef"
READER = "canary-read-0123456789abcdef"
SYNCER = "canary-sync-0123456789abcdef"
ADMIN = "canary-admin-0123456789abcdef"
KEYS = f"f:read+read:full:{KEY} r:read:{READER} s:sync:{SYNCER} a:admin:{ADMIN}"
BOTS = {f"BOT_{n}": entry(n, tools=[{"type": "x"}]) for n in range(1, 4)}
PATIENCE = 30.0  # seconds


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings nor proxies of this machine."""
    monkeypatch.chdir(tmp_path)
    for name in ("UNDERSTUDY_API_KEY", "OPENAI_API_KEY", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Clock:
    """Seconds that pass only when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def served_at(port: int, folder: Path, source: str = "default") -> Iterator[None]:
    """Serve a folder's registry with the keys at a port that is known."""
    keeper = Keeper(load({}, folder), path=folder / DEFAULT, source=source)
    with running(Serving(keeper, parse_keys(SecretStr(KEYS))), listen("127.0.0.1", port)):
        yield


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


# The real service


def test_look_ups_are_those_of_the_registry_itself(tmp_path: Path) -> None:
    local = Registry(stored(BOTS, tmp_path))
    with served(KEYS, folder=tmp_path) as service, RegistryClient(url(service.port), key=KEY) as it:
        assert it.get_assistant_names() == local.get_assistant_names()
        for name in ("BOT_1", "bot 2", "asst_3", "Bot 1"):
            assert it.get_assistant(name) == local.get_assistant(name)
        with pytest.raises(SelectionError) as caught:
            it.get_assistant("BOT_11")
        assert "BOT_1" in caught.value.hint
        assert (it.problem, it.stale_since) == ("", None)
        assert it.status()["registry"]["count"] == 3
        it.get_assistant("BOT_1")["tools"].clear()
        assert it.get_assistant("BOT_1") == BOTS["BOT_1"]


async def test_the_same_with_coroutines(tmp_path: Path) -> None:
    stored(BOTS, tmp_path)
    with served(KEYS, folder=tmp_path) as service:
        async with AsyncRegistryClient(url(service.port) + "/", key=SecretStr(KEY)) as it:
            assert await it.get_assistant_names() == sorted(BOTS)
            assert await it.get_assistant("bot 2") == BOTS["BOT_2"]
            with pytest.raises(SelectionError):
                await it.get_assistant("nobody")
            assert (await it.status())["mode"] == "limited"
            with pytest.raises(AuthenticationError):
                await it.sync_assistants()


def test_a_key_that_may_read_names_alone_looks_up_names(tmp_path: Path) -> None:
    stored(BOTS, tmp_path)
    cache = tmp_path / "cache.json"
    with (
        served(KEYS, folder=tmp_path) as service,
        RegistryClient(url(service.port), key=READER, cache=cache) as it,
    ):
        assert it.get_assistant("bot 1") == {"id": "asst_1", "name": "Bot 1"}
    with RegistryClient(url(service.port), key=READER, cache=cache) as it:
        assert it.get_assistant("asst_2") == {"id": "asst_2", "name": "Bot 2"}


def test_the_key_comes_from_the_environment_or_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(BOTS, tmp_path)
    (tmp_path / ".env").write_text(f"UNDERSTUDY_API_KEY={KEY}\n")
    with served(KEYS, folder=tmp_path) as service:
        with RegistryClient(url(service.port)) as it:
            assert it.get_assistant("BOT_1") == BOTS["BOT_1"]
        monkeypatch.setenv("UNDERSTUDY_API_KEY", READER)
        with RegistryClient(url(service.port)) as it:
            assert it.get_assistant("BOT_1") == {"id": "asst_1", "name": "Bot 1"}
        with RegistryClient(url(service.port), key="") as it, pytest.raises(AuthenticationError):
            it.get_assistant("BOT_1")


def test_a_sync_brings_the_copy_up_to_date(tmp_path: Path) -> None:
    dump = tmp_path / "dump.json"
    records: list[dict[str, Any]] = [{**entry(n), "object": "assistant"} for n in range(1, 4)]
    dump.write_text(json.dumps(records), encoding="utf-8")
    stored(BOTS, tmp_path)
    clock = Clock()
    with served(KEYS, folder=tmp_path, source=str(dump)) as service:
        with RegistryClient(url(service.port), key=ADMIN, clock=clock) as it:
            assert it.get_assistant_names() == ["BOT_1", "BOT_2", "BOT_3"]
            records.append({**entry(4), "object": "assistant"})
            records.append({**entry(5), "object": "assistant", "tools": "none"})
            dump.write_text(json.dumps(records), encoding="utf-8")
            done = it.sync_assistants()
            assert done.count == 4
            assert done.names == ("BOT_1", "BOT_2", "BOT_3", "BOT_4")
            assert len(done.warnings) == 1
            assert it.get_assistant("BOT_4")["id"] == "asst_4"
            dump.write_text(json.dumps(records[3:4]), encoding="utf-8")
            with pytest.raises(RefusedSyncError):
                it.sync_assistants()
            assert it.sync_assistants(allow_removal=True).names == ("BOT_4",)
            assert it.get_assistant_names() == ["BOT_4"]
        with RegistryClient(url(service.port), key=KEY) as it:
            with pytest.raises(AuthenticationError) as caught:
                it.sync_assistants()
            assert "scope" in str(caught.value)


def test_a_service_that_cannot_sync_says_so(tmp_path: Path) -> None:
    stored(BOTS, tmp_path)
    with served(folder=tmp_path) as service, RegistryClient(url(service.port)) as it:
        with pytest.raises(LimitedError):
            it.sync_assistants()
        assert it.get_assistant("BOT_1")


def test_what_changes_there_is_seen_here_after_a_while(tmp_path: Path) -> None:
    stored(BOTS, tmp_path)
    clock = Clock()
    with (
        served(KEYS, folder=tmp_path) as service,
        RegistryClient(url(service.port), key=KEY, clock=clock) as it,
    ):
        assert len(it.get_assistant_names()) == 3
        stored({**BOTS, "BOT_4": entry(4)}, tmp_path)
        until(lambda: service.get("/readyz").status == 200)
        ask = {"authorization": f"Bearer {KEY}"}
        until(lambda: service.get("/api/assistants", **ask).json["count"] == 4)
        assert len(it.get_assistant_names()) == 3
        clock.pass_by(29)
        assert len(it.get_assistant_names()) == 3
        clock.pass_by(2)
        assert len(it.get_assistant_names()) == 4


def test_a_name_that_is_new_there_is_asked_for_at_once(tmp_path: Path) -> None:
    stored(BOTS, tmp_path)
    clock = Clock()
    with (
        served(KEYS, folder=tmp_path) as service,
        RegistryClient(url(service.port), key=KEY, clock=clock) as it,
    ):
        assert it.get_assistant("BOT_1")
        stored({**BOTS, "BOT_4": entry(4)}, tmp_path)
        ask = {"authorization": f"Bearer {KEY}"}
        until(lambda: service.get("/api/assistants", **ask).json["count"] == 4)
        with pytest.raises(SelectionError):
            it.get_assistant("BOT_4")  # asked less than a second ago
        clock.pass_by(1.5)
        assert it.get_assistant("BOT_4") == entry(4)


def test_a_service_may_go_and_come_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "understudy.registry")
    stored(BOTS, tmp_path)
    clock = Clock()
    with served(KEYS, folder=tmp_path) as service:
        it = RegistryClient(url(service.port), key=KEY, clock=clock)
        assert it.get_assistant("BOT_1") == BOTS["BOT_1"]
    before = datetime.now(UTC)
    for _ in range(5):
        clock.pass_by(4000)
        assert it.get_assistant("bot 1") == BOTS["BOT_1"]
        with suppress(PlaceError):
            it.refresh()
    assert it.stale_since is not None
    assert before - timedelta(minutes=1) < it.stale_since <= before
    assert "cannot be reached" in it.problem
    with pytest.raises(SelectionError):
        it.get_assistant("nobody")
    stored({"BOT_9": entry(9)}, tmp_path)
    with served_at(service.port, tmp_path):
        clock.pass_by(4000)
        until(lambda: it.get_assistant_names() == ["BOT_9"])
        assert it.problem == ""
    it.close()
    warnings = [one.message for one in caplog.records if str(service.port) in one.message]
    assert len(warnings) == 2
    assert "The last good copy is used." in warnings[0]
    assert "answers again" in warnings[1]


def test_a_service_that_is_not_filled_yet_takes_nothing_away(tmp_path: Path) -> None:
    path = stored(BOTS, tmp_path)
    clock = Clock()
    with served(KEYS, folder=tmp_path) as service:
        it = RegistryClient(url(service.port), key=KEY, clock=clock)
        assert it.get_assistant("BOT_1")
    path.unlink()
    with it, served_at(service.port, tmp_path):
        with pytest.raises(PlaceError):
            it.refresh()
        assert it.get_assistant("BOT_1") == BOTS["BOT_1"]
        assert "not been filled" in it.problem


def test_a_cache_survives_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home = stored(BOTS, tmp_path)
    cache = tmp_path / "cache" / "assistants.json"
    with (
        served(KEYS, folder=tmp_path) as service,
        RegistryClient(url(service.port), key=KEY, cache=cache) as it,
    ):
        assert it.get_assistant("BOT_1")
    assert cache.read_bytes() == home.read_bytes()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert Registry(cache).get_assistant("bot 2") == BOTS["BOT_2"]
    with RegistryClient(url(service.port), key=KEY, cache=cache) as it:
        assert it.get_assistant("bot 3") == BOTS["BOT_3"]
        assert it.stale_since == datetime.fromtimestamp(cache.stat().st_mtime, UTC)
        with pytest.raises(UnreachableError):
            it.refresh()
        with pytest.raises(UnreachableError):
            it.sync_assistants()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"A": {"name": "no id"}}'])
def test_a_damaged_cache_is_kept_aside_and_made_anew(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    stored(BOTS, tmp_path)
    cache = tmp_path / "cache.json"
    cache.write_bytes(content)
    with (
        served(KEYS, folder=tmp_path) as service,
        RegistryClient(url(service.port), key=KEY, cache=cache) as it,
    ):
        assert it.get_assistant("BOT_1") == BOTS["BOT_1"]
    assert (tmp_path / "cache.json.damaged-1").read_bytes() == content
    assert json.loads(cache.read_bytes()) == BOTS
    assert sum("cannot be used" in one.message for one in caplog.records) == 1


def test_a_cache_that_cannot_be_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored(BOTS, tmp_path)
    with (
        served(KEYS, folder=tmp_path) as service,
        RegistryClient(url(service.port), key=KEY, cache=tmp_path) as it,
    ):
        assert it.get_assistant("BOT_1") == BOTS["BOT_1"]
        it.refresh()
    assert any("is not kept" in one.message for one in caplog.records)


# Bad answers

CUT = gzip.compress(json.dumps({"success": True, "count": 0, "assistants": {}}).encode())
GZIP = {"Content-Encoding": "gzip"}
BAD: Mapping[str, bytes] = {
    "500": problem(500, "internal_error"),
    "502": http(502, b"<html>Bad Gateway</html>"),
    "503": problem(503, "draining"),
    "429": problem(429, "too_many_requests", {"Retry-After": "7"}),
    "401": problem(401, "unauthorized"),
    "403": problem(403, "forbidden"),
    "404": http(404, b"nothing"),
    "302": http(302, b"", {"Location": "http://127.0.0.1:1/"}),
    "204": http(204),
    "206": http(206, b"{}"),
    "304": http(304),
    "html": http(200, b"<html>Welcome</html>"),
    "empty": http(200),
    "half": http(200, b'{"success": true', length=1000),
    "json": http(200, b'{"success": true'),
    "list": http(200, b"[]"),
    "shape": http(200, b'{"success": true, "count": 1, "assistants": {"A": {"name": 1}}}'),
    "count": http(200, b'{"success": true, "count": 1, "assistants": {}}'),
    "deep": http(200, b'{"success": ' + b"[" * 100_000),
    "no gzip": http(200, b"{}", GZIP),
    "cut gzip": http(200, CUT[:-9], GZIP),
    "long gzip": http(200, CUT + b"more", GZIP),
    "brotli": http(200, b"{}", {"Content-Encoding": "br"}),
    "nothing": b"",
    "noise": b"\x00\xff\x00 noise\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_answer_is_a_clear_error_without_a_copy_and_nothing_with_one(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "understudy.registry")  # whatever others have set
    with BadService(lambda _: BAD[kind]) as service:
        clock = Clock()
        with RegistryClient(service.url, key=KEY, clock=clock) as it:
            for _ in range(3):  # within the pause it is not asked again
                with pytest.raises(PlaceError) as caught:
                    it.get_assistant("BOT_1")
                assert service.url in caught.value.message
            # A connection that is closed without a word is tried once more.
            assert len(service.asked) == (2 if kind == "nothing" else 1)
            assert it.stale_since is None
            service.answer = lambda _: everything(BOTS)
            clock.pass_by(4000)
            assert it.get_assistant("BOT_1") == BOTS["BOT_1"]
            service.answer = lambda _: BAD[kind]
            clock.pass_by(4000)
            assert [it.get_assistant("BOT_1") for _ in range(3)] == [BOTS["BOT_1"]] * 3
            assert it.problem == str(caught.value)
            assert it.stale_since is not None
            with pytest.raises(type(caught.value)):
                it.refresh()
    lines = [one.message for one in caplog.records if service.url in one.message]
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("401", AuthenticationError),
        ("403", AuthenticationError),
        ("429", BusyError),
        ("404", EndpointGoneError),
        ("302", RejectedError),
        ("html", RejectedError),
        ("503", LostAnswerError),
        ("nothing", LostAnswerError),
    ],
)
def test_what_went_wrong_is_told_by_the_error(kind: str, error: type[PlaceError]) -> None:
    with BadService(lambda _: BAD[kind]) as service, RegistryClient(service.url) as it:
        with pytest.raises(PlaceError) as caught:
            it.get_assistant_names()
        assert type(caught.value) is error
        if error is BusyError:
            assert 0 < (caught.value.retry_after or 0) <= 7


ANSWERS = st.lists(st.sampled_from([*BAD, "one", "two", "none", "same"]), max_size=8)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANSWERS)
def test_whatever_comes_a_look_up_has_the_last_good_copy_or_the_error(kinds: list[str]) -> None:
    copies: dict[str, dict[str, Any]] = {"one": BOTS, "two": {"BOT_1": entry(1)}, "none": {}}
    kind, clock = "", Clock()
    last: dict[str, Any] | None = None
    tag = ""

    def answer(asked: Asked) -> bytes:
        given = asked.headers.get("if-none-match", "")
        assert given in ("", tag)
        if kind == "same":
            return http(304) if given else everything(BOTS, etag='W/"one"')
        return everything(copies[kind], etag=f'W/"{kind}"') if kind in copies else BAD[kind]

    with BadService(answer) as service, RegistryClient(service.url, clock=clock) as it:
        for kind in kinds:
            clock.pass_by(4000)
            with suppress(UnderstudyError):
                it.get_assistant("BOT_1")
            with suppress(UnderstudyError):
                it.refresh()
            if kind in copies:
                last, tag = copies[kind], f'W/"{kind}"'
            elif kind == "same" and not tag:
                last, tag = BOTS, 'W/"one"'
            elif kind == "304" and tag:
                pass  # what was asked for, to the client
            if last is None:
                with pytest.raises(PlaceError):
                    it.get_assistant("BOT_1")
            elif "BOT_1" in last:
                assert it.get_assistant("bot 1") == last["BOT_1"]
                assert it.get_assistant_names() == sorted(last)
            else:
                with pytest.raises(SelectionError):
                    it.get_assistant("BOT_1")


def test_pauses_grow_and_what_the_service_asks_for_is_honoured() -> None:
    with BadService(lambda _: everything(BOTS)) as service:
        clock = Clock()
        with RegistryClient(service.url, clock=clock) as it:
            it.get_assistant_names()
            service.answer = lambda _: BAD["500"]
            clock.pass_by(31)
            for _ in range(1200):  # two minutes
                it.get_assistant_names()
                clock.pass_by(0.1)
                until(lambda: not _asking(it))
            assert 4 <= len(service.asked) <= 14
            service.answer = lambda _: problem(429, "x", {"Retry-After": "900"})
            clock.pass_by(60)
            with suppress(PlaceError):
                it.refresh()
            seen = len(service.asked)
            clock.pass_by(899)
            it.get_assistant_names()
            assert len(service.asked) == seen
            clock.pass_by(2)
            it.get_assistant_names()
            until(lambda: len(service.asked) == seen + 1)


def _asking(it: RegistryClient) -> bool:
    task = it._copy._asking._task
    return task is not None and not task.done()


def test_a_service_that_hangs_holds_nobody_up_for_longer_than_the_time_out() -> None:
    go_on = threading.Event()

    def hang(_: Asked) -> bytes:
        go_on.wait(PATIENCE)
        return everything({"BOT_9": entry(9)})

    with BadService(lambda _: everything(BOTS)) as service:
        clock = Clock()
        with RegistryClient(service.url, clock=clock, timeout=0.3) as it:
            it.get_assistant_names()
            service.answer = hang
            clock.pass_by(31)
            assert it.get_assistant_names() == sorted(BOTS)  # waited for, in vain
            until(lambda: it.problem)
            assert "within 0.3 s" in it.problem
            clock.pass_by(4000)
            assert it.get_assistant_names() == sorted(BOTS)  # not waited for
            go_on.set()
        with RegistryClient(service.url, timeout=0.1) as it:
            go_on.clear()
            with pytest.raises(LostAnswerError):
                it.get_assistant_names()
            go_on.set()


def test_what_the_asker_has_is_not_sent_again() -> None:
    def answer(asked: Asked) -> bytes:
        if asked.headers.get("if-none-match") == 'W/"1"':
            return http(304)
        return everything(BOTS, etag='W/"1"')

    with BadService(answer) as service:
        clock = Clock()
        with RegistryClient(service.url, clock=clock) as it:
            for _ in range(3):
                assert it.get_assistant("BOT_1") == BOTS["BOT_1"]
                clock.pass_by(31)
    given = [one.headers.get("if-none-match") for one in service.asked]
    assert given == [None, 'W/"1"', 'W/"1"']
    assert {one.headers["accept-encoding"] for one in service.asked} == {"gzip"}


def test_an_answer_has_a_bound_packed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_wire, "MOST_BYTES", 100_000)
    plain = b" " * 200_000
    for body in (http(200, plain), http(200, gzip.compress(plain), GZIP)):
        with BadService(lambda _, body=body: body) as service:  # type: ignore[misc]
            with RegistryClient(service.url) as it, pytest.raises(RejectedError) as caught:
                it.get_assistant_names()
            assert "100,000 bytes" in caught.value.message


def test_a_redirect_never_gets_the_key() -> None:
    with BadService(lambda _: everything(BOTS)) as other:
        target = http(307, b"", {"Location": f"{other.url}/api/assistants"})
        with BadService(lambda _: target) as service, RegistryClient(service.url, key=KEY) as it:
            with pytest.raises(RejectedError) as caught:
                it.get_assistant_names()
            assert "Redirects are not followed" in caught.value.hint
            with pytest.raises(RejectedError):
                it.sync_assistants()
        assert other.asked == []


def test_no_proxy_is_asked_about_this_machine_and_others_are_asked_through_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        BadService(lambda _: everything(BOTS)) as service,
        BadService(lambda _: BAD["502"]) as proxy,
    ):
        monkeypatch.setenv("http_proxy", proxy.url)
        with RegistryClient(service.url) as it:
            assert it.get_assistant_names() == sorted(BOTS)
        assert proxy.asked == []
        with (
            RegistryClient("http://registry.invalid", allow_http=True) as it,
            pytest.raises(PlaceError),
        ):
            it.get_assistant_names()
        assert [one.path for one in proxy.asked] == ["http://registry.invalid/api/assistants"]


# Syncs


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(409, "sync_running", {"Retry-After": "5"}), BusySyncError),
        (problem(409, "sync_refused"), RefusedSyncError),
        (problem(409, "sync_denied"), DeniedSyncError),
        (problem(503, "limited_mode"), LimitedError),
        (problem(502, "source_failed"), PlaceError),
        (problem(500, "sync_failed"), UnderstudyError),
        (problem(401, "unauthorized"), AuthenticationError),
        (problem(403, "forbidden"), AuthenticationError),
        (problem(429, "too_many_requests"), BusyError),
        (http(502, b"<html>"), LostAnswerError),
        (http(404), EndpointGoneError),
        (http(200, b"{}"), RejectedError),
        (http(200, b"[" * 100_000), RejectedError),
        (http(200, b'{"assistantNames": 5, "count": 1}'), RejectedError),
        (b"", LostAnswerError),
    ],
)
def test_a_sync_that_did_not_come_about_is_told_and_the_copy_stays(
    answer: bytes, error: type[UnderstudyError]
) -> None:
    with (
        BadService(lambda one: answer if one.method == "POST" else everything(BOTS)) as service,
        RegistryClient(service.url) as it,
    ):
        with pytest.raises(UnderstudyError) as caught:
            it.sync_assistants()
        assert type(caught.value) is error
        assert it.get_assistant("BOT_1") == BOTS["BOT_1"]
    posts = [one for one in service.asked if one.method == "POST"]
    assert len(posts) == 1  # nobody knows whether it may be repeated


# Many at once


def test_many_threads_ask_once() -> None:
    with BadService(lambda _: everything(BOTS)) as service:
        clock = Clock()
        with RegistryClient(service.url, clock=clock) as it, ThreadPoolExecutor(32) as pool:
            for number in range(1, 4):
                found = list(pool.map(lambda _: it.get_assistant("bot 1"), range(200)))
                assert found == [BOTS["BOT_1"]] * 200
                assert len(service.asked) == number
                clock.pass_by(31)


async def test_many_tasks_ask_once() -> None:
    with BadService(lambda _: everything(BOTS)) as service:
        clock = Clock()
        async with AsyncRegistryClient(service.url, clock=clock) as it:
            for number in range(1, 4):
                found = await asyncio.gather(*(it.get_assistant("bot 1") for _ in range(200)))
                assert found == [BOTS["BOT_1"]] * 200
                assert len(service.asked) == number
                clock.pass_by(31)


async def test_the_one_for_threads_works_within_a_loop() -> None:
    with BadService(lambda _: everything(BOTS)) as service, RegistryClient(service.url) as it:
        assert it.get_assistant("BOT_1") == BOTS["BOT_1"]


def test_threads_that_wait_hear_of_the_end() -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def hang(_: Asked) -> bytes:
        arrived.set()
        go_on.wait(PATIENCE)
        return b""

    with BadService(hang) as service, ThreadPoolExecutor(3) as pool:
        it = RegistryClient(service.url, timeout=PATIENCE)
        calls: list[Callable[[], object]] = [
            it.get_assistant_names,
            it.sync_assistants,
            it.refresh,
        ]
        waiting: list[Future[object]] = [pool.submit(call) for call in calls]
        until(lambda: len(service.asked) == 2)
        it.close()
        for one in waiting:
            assert isinstance(one.exception(PATIENCE), UsageError)
        go_on.set()
        it.close()
        with pytest.raises(UsageError):
            it.get_assistant("BOT_1")


async def test_tasks_that_wait_hear_of_the_end() -> None:
    go_on = threading.Event()

    def hang(_: Asked) -> bytes:
        go_on.wait(PATIENCE)
        return b""

    with BadService(hang) as service:
        it = AsyncRegistryClient(service.url, timeout=PATIENCE)
        waiting = [asyncio.create_task(one) for one in (it.get_assistant("A"), it.refresh())]
        await asyncio.to_thread(until, lambda: service.asked)
        await it.aclose()
        for one in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(one, UsageError)
        go_on.set()
        with pytest.raises(UsageError):
            await it.get_assistant_names()


def test_a_client_that_nobody_has_any_more_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with BadService(lambda _: everything(BOTS)) as service:
        it = RegistryClient(service.url)
        it.get_assistant_names()
        assert any(one.name == "understudy-registry" for one in threading.enumerate())
        del it
        gc.collect()
    left = set(threading.enumerate()) - before
    assert not [one for one in left if one.name == "understudy-registry"]


FORKED = """
import os, sys, understudy
it = understudy.RegistryClient(sys.argv[1], fresh_for=0)
assert it.get_assistant("BOT_1")
child = os.fork()
assert it.get_assistant("BOT_1")
if child:
    assert os.waitpid(child, 0)[1] == 0
    it.refresh()
it.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_goes_on_by_itself() -> None:
    with BadService(lambda _: everything(BOTS)) as service:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FORKED, service.url],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert len(service.asked) == 4


# What is refused, and what is kept to oneself


@pytest.mark.parametrize(
    "address",
    [
        "",
        "registry.example.com",
        "ftp://registry.example.com",
        "http://registry.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1:8000",
        f"https://user:{KEY}@registry.example.com",
        f"https://registry.example.com/?key={KEY}",
        f"https://registry.example.com/#{KEY}",
        "https://registry.example.com\\@evil.example",
        "https://exa mple.com",
        "https://[::1",
    ],
)
def test_an_address_that_cannot_be_is_refused(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        RegistryClient(address, key=KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://localhost:1", "http://[::1]:1", "https://a.example/x/"]
)
def test_an_address_of_this_machine_or_a_safe_one_is_fine(address: str) -> None:
    assert address.rstrip("/") in repr(RegistryClient(address, key=KEY))
    assert RegistryClient("http://a.example", key=KEY, allow_http=True).problem == ""


@pytest.mark.parametrize(
    "key", ["short", "with a space in it", "späte-schlüssel-01", "a\r\nX: yyyyy"]
)
def test_a_key_that_cannot_be_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        RegistryClient("https://a.example", key=key)
    assert key not in str(caught.value)


def test_below_a_path_of_another_server_the_service_is_found() -> None:
    with (
        BadService(lambda _: everything(BOTS)) as service,
        RegistryClient(f"{service.url}/tools/understudy/") as it,
    ):
        it.get_assistant_names()
    assert service.asked[0].path == "/tools/understudy/api/assistants"


def _echo(asked: Asked) -> bytes:
    """Answer with what was asked, as some servers do on their error pages."""
    return http(418, repr(asked).encode(), {"X-Echo": asked.headers["authorization"]})


@pytest.mark.parametrize(
    "answer", [_echo, *({b"": (lambda _: b"")}.values()), lambda _: BAD["noise"]]
)
def test_the_key_is_nowhere_to_be_seen(
    answer: Answering, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cache = tmp_path / "cache.json"
    seen: list[str] = []
    with (
        BadService(lambda _: everything(BOTS)) as service,
        RegistryClient(service.url, key=KEY, cache=cache) as it,
    ):
        it.get_assistant_names()
        seen += [repr(it), repr(it._copy), repr(it._copy._wire), cache.read_text()]
        service.answer = answer
        for call in (it.refresh, it.sync_assistants, it.status):
            with pytest.raises(UnderstudyError) as caught:
                call()
            error: BaseException | None = caught.value
            while error is not None:
                seen += [repr(error), str(error)]
                error = error.__cause__ or error.__context__
        seen.append(it.problem)
    assert service.asked[0].headers["authorization"] == f"Bearer {KEY}"
    seen += [one.getMessage() for one in caplog.records]
    assert not [text for text in seen if KEY in text]
