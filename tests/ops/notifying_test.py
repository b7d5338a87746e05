"""Webhooks over real sockets: told in order, again until it is heard, and nobody else."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from command import until
from receiver import SECRET, Receiver
from understudy import load_settings
from understudy.errors import SnapshotError, UsageError
from understudy.ops import notifying, posting
from understudy.ops.notifying import ATTEMPTS, Notifier
from understudy.registry.entries import Difference
from understudy.registry.history import History, Record

START = 1_800_000_000.0


@dataclass
class Time:
    """A clock that moves when somebody pauses."""

    now: float = START
    pauses: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Names(AbstractResolver):
    """Says what it is told to say of any name."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self.addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


HERE = Names("127.0.0.1")


@dataclass
class World:
    """A registry's history, its webhooks, and who delivers."""

    folder: Path
    receiver: Receiver
    time: Time = field(default_factory=Time)

    @property
    def path(self) -> Path:
        return self.folder / "assistants.json"

    @property
    def state(self) -> Path:
        return self.folder / "assistants.history" / "webhooks.json"

    def settings(self, hosts: str = "127.0.0.1", **hooks: Any) -> Any:
        tables = hooks or {"ops": {"url": self.receiver.url()}}
        lines = [f'[registry]\nwebhook_hosts = "{hosts}"']
        environment = {}
        for name, table in tables.items():
            private = str(table.get("private", True)).lower()
            lines.append(f"[webhooks.{name}]\nallow_private = {private}")
            lines.append(f'url = "{table["url"]}"')
            environment[f"UNDERSTUDY_WEBHOOK_{name.upper()}_SECRET"] = SECRET
        (self.folder / "understudy.toml").write_text("\n".join(lines))
        return load_settings(environment, self.folder)

    def notifier(self, *, resolver: AbstractResolver | None = None, **hooks: Any) -> Notifier:
        hosts = hooks.pop("hosts", "127.0.0.1,localhost,hooks.example")
        return Notifier(
            self.path,
            self.settings(hosts, **hooks),
            clock=self.time.clock,
            pause=self.time.pause,
            chance=lambda: 1.0,
            resolver=resolver,
        )

    def change(self, *keys: str, result: str = "changed") -> list[str]:
        """Add a record for each key, as a sync does, and return their ids."""
        history = History(self.path)
        for key in keys:
            self.time.now += 0.001
            stamp = self.time.clock()
            difference = Difference((key,)) if result in ("changed", "restored") else Difference()
            record = Record(f"{stamp:%Y%m%dT%H%M%S.%fZ}-abcd", stamp.isoformat(), result, "src", 1)
            history.add(Record(record.id, record.at, result, "src", 1, difference))
        return history.changes()[-len(keys) :]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Receiver() as receiver:
        yield World(tmp_path, receiver)


async def test_a_change_is_told_once_signed_and_with_the_records_id(world: World) -> None:
    notifier = world.notifier()
    notifier.prepare()
    (one,) = world.change("SUPPORT_BOT")
    done = await notifier.deliver()
    assert done.sent == (("ops", one),)
    (got,) = world.receiver.got  # the receiver took no signature that does not fit
    assert got.headers["Understudy-Signature"].startswith(f"t={int(world.time.now)},v1=")
    assert got.headers["Content-Type"] == "application/json"
    assert (got.id, got.fields["added"], got.fields["source"]) == (one, ["SUPPORT_BOT"], "src")
    assert not (await notifier.deliver()).sent
    assert world.receiver.ids == [one]


async def test_a_webhook_that_is_new_hears_of_what_comes_and_of_a_fresh_registry_all(
    world: World,
) -> None:
    world.change("OLD")
    notifier = world.notifier()
    assert not (await notifier.deliver()).sent
    (new,) = world.change("NEW")
    both = world.notifier(ops={"url": world.receiver.url()}, late={"url": world.receiver.url()})
    both.prepare()
    (newer,) = world.change("NEWER")
    assert sorted((await both.deliver()).sent) == [("late", newer), ("ops", new), ("ops", newer)]


async def test_only_what_changed_something_is_told_in_order(world: World) -> None:
    notifier = world.notifier()
    notifier.prepare()
    world.change("X", result="unchanged")
    ids = world.change("A", "B", "C")
    world.change("X", result="failed")
    ids += world.change("D", result="restored")
    await notifier.deliver()
    assert world.receiver.ids == ids


async def test_a_clock_that_is_put_back_loses_no_change(world: World) -> None:
    notifier = world.notifier()
    notifier.prepare()
    first = world.change("A")
    world.time.now -= 86400 * 400
    ids = first + world.change("B") + world.change("C")
    assert ids == sorted(ids)
    await notifier.deliver()
    assert world.receiver.ids == ids


async def test_it_is_tried_again_ever_more_slowly_and_those_behind_wait(world: World) -> None:
    world.receiver.statuses = [500, 429, 503, 408]
    notifier = world.notifier()
    notifier.prepare()
    ids = world.change("A", "B")
    done = await notifier.deliver()
    assert (done.sent, [one for _, one in done.waiting]) == ((), ids)
    assert done.reasons == {"ops": "it answered 500"}
    assert world.receiver.requests == 1
    await notifier.deliver()  # not due yet
    assert world.receiver.requests == 1
    done = await notifier.deliver(patiently=True)
    assert [one for _, one in done.sent] == world.receiver.ids == ids
    assert world.time.pauses == pytest.approx([1, 3, 9, 27])


async def test_what_fails_eight_times_is_given_up_and_the_next_follows(world: World) -> None:
    world.receiver.statuses = [500] * ATTEMPTS
    notifier = world.notifier()
    notifier.prepare()
    one, two = world.change("A", "B")
    done = await notifier.deliver(patiently=True)
    assert (done.dead, done.sent) == ((("ops", one),), (("ops", two),))
    assert sum(world.time.pauses) == pytest.approx(1 + 3 + 9 + 27 + 81 + 243 + 600)
    (letter,) = notifier.state()["ops"].progress.dead
    assert (letter.id, letter.reason, letter.attempts) == (one, "it answered 500", ATTEMPTS)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
async def test_a_refusal_is_not_tried_again(world: World, status: int) -> None:
    world.receiver.statuses = [status]
    notifier = world.notifier()
    notifier.prepare()
    one, two = world.change("A", "B")
    done = await notifier.deliver()
    assert (done.dead, done.sent) == ((("ops", one),), (("ops", two),))
    assert world.receiver.requests == 2


async def test_dead_letters_are_told_again_before_what_is_newer(world: World) -> None:
    world.receiver.statuses = [410, 200, 410]
    notifier = world.notifier()
    notifier.prepare()
    ids = world.change("A", "B", "C")
    await notifier.deliver()
    assert world.receiver.ids == [ids[1]]
    ids += world.change("D")
    notifier.revive()
    assert notifier.state()["ops"].waiting == 3
    await notifier.deliver()
    assert world.receiver.ids == [ids[1], ids[0], ids[2], ids[3]]
    assert notifier.state()["ops"].progress.dead == ()


async def test_a_record_that_is_gone_or_damaged_is_a_dead_letter(world: World) -> None:
    notifier = world.notifier()
    notifier.prepare()
    one, two = world.change("A", "B")
    (world.state.parent / f"sync-{one}-changed.json").write_text("{")
    done = await notifier.deliver()
    assert (done.dead, done.sent) == ((("ops", one),), (("ops", two),))


@pytest.mark.parametrize(
    ("asked", "waited"), [("120", 120), ("99999", 3600), ("0", 1), ("soon", 1), ("-5", 1)]
)
async def test_the_receiver_may_say_when_within_bounds(
    world: World, asked: str, waited: float
) -> None:
    world.receiver.statuses = [503]
    world.receiver.headers = {"Retry-After": asked}
    notifier = world.notifier()
    notifier.prepare()
    world.change("A")
    await notifier.deliver()
    due = notifier.state()["ops"].progress.next
    assert due - world.time.now == pytest.approx(waited)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(world: World, status: int) -> None:
    with Receiver() as other:
        world.receiver.statuses = [status]
        world.receiver.headers = {"Location": other.url()}
        notifier = world.notifier()
        notifier.prepare()
        world.change("A")
        done = await notifier.deliver()
        assert done.reasons == {"ops": f"it answered {status}; redirects are not followed"}
        assert other.requests == 0


@pytest.mark.parametrize("way", ["silent", "dripping"])
async def test_an_answer_that_does_not_come_is_not_awaited(
    world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TIMEOUT", 0.3)

    async def answer(request: web.Request, _: int) -> web.StreamResponse:
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        while not transport.is_closing():
            if way == "dripping":
                transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await asyncio.sleep(0.05)
        return web.Response()

    world.receiver.answer = answer
    notifier = world.notifier()
    notifier.prepare()
    world.change("A")
    done = await asyncio.wait_for(notifier.deliver(), 5)
    assert not done.sent
    assert "no answer" in done.reasons["ops"]


async def test_an_endless_body_is_not_read(world: World) -> None:
    async def answer(request: web.Request, _: int) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        while True:  # until the connection is gone, which raises
            await reply.write(b"x" * 65536)

    world.receiver.answer = answer
    notifier = world.notifier()
    notifier.prepare()
    world.change("A")
    assert (await asyncio.wait_for(notifier.deliver(), 5)).sent


async def test_a_pass_begins_no_attempt_when_its_time_is_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "_PASS", 0.05)

    async def answer(request: web.Request, _: int) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        return web.Response()

    world.receiver.answer = answer
    notifier = world.notifier()
    notifier.prepare()
    ids = world.change("A", "B", "C")
    done = await notifier.deliver()
    assert done.sent == (("ops", ids[0]),)
    assert [one for _, one in done.waiting] == ids[1:]
    assert len((await notifier.deliver(patiently=True)).sent) == 2


async def test_a_proxy_of_the_environment_is_not_used(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(path=""))
        notifier = world.notifier(ops={"url": world.receiver.url("hooks.example")}, resolver=HERE)
        notifier.prepare()
        world.change("A")
        assert (await notifier.deliver()).sent
        assert proxy.requests == 0


async def test_a_bug_does_not_end_a_running_one(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = world.notifier()
    notifier.prepare()
    world.change("A")
    real, notifier._attempt = notifier._attempt, None  # type: ignore[method-assign,assignment]
    stop = asyncio.Event()
    running = asyncio.create_task(notifier.run(stop))
    await asyncio.to_thread(until, lambda: "internal error" in caplog.text)
    notifier._attempt = real  # type: ignore[method-assign]
    await asyncio.to_thread(until, lambda: world.receiver.got)
    stop.set()
    await asyncio.wait_for(running, 5)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    world: World, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    made += ["-nodes", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=hooks.example"]
    made += ["-addext", "subjectAltName=DNS:hooks.example"]
    subprocess.run(made, check=True, capture_output=True)  # noqa: ASYNC221
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Receiver(tls=context) as receiver:
        url = receiver.url("hooks.example").replace("http:", "https:")
        notifier = world.notifier(ops={"url": url}, resolver=HERE)
        notifier.prepare()
        world.change("A")
        done = await notifier.deliver()
        assert done.reasons == {"ops": "its certificate is not valid"}
        assert receiver.requests == 0
        # The same one, vouched for, shows that nothing else was wrong.
        trusted = ssl.create_default_context(cafile=str(certificate))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusted)
            world.time.now += 10
            assert (await notifier.deliver()).sent


async def test_a_slow_one_keeps_no_other_waiting(world: World) -> None:
    async def answer(request: web.Request, _: int) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        return web.Response()

    with Receiver(answer=answer) as slow:
        notifier = world.notifier(a={"url": slow.url()}, b={"url": world.receiver.url()})
        notifier.prepare()
        ids = world.change("A", "B")
        running = asyncio.create_task(notifier.deliver())
        await asyncio.to_thread(until, lambda: len(world.receiver.got) == 2)
        assert slow.requests == 1
        await running
        assert world.receiver.ids == ids


async def test_a_name_leads_to_allowed_addresses_only(world: World) -> None:
    """http with private addresses allowed: of a mixed answer the public one is left out."""
    names = Names("8.8.8.8", "169.254.169.254", "::ffff:127.0.0.1", "localhost", "127.0.0.1")
    hook = {"url": world.receiver.url("hooks.example")}
    notifier = world.notifier(ops=hook, resolver=names)
    notifier.prepare()
    (one,) = world.change("A")
    assert (await notifier.deliver()).sent == (("ops", one),)
    assert names.asked == ["hooks.example"]
    resolver = posting.GuardedResolver(notifier._hooks["ops"].target, names)
    assert [one["host"] for one in await resolver.resolve("hooks.example")] == ["127.0.0.1"]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1"]
)
async def test_a_name_that_leads_into_our_networks_is_not_told(world: World, address: str) -> None:
    names = Names(address)
    url = world.receiver.url("hooks.example").replace("http:", "https:")
    notifier = world.notifier(ops={"url": url, "private": False}, resolver=names)
    notifier.prepare()
    world.change("A")
    done = await notifier.deliver()
    assert done.reasons == {"ops": "its name leads to no address that may be told"}
    assert world.receiver.requests == 0


async def test_a_public_address_among_private_ones_is_the_only_one_used(world: World) -> None:
    names = Names("127.0.0.1", "8.8.8.8", "10.0.0.1")
    url = "https://hooks.example/"
    notifier = world.notifier(ops={"url": url, "private": False}, resolver=names)
    resolver = posting.GuardedResolver(notifier._hooks["ops"].target, names)
    assert [one["host"] for one in await resolver.resolve("hooks.example")] == ["8.8.8.8"]


async def test_a_connection_is_checked_once_more_where_it_is_opened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def careless(self: object, host: str, port: int = 0, family: int = 0) -> Any:
        return await Names("127.0.0.1").resolve(host, port)

    monkeypatch.setattr(posting.GuardedResolver, "resolve", careless)
    url = world.receiver.url("hooks.example").replace("http:", "https:")
    notifier = world.notifier(ops={"url": url, "private": False})
    notifier.prepare()
    world.change("A")
    done = await notifier.deliver()
    assert done.reasons == {"ops": "its name leads to no address that may be told"}
    assert world.receiver.requests == 0


@pytest.mark.parametrize(
    ("hooks", "hosts", "said"),
    [
        ({"url": "https://elsewhere.example/"}, "hooks.example", "not among the hosts"),
        ({"url": "https://hooks.example/"}, "", "not among the hosts"),
        ({"url": "http://hooks.example/", "private": False}, "hooks.example", "https://"),
        ({"url": "https://127.0.0.1/", "private": False}, "127.0.0.1", "no address"),
        ({"url": "https://2130706433/"}, "2130706433", "usual spelling"),
        ({"url": "https://u:p@hooks.example/"}, "hooks.example", "user or a password"),
    ],
)
async def test_what_must_not_be_told_is_refused_at_the_start(
    world: World, hooks: dict[str, Any], hosts: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        world.notifier(ops=hooks, hosts=hosts)
    assert "understudy.toml [webhooks.ops]" in caught.value.message


async def test_without_a_secret_or_with_a_short_one_nothing_is_sent(world: World) -> None:
    settings = world.settings()
    with pytest.raises(UsageError) as caught:
        Notifier(world.path, load_settings({}, world.folder))
    assert "UNDERSTUDY_WEBHOOK_OPS_SECRET" in caught.value.hint
    short = {"UNDERSTUDY_WEBHOOK_OPS_SECRET": "short"}
    with pytest.raises(UsageError, match="UNDERSTUDY_WEBHOOK_OPS_SECRET is too short"):
        Notifier(world.path, load_settings(short, world.folder))
    assert settings.webhooks


async def test_two_at_once_deliver_nothing_twice(world: World) -> None:
    async def answer(request: web.Request, _: int) -> web.StreamResponse:
        seen.append(request.headers["Understudy-Delivery"])
        await asyncio.sleep(0.05)
        return web.Response()

    seen: list[str] = []
    world.receiver.answer = answer
    one, two = world.notifier(), world.notifier()
    one.prepare()
    ids = world.change("A", "B", "C")
    done = await asyncio.gather(one.deliver(), two.deliver(patiently=True))
    assert seen == ids
    assert sorted(found.elsewhere for found in done) == [False, True]


async def test_a_running_one_delivers_when_woken_and_ends_when_told(world: World) -> None:
    notifier = world.notifier()
    notifier.prepare()
    notifier._pause = lambda _: asyncio.sleep(60)
    stop = asyncio.Event()
    running = asyncio.create_task(notifier.run(stop))
    await asyncio.sleep(0.05)
    ids = world.change("A", "B")
    notifier.wake()
    await asyncio.to_thread(until, lambda: len(world.receiver.got) == 2)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert world.receiver.ids == ids


async def test_a_running_one_retries_and_finds_what_others_synced(world: World) -> None:
    world.receiver.statuses = [500, 503]
    notifier = world.notifier()
    notifier.prepare()
    stop = asyncio.Event()
    running = asyncio.create_task(notifier.run(stop))
    ids = world.change("A", "B")  # nobody wakes it
    await asyncio.to_thread(until, lambda: len(world.receiver.got) == 2)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert world.receiver.ids == ids


async def test_a_damaged_state_is_said_and_not_guessed(world: World) -> None:
    notifier = world.notifier()
    notifier.prepare()
    world.change("A")
    for damaged in (
        "{",
        "[]",
        '{"format_version": 2}',
        '{"format_version": 1, "hooks": {"ops": 1}}',
    ):
        world.state.write_text(damaged)
        with pytest.raises(SnapshotError, match=r"webhooks\.json"):
            await notifier.deliver()
    stop = asyncio.Event()
    running = asyncio.create_task(notifier.run(stop))
    await asyncio.sleep(0.05)
    assert not running.done()
    stop.set()
    await asyncio.wait_for(running, 5)
    assert world.receiver.requests == 0


async def test_a_clock_that_was_put_back_does_not_hold_up_a_retry(world: World) -> None:
    world.receiver.statuses = [500]
    notifier = world.notifier()
    notifier.prepare()
    world.change("A")
    await notifier.deliver()
    world.time.now -= 86400
    assert (await notifier.deliver()).sent


async def test_no_webhook_is_nothing_to_do(tmp_path: Path) -> None:
    notifier = Notifier(tmp_path / "assistants.json", load_settings({}, tmp_path))
    notifier.prepare()
    notifier.revive()
    assert notifier.state() == {}
    assert not (await notifier.deliver(patiently=True)).sent
    await notifier.run(asyncio.Event())
    assert not History(tmp_path / "assistants.json").newest()
    assert not notifier._outbox.path.parent.exists()


async def test_lines_of_the_log_begin_as_all_of_a_sync_do_and_hold_no_secret(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.receiver.statuses = [500, 410]
    notifier = world.notifier()
    notifier.prepare()
    world.change("A", "B")
    with caplog.at_level(logging.DEBUG):
        await notifier.deliver(patiently=True)
    lines = [record.getMessage() for record in caplog.records if "understudy" in record.name]
    assert len(lines) == 3
    assert all(line.startswith("[AI-ASSISTANT-SYNC] webhook ops: ") for line in lines)
    assert "canary" not in caplog.text + world.state.read_text() + repr(notifier.state())
