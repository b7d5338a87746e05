"""The registry with coroutines: the same answers, no task held up, one reading for all."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import understudy
from serving import entry, spelt, stored
from understudy import AsyncRegistry, Registry
from understudy.errors import BusySyncError, SelectionError, SnapshotError, UsageError
from understudy.registry.file import RegistryFile, Served
from understudy.sandbox import Sandbox, furnish_demo

KEY = "sk-registry-0123456789"
PATIENCE = 30.0  # seconds


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        furnish_demo(running.project(KEY))
        yield running


def settings(sandbox: Sandbox, folder: Path) -> understudy.Settings:
    environment = {"OPENAI_BASE_URL": sandbox.base_url, "OPENAI_API_KEY": KEY}
    return understudy.load_settings(environment, folder)


async def test_the_three_calls_of_the_specification(sandbox: Sandbox, tmp_path: Path) -> None:
    registry = AsyncRegistry(tmp_path / "a.json", settings=settings(sandbox, tmp_path))
    assert await registry.get_assistant_names() == []
    done = await registry.sync_assistants()
    assert done.count == 25
    names = await registry.get_assistant_names()
    assert len(names) == 25
    bot = await registry.get_assistant("support bot")
    assert bot["name"] == "Support Bot"
    with pytest.raises(SelectionError) as caught:
        await registry.get_assistant("SUPORT BOT")
    assert "SUPPORT_BOT" in caught.value.hint
    assert not (await registry.sync_assistants()).written


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{",
        "[1]",
        spelt({"A": entry(1), "B": entry(2, name=None)}),
        json.dumps([entry(1), entry(2)]),
        json.dumps({"A": entry(1), "B": 5, "日": entry(3, name="日本語")}),
        json.dumps({"A": entry(1), "A2": entry(2, name="a")}),
    ],
)
async def test_it_answers_as_the_one_without_coroutines(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    plain, other = Registry(path), AsyncRegistry(path)
    assert await other.get_assistant_names() == plain.get_assistant_names()
    for name in ("A", "a", "B", "asst_1", "Bot 1", "日本語", "日", "", "nobody"):
        found: list[Any] = []
        for look in (lambda n: asyncio.to_thread(plain.get_assistant, n), other.get_assistant):
            try:
                found.append(await look(name))
            except SelectionError as error:
                found.append(str(error))
        assert found[0] == found[1], name


async def test_many_tasks_read_a_changed_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored({f"BOT_{n}": entry(n) for n in range(5)}, tmp_path)
    readings: list[str] = []
    serve = RegistryFile.serve

    def counted(self: RegistryFile) -> Served:
        readings.append(threading.current_thread().name)
        return serve(self)

    monkeypatch.setattr(RegistryFile, "serve", counted)
    registry = AsyncRegistry(path)
    for more in range(5, 8):
        found = await asyncio.gather(*(registry.get_assistant("BOT_1") for _ in range(200)))
        assert found == [entry(1)] * 200
        stored({f"BOT_{n}": entry(n) for n in range(more + 1)}, tmp_path)
        assert len(await registry.get_assistant_names()) == more + 1
    assert len(readings) == 4
    assert threading.main_thread().name not in readings


async def test_a_look_up_sees_what_was_stored_before_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored({"BOT_1": entry(1)}, tmp_path)
    registry = AsyncRegistry(path)
    serve, began, go_on = RegistryFile.serve, threading.Event(), threading.Event()

    def slow(self: RegistryFile) -> Served:
        found = serve(self)
        began.set()
        assert go_on.wait(PATIENCE)
        return found

    monkeypatch.setattr(RegistryFile, "serve", slow)
    first = asyncio.create_task(registry.get_assistant_names())
    assert await asyncio.to_thread(began.wait, PATIENCE)
    stored({"BOT_1": entry(1), "BOT_2": entry(2)}, tmp_path)
    second = asyncio.create_task(registry.get_assistant("BOT_2"))
    go_on.set()
    assert await second == entry(2)
    await first


async def test_a_reading_outlives_whoever_began_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = AsyncRegistry(stored({"BOT_1": entry(1)}, tmp_path))
    serve, began, go_on = RegistryFile.serve, threading.Event(), threading.Event()

    def slow(self: RegistryFile) -> Served:
        began.set()
        assert go_on.wait(PATIENCE)
        return serve(self)

    monkeypatch.setattr(RegistryFile, "serve", slow)
    first = asyncio.create_task(registry.get_assistant("BOT_1"))
    second = asyncio.create_task(registry.get_assistant("BOT_1"))
    assert await asyncio.to_thread(began.wait, PATIENCE)
    first.cancel()
    go_on.set()
    assert await second == entry(1)
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_somebody_does_to_an_entry_is_theirs(tmp_path: Path) -> None:
    registry = AsyncRegistry(stored({"BOT_1": entry(1, tools=[{"type": "x"}])}, tmp_path))
    (await registry.get_assistant("BOT_1"))["tools"].clear()
    assert (await registry.get_assistant("BOT_1"))["tools"] == [{"type": "x"}]


def test_one_registry_serves_one_loop_after_another(tmp_path: Path) -> None:
    registry = AsyncRegistry(stored({"BOT_1": entry(1)}, tmp_path))
    for number in (1, 2):
        stored({f"BOT_{n}": entry(n) for n in range(1, number + 1)}, tmp_path)
        assert len(asyncio.run(registry.get_assistant_names())) == number


async def test_a_file_that_cannot_be_opened_is_an_error_each_time(tmp_path: Path) -> None:
    registry = AsyncRegistry(tmp_path)
    for _ in range(2):
        with pytest.raises(SnapshotError):
            await registry.get_assistant("A")


async def test_syncs_do_not_run_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    registry = AsyncRegistry(tmp_path / "a.json", settings=settings(sandbox, tmp_path))
    tasks = [asyncio.create_task(registry.sync_assistants()) for _ in range(3)]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    busy = [one for one in done if isinstance(one, BusySyncError)]
    assert len(busy) == 2
    assert len(await registry.get_assistant_names()) == 25


async def test_a_sync_that_is_cancelled_leaves_the_lock_free_and_the_file_whole(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    registry = AsyncRegistry(path, settings=settings(sandbox, tmp_path))
    write, began, go_on = RegistryFile.write, threading.Event(), threading.Event()

    def slow(*arguments: Any) -> bool:
        began.set()
        assert go_on.wait(PATIENCE)
        return write(*arguments)

    monkeypatch.setattr(RegistryFile, "write", slow)
    task = asyncio.create_task(registry.sync_assistants())
    assert await asyncio.to_thread(began.wait, PATIENCE)
    task.cancel()
    await asyncio.sleep(0)
    with pytest.raises(BusySyncError):  # the write goes on, and so does the lock
        await registry.sync_assistants()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(json.loads(path.read_text())) == 25
    with FileLock(path.with_name(f".{path.name}.lock"), timeout=0):
        pass


async def test_the_plain_registry_says_whom_to_ask_in_a_loop(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Registry(tmp_path / "a.json").sync_assistants()
    assert "AsyncRegistry" in caught.value.hint


def test_the_plain_registry_syncs_without_a_loop(tmp_path: Path) -> None:
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps([{**entry(1), "object": "assistant"}]), encoding="utf-8")
    registry = Registry(tmp_path / "a.json", source=str(dump), gate=None)
    assert registry.sync_assistants().count == 1
    assert registry.get_assistant("bot 1")["id"] == "asst_1"
