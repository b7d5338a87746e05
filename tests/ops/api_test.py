import asyncio
from pathlib import Path
from typing import Any

import pytest

import understudy
from command import MODEL, Stage
from understudy import Memory, Selection, Settings, Status, UnderstudyError
from understudy.replicate.events import ChangeDone, Event, RunStarted

ONE = {"id": "asst_one", "name": "Support A", "model": MODEL, "instructions": "Be kind."}
TWO = {"id": "asst_two", "name": "Sales", "model": MODEL}


@pytest.fixture
def settings(stage: Stage) -> Settings:
    return understudy.load_settings(stage.environment, stage.folder)


async def test_clone_copies_and_the_second_time_says_unchanged() -> None:
    source, destination = Memory([ONE, TWO]), Memory()
    first = await understudy.clone(source, destination)
    assert [outcome.status for outcome in first.outcomes] == [Status.CREATED] * 2
    second = await understudy.clone(source, destination)
    assert [outcome.status for outcome in second.outcomes] == [Status.UNCHANGED] * 2
    held = await understudy.list_assistants(destination)
    assert [a.cloned_from for a in held.assistants] == ["asst_one", "asst_two"]


@pytest.mark.parametrize(
    ("select", "names"),
    [
        (None, ["Support A", "Sales"]),
        ("support*", ["Support A"]),
        (Selection(ids=("asst_two",)), ["Sales"]),
    ],
)
async def test_select_says_which(select: Selection | str | None, names: list[str]) -> None:
    report = await understudy.clone(Memory([ONE, TWO]), Memory(), select=select)
    assert [outcome.name for outcome in report.outcomes] == names


async def test_clone_writes_the_same_mapping_as_the_command(
    stage: Stage, settings: Settings, tmp_path: Path
) -> None:
    stage.fill(2)
    stage.source.add(name="Odd", model="none-such")
    report = await understudy.clone("src", "dst", settings=settings, output_dir=tmp_path / "lib")
    assert report.exit_code == 3
    assert (tmp_path / "lib/mapping.json").is_file()
    held = dict(stage.destination.assistants)
    done = await asyncio.to_thread(stage.run, "clone")
    done.check(3)
    assert dict(stage.destination.assistants) == held
    by_command, by_library = stage.read("out/mapping.json"), stage.read("../lib/mapping.json")
    pairs = [
        [(entry["srcId"], entry["dstId"], entry["error"]) for entry in report["mappings"]]
        for report in (by_command, by_library)
    ]
    assert pairs[0] == pairs[1]
    assert by_command.keys() == by_library.keys()


async def test_without_an_output_directory_nothing_is_written(
    stage: Stage, settings: Settings
) -> None:
    stage.fill(1)
    await understudy.clone("src", "dst", settings=settings)
    assert stage.files() == []


async def test_snapshots_are_places_by_their_path(stage: Stage, settings: Settings) -> None:
    stage.fill(2)
    path = stage.folder / "s.json"
    await understudy.export("src", path, settings=settings)
    for place in (path, str(path)):
        report = await understudy.clone(place, "dst", settings=settings)
    assert [outcome.status for outcome in report.outcomes] == [Status.UNCHANGED] * 2
    assert not (await understudy.check(path, "dst", settings=settings)).found


async def test_plan_writes_nothing(stage: Stage, settings: Settings) -> None:
    stage.fill(2)
    plan = await understudy.plan("src", "dst", settings=settings)
    assert len(plan.writes) == 2
    assert stage.writes() == 0


async def test_check_tells_both_directions() -> None:
    drift = await understudy.check(Memory([ONE]), Memory([TWO]))
    assert sorted(item.sign for item in drift.differences) == ["+", "-"]
    assert (await understudy.check(Memory([ONE]), Memory([ONE, TWO]))).found
    assert not (await understudy.check(Memory([ONE]), Memory([ONE, TWO]), one_way=True)).found


async def test_a_listener_hears_what_happens() -> None:
    heard: list[Event] = []
    await understudy.clone(Memory([ONE, TWO]), Memory(), listener=heard.append)
    assert [event.total for event in heard if isinstance(event, RunStarted)] == [2]
    assert len([event for event in heard if isinstance(event, ChangeDone)]) == 2


async def test_stop_ends_a_run_before_its_next_write() -> None:
    stop = asyncio.Event()

    def listener(event: Event) -> None:
        if isinstance(event, ChangeDone):
            stop.set()

    source = Memory([{**ONE, "id": f"asst_{i}"} for i in range(5)])
    report = await understudy.clone(source, Memory(), stop=stop, concurrency=1, listener=listener)
    assert [o.status for o in report.outcomes] == [Status.CREATED, *[Status.SKIPPED] * 4]
    assert report.exit_code == 130


@pytest.mark.parametrize(
    ("source", "destination", "options"),
    [
        ("nowhere", "dst", {}),
        ("", "dst", {}),
        ("src", "src", {}),
        ("src", "dst", {"select": "no such name"}),
        ("src", "dst", {"identity": understudy.Identity.MAPPING}),
        ("./nothing.json", "dst", {}),
    ],
)
async def test_a_request_that_is_off_raises(
    stage: Stage, settings: Settings, source: str, destination: str, options: Any
) -> None:
    stage.fill(1)
    with pytest.raises(UnderstudyError):
        await understudy.clone(source, destination, settings=settings, **options)
    assert stage.writes() == 0


async def test_settings_come_from_the_process_where_none_are_given(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.fill(1)
    monkeypatch.chdir(stage.folder)
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    listing = await understudy.list_assistants("src")
    assert len(listing.assistants) == 1


async def test_two_clones_at_once_keep_their_logs_and_locks_apart(tmp_path: Path) -> None:
    await asyncio.gather(
        understudy.clone(Memory([ONE]), Memory(), output_dir=tmp_path / "a"),
        understudy.clone(Memory([TWO]), Memory(), output_dir=tmp_path / "b"),
    )
    assert (tmp_path / "a/mapping.json").is_file()
    assert (tmp_path / "b/mapping.json").is_file()


async def test_one_output_directory_serves_one_clone_at_a_time(tmp_path: Path) -> None:
    results = await asyncio.gather(
        understudy.clone(Memory([ONE]), Memory(), output_dir=tmp_path),
        understudy.clone(Memory([TWO]), Memory(), output_dir=tmp_path),
        return_exceptions=True,
    )
    assert [isinstance(result, UnderstudyError) for result in results].count(True) == 1
