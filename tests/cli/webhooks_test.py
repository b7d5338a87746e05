"""Webhooks of the registry in real processes: told at the end of a sync, by a watch, again."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator

import pytest
from aiohttp import web

from command import Stage, until
from killing import Executioner, kill_writing
from receiver import SECRET, Receiver


@pytest.fixture
def receiver(stage: Stage) -> Iterator[Receiver]:
    with Receiver() as receiver:
        configure(stage, receiver)
        yield receiver


def configure(stage: Stage, receiver: Receiver, *, hosts: str = "127.0.0.1") -> None:
    stage.write(
        "understudy.toml",
        f'[registry]\nwebhook_hosts = ["{hosts}"]\n'
        f'[webhooks.ops]\nurl = "{receiver.url()}"\nallow_private = true\n',
    )
    stage.environment.update(stage.at_source(UNDERSTUDY_WEBHOOK_OPS_SECRET=SECRET))


def changes(stage: Stage) -> list[str]:
    """Return the ids of the history's changes, oldest first."""
    folder = stage.folder / "config" / "assistants.history"
    return sorted(json.loads(p.read_text())["id"] for p in folder.glob("sync-*-changed.json"))


def leaks(stage: Stage, *texts: str) -> list[str]:
    files = [path for path in stage.folder.rglob("*") if path.is_file()]
    written = [path for path in files if path.name != "understudy.toml"]
    return [text for text in texts if "canary_" in text] + [
        str(path) for path in written if b"canary_" in path.read_bytes()
    ]


def test_a_sync_and_a_restore_tell_what_they_changed(stage: Stage, receiver: Receiver) -> None:
    made = [stage.source.add(name=name, model="gpt-4o") for name in ("One", "Two", "Three")]
    assert stage.call("registry", "sync").check().err == ""
    stage.call("registry", "sync").check()  # unchanged
    stage.source.edit(made[0]["id"], instructions="Hush, canary_content.")
    stage.source.remove(made[1]["id"])
    stage.call("registry", "sync").check()
    stage.call("registry", "restore", "TWO").check()
    assert receiver.ids == changes(stage)
    first, second, third = (one.fields for one in receiver.got)
    assert first["added"] == ["ONE", "THREE", "TWO"]
    assert (second["changed"], second["removed"]) == ({"ONE": ["instructions"]}, ["TWO"])
    assert third["added"] == ["TWO"]
    assert b"Hush" not in b"".join(one.body for one in receiver.got)


def test_a_failure_is_noted_changes_no_exit_code_and_is_made_good(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    stage.source.add(name="One", model="gpt-4o")
    done = stage.call("registry", "sync").check()
    assert "Webhook ops is still to be told of 1 change: it answered 500." in done.err
    assert "The next sync" in done.err
    shown = stage.call("registry", "webhooks").check()
    assert f"ops  http://127.0.0.1:{receiver.port}/hook  1 waiting, 0 dead" in shown.out
    assert "1 attempt: it answered 500" in shown.out
    state = stage.read("config/assistants.history/webhooks.json")
    state["hooks"]["ops"]["next"] = 0  # a while later
    stage.write("config/assistants.history/webhooks.json", state)
    assert stage.call("registry", "sync").check().err == ""
    assert receiver.ids == changes(stage)
    quiet = stage.call("registry", "webhooks", "--json").check().of("webhook")
    assert [(one["name"], one["waiting"], one["dead"]) for one in quiet] == [("ops", 0, [])]


def test_dead_letters_are_shown_and_told_again(stage: Stage, receiver: Receiver) -> None:
    receiver.statuses = [410, 410]
    stage.source.add(name="One", model="gpt-4o")
    done = stage.call("registry", "sync").check()
    assert "--retry" in done.err
    (dead,) = changes(stage)
    assert f"dead   {dead}  1 attempt: it answered 410" in stage.call("registry", "webhooks").out
    stage.call("registry", "webhooks", "--retry").check(3)
    again = stage.call("registry", "webhooks", "--retry").check()
    assert "0 waiting, 0 dead" in again.out
    assert receiver.ids == [dead]


def test_without_a_webhook_the_command_says_so(stage: Stage) -> None:
    assert "No webhook" in stage.call("registry", "webhooks").check().out
    assert stage.call("registry", "webhooks", "--json", "--retry").check().out == ""


@pytest.mark.parametrize(
    "arguments", [("sync",), ("restore", "ONE"), ("watch",), ("webhooks",), ("webhooks", "--retry")]
)
def test_a_host_that_is_not_named_ends_each_command_before_it_begins(
    stage: Stage, receiver: Receiver, arguments: tuple[str, ...]
) -> None:
    configure(stage, receiver, hosts="hooks.example")
    done = stage.call("registry", *arguments).check(64)
    assert "understudy.toml [webhooks.ops]: 127.0.0.1 is not among the hosts" in done.err
    assert stage.files() == ["understudy.toml"]
    stage.call("registry", "list").check()  # who only reads tells nobody


def test_no_secret_is_ever_shown_or_written(stage: Stage, receiver: Receiver) -> None:
    stage.source.add(name="One", model="gpt-4o")
    for statuses in ([500], [302], [410], [], [200]):
        receiver.statuses = list(statuses)
        receiver.headers = {"Location": receiver.url(), "x-echo": SECRET}
        stage.source.add(name=f"Bot {statuses}", model="gpt-4o")
        for arguments in (("sync",), ("webhooks",), ("webhooks", "--retry"), ("watch", "x")):
            for flags in (("-vv",), ("-vv", "--json")):
                done = stage.call("registry", *arguments, *flags)
                assert not leaks(stage, done.out, done.err), arguments
    assert receiver.got


@pytest.mark.parametrize("url", ["https://canary_u:canary_p@h.example/", "https://[canary_x/"])
def test_a_url_that_is_refused_is_not_repeated(stage: Stage, receiver: Receiver, url: str) -> None:
    stage.write("understudy.toml", f'[webhooks.ops]\nurl = "{url}"\n')
    done = stage.call("registry", "sync", "-vv", "--json").check(64)
    assert "canary_" not in done.out + done.err


def test_a_damaged_state_does_not_stop_a_sync(stage: Stage, receiver: Receiver) -> None:
    stage.write("config/assistants.history/webhooks.json", "{")
    stage.source.add(name="One", model="gpt-4o")
    done = stage.call("registry", "sync").check()
    assert "webhooks.json" in done.err
    assert "ONE" in stage.read("config/assistants.json")
    stage.call("registry", "webhooks").check(1)


def test_a_watch_tells_what_it_syncs_and_tries_again(stage: Stage, receiver: Receiver) -> None:
    receiver.statuses = [503]
    stage.source.add(name="One", model="gpt-4o")
    with stage.start("registry", "watch", "--now") as process:
        until(lambda: receiver.got, "the second attempt")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert receiver.ids == changes(stage)
    assert receiver.requests == 2


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("first", [True, False])
def test_a_sync_killed_at_any_write_loses_no_change(
    stage: Stage,
    receiver: Receiver,
    executioner: Executioner,
    at: int,
    moment: str,
    first: bool,
) -> None:
    if not first:
        stage.source.add(name="One", model="gpt-4o")
        stage.call("registry", "sync").check()
    stage.source.add(name="Two", model="gpt-4o")
    kill_writing(executioner, stage, at, moment, "registry", "sync")
    stage.source.add(name="Three", model="gpt-4o")
    stage.call("registry", "sync").check()
    assert list(dict.fromkeys(receiver.ids)) == changes(stage)
    assert len(receiver.ids) <= len(changes(stage)) + 1
    told = {key for one in receiver.got for key in one.fields["added"]}
    assert told >= {"TWO", "THREE"}


def test_processes_at_once_tell_each_change_once(stage: Stage, receiver: Receiver) -> None:
    for number in range(4):
        receiver.statuses = [410]
        stage.source.add(name=f"Bot {number}", model="gpt-4o")
        stage.call("registry", "sync").check()
    seen = []

    async def answer(request: web.Request, _: int) -> web.StreamResponse:
        seen.append(request.headers["Understudy-Delivery"])
        await asyncio.sleep(0.2)
        return web.Response()

    receiver.answer = answer
    begun = [stage.start("registry", "webhooks", "--retry") for _ in range(4)]
    for process in begun:
        _, said = process.communicate(timeout=60)
        assert "Traceback" not in said
    assert seen == changes(stage)
