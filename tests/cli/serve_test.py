"""serve as a process: how it starts, what it refuses, and how it ends without dropping anybody."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from command import PATIENCE, SOURCE, Stage, interrupt, until
from serving import Client, entry, stored
from understudy.sandbox import Fault
from understudy.service.server import listen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")

READER = "canary-key-of-a-reader-0123"


@contextmanager
def serving(
    stage: Stage, *arguments: object, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    """Start the service and wait until it says where it is."""
    given = ("serve", "--json", "--port", 0, *arguments)
    with stage.start(*given, environment=environment) as process:
        try:
            assert process.stdout is not None
            line = json.loads(process.stdout.readline() or "{}")
            if "url" not in line:
                _, err = process.communicate(timeout=PATIENCE)
                raise AssertionError(err)
            host, _, port = line["url"].removeprefix("http://").rpartition(":")
            yield process, Client(int(port), host=host)
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=PATIENCE)


def test_it_says_where_it_is_what_it_serves_and_how_it_is_kept(stage: Stage) -> None:
    stored({"BOT": entry()}, stage.folder)
    with stage.start("serve", "--port", 0) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("Serving 1 assistants on http://127.0.0.1:")
        done = interrupt(process, signal.SIGTERM).check()
    assert "Limited mode: OPENAI_API_KEY is not set." in done.err
    assert "[AI-ASSISTANT-SYNC] limited mode" in done.err


def test_every_line_about_a_sync_begins_as_the_specification_says(stage: Stage) -> None:
    stage.source.add(name="Bot", model="gpt-4o")
    with serving(stage, **stage.at_source()) as (process, client):
        until(lambda: client.get("/readyz").status == 200, "the first sync")
        client.sync().check(200)
        done = interrupt(process, signal.SIGTERM).check()
    logs = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    synced = [one["message"] for one in logs if one["logger"] == "understudy.registry"]
    assert len(synced) >= 4
    assert all(message.startswith("[AI-ASSISTANT-SYNC] ") for message in synced)
    assert SOURCE not in done.err


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("--host", "0.0.0.0"), {}, "UNDERSTUDY_API_KEYS"),  # noqa: S104 - refused,
        (("--host", "192.0.2.1"), {}, "UNDERSTUDY_API_KEYS"),
        (("--host", "::"), {}, "UNDERSTUDY_API_KEYS"),
        (("--schedule", "nonsense"), {}, "no schedule"),
        (("--from", "nowhere"), {}, "nowhere"),
        (("--port", "99999"), {}, "99999"),
        ((), {"UNDERSTUDY_API_KEYS": f"app:reed:{READER}"}, "no scope"),
        ((), {"UNDERSTUDY_API_KEYS": READER}, "NAME:SCOPE"),
        ((), {"UNDERSTUDY_SERVICE_RATE": "fast"}, "UNDERSTUDY_SERVICE_RATE"),
        ((), {"UNDERSTUDY_SERVICE_CORS": "*"}, "every page"),
        ((), {"UNDERSTUDY_SERVICE_CORS": "app.example"}, "no origin"),
        (("--fd", "3"), {}, "File descriptor 3"),
    ],
)
def test_what_would_not_be_safe_or_sound_is_refused_with_64(
    stage: Stage, arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    done = stage.call("serve", *arguments, **environment).check(64)
    assert said in done.err
    assert READER not in done.err + done.out


def test_a_port_that_is_taken_is_told(stage: Stage) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in stage.call("serve", "--port", port).check(64).err


def test_settings_come_from_the_file_and_flags_win(stage: Stage) -> None:
    stage.write("understudy.toml", '[registry]\nfile = "other.json"\nsource = "dump.json"\n')
    stage.write("dump.json", {"data": [{**entry(), "object": "assistant"}]})
    with serving(stage) as (_, client):
        until(lambda: client.get("/readyz").status == 200, "the first sync")
        assert client.get("/api/assistants").json["assistantNames"] == ["BOT_1"]
        assert client.get("/api/status").json["registry"]["source"] == "dump.json"
    assert stage.read("other.json")["BOT_1"]["id"] == "asst_1"
    with serving(stage, "--file", "flag.json") as (_, client):
        until(lambda: client.get("/readyz").status == 200, "the first sync")
    assert (stage.folder / "flag.json").exists()


def test_with_keys_any_name_leads_to_it_and_no_key_is_ever_said(stage: Stage) -> None:
    stored({"BOT": entry()}, stage.folder)
    keys = {"UNDERSTUDY_API_KEYS": f"app:read:{READER}"}
    with serving(stage, "--host", "127.0.0.2", **keys) as (process, client):
        client.get("/api/assistants").error(401, "unauthorized")
        assert client.get("/api/assistants", x_api_key=READER, host="any.example").status == 200
        done = interrupt(process, signal.SIGTERM).check()
    assert READER not in done.err + done.out


def test_sigterm_lets_a_running_sync_and_its_request_end(stage: Stage) -> None:
    stored({"BOT": entry()}, stage.folder)
    stage.source.add(name="Bot", model="gpt-4o")
    stage.sandbox.faults = (Fault("latency", "list", seconds=2.0),)
    answers: list[Any] = []
    with serving(stage, **stage.at_source()) as (process, client):
        asking = threading.Thread(
            target=lambda: answers.append(client.sync({"allowRemoval": True}))
        )
        asking.start()
        until(lambda: stage.sandbox.count("list"), "the sync to ask")
        process.send_signal(signal.SIGTERM)
        asking.join(PATIENCE)
        process.wait(PATIENCE)
    assert answers[0].check(200)["assistantNames"] == ["BOT"]
    assert process.returncode == 0


class Load:
    """Asks on some connections without a pause, and connects anew where it is told to."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = 0
        self.wrong: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        """Ask until told to stop; every request must be answered."""
        connection, file = self._connect()
        while not self.stop.is_set():
            try:
                connection.sendall(b"GET /api/assistants/BOT HTTP/1.1\r\nHost: localhost\r\n\r\n")
                status = file.readline()
                headers = {}
                while (line := file.readline()) not in (b"\r\n", b""):
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = file.read(int(headers.get("content-length", 0)))
                if not status.startswith(b"HTTP/1.1 200") or not body.endswith(b"}"):
                    self.wrong.append(f"{status!r} {body[:80]!r}")
            except OSError as error:
                self.wrong.append(repr(error))
                headers = {"connection": "close"}
            self.answered += 1
            if headers.get("connection") == "close":
                file.close()
                connection.close()
                connection, file = self._connect()
        file.close()
        connection.close()

    def _connect(self) -> tuple[socket.socket, Any]:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        return connection, connection.makefile("rb")


def test_no_request_is_dropped_across_a_sync_and_a_restart(stage: Stage) -> None:
    """The socket belongs to the parent, as with systemd; the next process takes over from it."""
    stage.source.add(name="Bot", model="gpt-4o")
    stored({"BOT": entry()}, stage.folder)
    with listen("127.0.0.1", 0) as listening:
        listening.set_inheritable(True)
        port = listening.getsockname()[1]
        client, loads = Client(port), [Load(port) for _ in range(4)]
        first = _start(stage, listening)
        threads = [threading.Thread(target=load.run) for load in loads]
        for thread in threads:
            thread.start()
        try:
            _answers_beyond(loads, 200)
            client.sync({"allowRemoval": True}).check(200)
            _answers_beyond(loads, 200)
            second = _start(stage, listening)
            first.send_signal(signal.SIGTERM)
            first.wait(PATIENCE)
            _answers_beyond(loads, 200)
            client.sync().check(200)
            third = _start(stage, listening)
            second.send_signal(signal.SIGTERM)
            second.wait(PATIENCE)
            _answers_beyond(loads, 200)
        finally:
            for load in loads:
                load.stop.set()
            for thread in threads:
                thread.join(PATIENCE)
            for process in (first, second, third):
                process.terminate()
                process.communicate(timeout=PATIENCE)
    assert not [wrong for load in loads for wrong in load.wrong]
    assert [process.returncode for process in (first, second, third)] == [0, 0, 0]


def _start(stage: Stage, listening: socket.socket) -> subprocess.Popen[str]:
    """Start a service on a socket that is listened on already, and wait until it answers."""
    log = (stage.folder / f"log-{time.monotonic_ns()}").open("w", encoding="utf-8")
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "understudy", "serve", "--fd", str(listening.fileno())],
            cwd=stage.folder,
            env={**stage.environment, **stage.at_source()},
            pass_fds=(listening.fileno(),),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Serving"), Path(log.name).read_text()
    return process


def _answers_beyond(loads: list[Load], more: int) -> None:
    before = sum(load.answered for load in loads)
    until(lambda: sum(load.answered for load in loads) >= before + more, "more answers")
