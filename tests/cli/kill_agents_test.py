"""SIGKILL at every line of a run that makes agents: one agent, one environment, one copy each."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from killing import Condemned, Empty, Executioner

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")

CLONE = ("clone", "--file-search", "--code-interpreter", "--file-search-as", "function")
LINES = 23  # a little more than an undisturbed run writes
FILES = {"a.csv": b"first " * 50, "b.csv": b"second " * 90, "c.txt": b"third " * 70}


@dataclass
class Scene(Condemned):
    """Three assistants, two of which run code and one of which searches; agents to become."""

    def furnish(self) -> None:
        source, there = self.stage.source, self.stage.destination
        ids = {name: str(source.put_file(name, data)["id"]) for name, data in FILES.items()}
        store = source.put_store(name="Help", files=[ids["c.txt"]])["id"]
        runs, searches = {"type": "code_interpreter"}, {"type": "file_search"}
        own = {"model": "gpt-4o", "description": "Says who it is.", "metadata": {"team": "one"}}
        both = {"code_interpreter": {"file_ids": [ids["a.csv"], ids["b.csv"]]}}
        one = {"code_interpreter": {"file_ids": [ids["a.csv"]]}}
        search = {"file_search": {"vector_store_ids": [store]}}
        source.add(name="Both", tools=[runs, searches], tool_resources={**both, **search}, **own)
        source.add(name="One", tools=[runs], tool_resources=one, **own)
        source.add(name="x" * 200, **own)
        there.add_agent(name="Somebody's", model="gpt-5.5", metadata={})
        there.add_template(name="Somebody's", files=[])

    def complete(self, *, resume: bool) -> None:
        resume = resume and self.resumable()
        self.stage.call(*(("resume", "--yes") if resume else self.arguments)).check()

    def check(self) -> None:
        """Fail unless everything is there once, whole, and nothing is left to do."""
        stage, there = self.stage, self.stage.destination
        names = Counter(file["filename"] for file in there.files.values())
        assert names == Counter(FILES.keys())
        templates = {one["id"]: one for one in there.templates.values()}
        assert Counter(one["name"] for one in templates.values()) == Counter(
            ["Somebody's", *(f"understudy {one}" for one in self._of("Both", "One"))]
        )
        agents = {one["name"]: one for one in there.agents.values()}
        assert len(there.agents) == len(agents) == 4
        assert len(there.stores) == 1
        for record in stage.source.assistants.values():
            self._agent(record, agents[record["name"][:128]], templates)
        stage.sandbox.requests.clear()
        again = stage.call(*self.arguments).check()
        assert "0 created, 0 updated, 3 unchanged" in again.out
        assert stage.writes() == 0

    def _of(self, *names: str) -> list[str]:
        records = self.stage.source.assistants.values()
        return [str(one["id"]) for one in records if one["name"] in names]

    def _agent(self, record: Any, agent: Any, templates: dict[str, Any]) -> None:
        there = self.stage.destination
        expected = {
            "team": "one",
            "description": "Says who it is.",
            "cloned_from": record["id"],
        }
        if len(record["name"]) > 128:
            expected["name"] = record["name"]
        resources = record["tool_resources"] or {}
        if "file_search" in resources:
            (store,) = there.stores
            expected["vector_store_ids"] = store
        if "code_interpreter" in resources:
            template = templates[agent["metadata"]["environment_template_id"]]
            expected["environment_template_id"] = template["id"]
            wanted = [
                self.stage.source.files[one]["filename"]
                for one in resources["code_interpreter"]["file_ids"]
            ]
            assert [one["path"] for one in template["files"]] == [f"/workspace/{n}" for n in wanted]
            for one, name in zip(template["files"], wanted, strict=True):
                assert there.content(one["file_id"]) == FILES[name]
        assert agent["metadata"] == expected


Make = Callable[..., Scene]


@pytest.fixture
def scene(empty: Empty, executioner: Executioner) -> Make:
    """Make scenes whose lists lag behind by so many calls."""

    def make(*arguments: object, lag: int = 0) -> Scene:
        stage = empty(purpose_rule=False, list_lag_calls=lag)
        stage.environment["OPENAI_DST_PLATFORM"] = "openai-agents"
        made = Scene(stage, executioner, (*CLONE, *arguments, "--yes"))
        made.furnish()
        return made

    return make


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("first", range(1, LINES, 9))
def test_agents_are_completed_after_a_kill_at_any_line(
    scene: Make, first: int, after: bool
) -> None:
    for line in range(first, min(first + 9, LINES + 1)):
        now = scene("--settle", "0", "--concurrency", "3")
        if now.kill(line, after=after):
            now.complete(resume=line % 2 == 0)
        now.check()


@pytest.mark.parametrize("first", range(1, LINES, 9))
def test_so_they_are_where_lists_lag_behind(scene: Make, first: int) -> None:
    for line in range(first, min(first + 9, LINES + 1), 2):
        now = scene("--settle", "0.5", "--concurrency", "3", lag=2)
        if now.kill(line, after=line % 4 == 1):
            now.complete(resume=line % 3 == 0)
        for _ in range(2):
            now.stage.call("plan", *now.arguments[1:-3])
        now.check()


def test_there_are_no_more_lines_than_were_tried(scene: Make) -> None:
    now = scene("--settle", "0")
    assert not now.kill(LINES + 1, after=False)
    assert len(now.journals()) == 1
    lines = len(now.lines())
    assert LINES - 3 <= lines <= LINES, lines
    now.check()
