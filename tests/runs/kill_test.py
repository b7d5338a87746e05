"""SIGKILL, wherever: no run is lost, no finished prompt is asked again, no event is told twice.

Three workers, as processes of their own, on SQLite and on PostgreSQL. What is asked of the model
is written down by the model itself, as a server would: what is in nobody's memory.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from architected import document
from command import Stage
from runs.playing import Machine, checked, heard
from understudy.architect.run_events import PromptCompleted, PromptStarted
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Numbered, Standing
from understudy.store.address import for_runs, parse

NAME = "Second Opinion"
INPUTS = ("--input", "question=Sail?", "--input", "tone=kindly")
#: What each prompt holds, in the order of the stages.
PROMPTS = {"for": "for this", "against": "against this", "verdict": "Decide"}
WORKERS = 3


def lines(*hanging: str) -> list[dict[str, Any]]:
    """Return a script in which these prompts never answer."""
    slow = [{"when": PROMPTS[name], "after": 900} for name in hanging]
    return [*slow, *({"when": when, "say": name} for name, when in PROMPTS.items())]


@pytest.fixture
def at(stage: Stage, url: str) -> tuple[str, str]:
    """Have an approved assistant, and say where."""
    place = ("--database", url)
    stage.write("understudy.toml", '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n')
    stage.write("a.json", document())
    stage.call("architect", "import", "a.json", "--by", "me", *place).check()
    stage.call("architect", "approve", NAME, "--by", "you", *place).check()
    return place


@pytest.mark.parametrize("finished", [(), ("against",), ("for", "against")], ids=len)
def test_a_run_that_is_killed_goes_on_where_it_was(
    stage: Stage, at: tuple[str, str], finished: tuple[str, ...]
) -> None:
    hanging = [name for name in PROMPTS if name not in finished]
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", lines(*hanging)))
    process = stage.start("architect", "run", NAME, *INPUTS, "--json", *at)
    assert process.stdout is not None
    first: list[dict[str, Any]] = []
    begun = {"for", "against"} if len(finished) < 2 else set(PROMPTS)
    while not (
        {one["prompt"] for one in first if one["type"] == "prompt.started"} == begun
        and {one["prompt"] for one in first if one["type"] == "prompt.completed"} == {*finished}
    ):
        first.append(json.loads(process.stdout.readline()))
    process.send_signal(signal.SIGKILL)
    process.communicate()

    (run,) = stage.call("runs", "list", "--json", *at).check().of("run")
    assert run["status"] == "interrupted"
    stage.write("script.json", lines())
    again = stage.call("runs", "retry", run["id"], "--json", *at).check()
    told = [json.loads(line) for line in again.out.splitlines()]
    assert told[: len(first)] == first  # all that was told stays as it was
    asked = {one["prompt"] for one in told[len(first) :] if one["type"] == "prompt.started"}
    assert asked == set(PROMPTS) - set(finished)
    (ended,) = again.of("run.completed")
    assert ended["outputs"] == {name: name for name in PROMPTS}
    (run,) = stage.call("runs", "list", "--json", *at).check().of("run")
    assert (run["status"], run["attempt"]) == ("completed", 1)


class Crew:
    """Workers as processes of their own."""

    def __init__(self, stage: Stage, at: tuple[str, str]) -> None:
        self._command = ("worker", "--concurrency", "4", "--json", *at)
        self._stage = stage
        self.processes: list[subprocess.Popen[str]] = []

    def enlist(self) -> subprocess.Popen[str]:
        """Start another one."""
        process = self._stage.start(*self._command)
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[str]) -> None:
        """End one as nobody can hinder."""
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.processes.remove(process)

    def pid_of(self, executor: str) -> int:
        return int(executor.split("/")[1])


@pytest.fixture
def crew(stage: Stage, at: tuple[str, str]) -> Iterator[Crew]:
    crew = Crew(stage, at)
    yield crew
    for process in list(crew.processes):
        crew.kill(process)


class Listener:
    """Hears a run to its end, and comes back with the number of what it heard last."""

    def __init__(self, runs: DurableRuns, run: str) -> None:
        self._runs = runs
        self._run = run
        self.told: list[Numbered] = []
        self.machine = Machine()

    async def until_the_end(self, chance: random.Random) -> None:
        while self.machine.ended is None:
            stay = chance.randint(1, 6)
            async with aclosing(self._runs.events(self._run, self.machine.number)) as events:
                async for one in events:
                    self.machine.hear(one)
                    self.told.append(one)
                    stay -= 1
                    if stay == 0:
                        break


async def asked_for(stage: Stage, at: tuple[str, str], runs: DurableRuns, count: int) -> list[str]:
    """Queue runs as an application would, and return their ids."""
    from understudy.config import load
    from understudy.ops.architect import Architect
    from understudy.ops.running import Runs

    settings = load(stage.environment, stage.folder)
    async with Runs(Architect(settings, database=at[1])) as asking:
        chosen = await asking.player.choose(NAME)
        given = {"question": "Sail?", "tone": "kindly"}
        return [(await asking.submit(chosen, given)).id for _ in range(count)]


def answers_asked(told: list[Numbered]) -> Counter[int]:
    """Return how often each prompt was asked after it had been answered."""
    answered: set[int] = set()
    again: Counter[int] = Counter()
    for one in told:
        if isinstance(one.event, PromptCompleted):
            answered.add(one.event.prompt)
        elif isinstance(one.event, PromptStarted) and one.event.prompt in answered:
            again[one.event.prompt] += 1
    return again


async def test_workers_that_are_killed_at_random_lose_nothing(
    stage: Stage, at: tuple[str, str], crew: Crew
) -> None:
    script = [{"when": when, "say": name * 3, "after": 0.05} for name, when in PROMPTS.items()]
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", script))
    chance = random.Random(7)  # noqa: S311 - not for secrets
    async with DurableRuns(for_runs(parse(at[1]))) as runs:
        ids = await asked_for(stage, at, runs, 30)
        listeners = [Listener(runs, run) for run in ids]
        listening = asyncio.gather(*(one.until_the_end(chance) for one in listeners))
        for _ in range(WORKERS):
            crew.enlist()
        kills = 0
        async with asyncio.timeout(120):
            while not listening.done():
                playing = {one.executor for one in await runs.list(standing={Standing.RUNNING})}
                victims = [one for one in crew.processes if _plays(one, playing)]
                if victims and kills < 6:
                    await asyncio.sleep(chance.uniform(0, 0.15))  # at any moment
                    crew.kill(chance.choice(victims))
                    kills += 1
                    crew.enlist()
                else:
                    await asyncio.wait([listening], timeout=0.05)
            await listening
        assert kills >= 3
        for listener in listeners:
            assert listener.machine.ended is not None
            assert listener.machine.ended.status == "completed"
            assert listener.machine.answered == {i: one * 3 for i, one in enumerate(PROMPTS)}
            assert not answers_asked(listener.told)
            assert checked(await heard(runs, listener._run)).number == listener.machine.number
        assert {one.standing for one in await runs.list(limit=100)} == {Standing.COMPLETED}


def _plays(process: subprocess.Popen[str], executors: set[str]) -> bool:
    return any(int(one.split("/")[1]) == process.pid for one in executors if one)


STEPS = [
    "run.started",
    "prompt.started",
    "prompt.delta",
    "prompt.completed",
    "prompt.completed2",
    "prompt.completed3",
]


async def test_a_worker_that_is_killed_at_any_boundary_of_a_run_is_followed_by_another(
    stage: Stage, at: tuple[str, str], crew: Crew
) -> None:
    """Each boundary is that of another run; the model is slow enough to be caught in the act."""
    script = [
        {"when": when, "say": f"{name} {name} {name}", "pause": 0.05}
        for name, when in PROMPTS.items()
    ]
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", script))
    for _ in range(WORKERS):
        crew.enlist()
    async with DurableRuns(for_runs(parse(at[1]))) as runs, asyncio.timeout(120):
        for boundary in STEPS:
            (run,) = await asked_for(stage, at, runs, 1)
            machine = Machine()
            left = int(boundary[-1]) if boundary[-1].isdigit() else 1
            async with aclosing(runs.events(run)) as events:
                async for one in events:
                    machine.hear(one)
                    left -= one.kind == boundary.rstrip("23")
                    if left == 0:
                        break
            pid = crew.pid_of((await runs.find(run)).executor)
            (victim,) = [one for one in crew.processes if one.pid == pid]
            crew.kill(victim)
            crew.enlist()
            for one in await heard(runs, run, machine.number):
                machine.hear(one)
            assert machine.ended is not None, boundary
            assert machine.ended.status == "completed"
            assert machine.answered == {i: f"{n} {n} {n}" for i, n in enumerate(PROMPTS)}
            assert (await runs.find(run)).attempt == 1


def test_a_worker_that_is_told_to_stop_leaves_its_runs_to_others(
    stage: Stage, at: tuple[str, str], crew: Crew, tmp_path: Path
) -> None:
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", lines("verdict")))
    first = stage.start("worker", "--grace", "0", "--json", *at)

    async def main() -> None:
        async with DurableRuns(for_runs(parse(at[1]))) as runs, asyncio.timeout(60):
            (run,) = await asked_for(stage, at, runs, 1)
            machine = Machine()
            async with aclosing(runs.events(run)) as events:
                async for one in events:
                    machine.hear(one)
                    if len(machine.asked) == len(PROMPTS):
                        break
            first.send_signal(signal.SIGTERM)
            await asyncio.to_thread(first.communicate)
            assert first.returncode == 0
            assert (await runs.find(run)).standing is Standing.QUEUED
            stage.write("script.json", lines())
            crew.enlist()
            for one in await heard(runs, run, machine.number):
                machine.hear(one)
            assert machine.answered[2] == "verdict"
            assert machine.asked[2] == 2

    asyncio.run(main())
