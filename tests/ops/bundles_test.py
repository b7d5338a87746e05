"""Bundles with knowledge in a project: what they name is there, once, and follows its source."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy import Identity, KnowledgeOptions, Prune, Report, RetryPolicy, Status
from understudy.errors import SnapshotError, UsageError
from understudy.model.fidelity import Fidelity
from understudy.sandbox import Fault, Project, Sandbox

SOURCE, DESTINATION = "sk-bundle-source", "sk-bundle-destination"
BOTH = KnowledgeOptions(file_search=True, code_interpreter=True)
QUICK = RetryPolicy(attempts=3, base=0.001, longest=0.002)
TOOLS = [{"type": "file_search"}, {"type": "code_interpreter"}]


@dataclass
class Scene:
    """Two projects, and a folder whose requests go to the second one."""

    sandbox: Sandbox
    folder: Path

    @property
    def source(self) -> Project:
        return self.sandbox.project(SOURCE)

    @property
    def there(self) -> Project:
        return self.sandbox.project(DESTINATION)

    async def clone(
        self, source: str = "src", destination: str = "dst", *, key: bool = True, **options: Any
    ) -> Report:
        environment = {
            "OPENAI_SRC_BASE_URL": self.sandbox.base_url,
            "OPENAI_SRC_API_KEY": SOURCE,
            "OPENAI_DST_BASE_URL": self.sandbox.base_url,
            "OPENAI_DST_PLATFORM": "responses",
            "UNDERSTUDY_PROFILE_DST_PATH": str(self.folder / "bundle"),
            **({"OPENAI_DST_API_KEY": DESTINATION} if key else {}),
        }
        chosen = understudy.load_settings(environment, self.folder)
        options = {"retry": QUICK, "settle": 0.2, **options}
        return await understudy.clone(source, destination, settings=chosen, **options)

    def helper(self, *names: str, **fields: Any) -> str:
        """Add an assistant with a store and files to run code on; return its id."""
        source = self.source
        files = [str(source.put_file(name, name.encode() * 5)["id"]) for name in names]
        store = source.put_store(name="Help", files=files)["id"]
        resources = {
            "file_search": {"vector_store_ids": [store]},
            "code_interpreter": {"file_ids": files},
        }
        record = {"name": "Helper", "model": "gpt-4o", "tools": TOOLS, **fields}
        return str(source.add(**record, tool_resources=resources)["id"])

    def content(self, key: str = "HELPER") -> Any:
        return json.loads((self.folder / "bundle" / f"{key}.json").read_text(encoding="utf-8"))

    def write(self, key: str, content: Any) -> None:
        path = self.folder / "bundle" / f"{key}.json"
        path.write_text(json.dumps(content), encoding="utf-8")

    def tool(self, kind: str) -> Any:
        found = [tool for tool in self.content().get("tools", ()) if tool["type"] == kind]
        return found[0] if found else None

    def dump(self) -> str:
        """Save what the source's API lists, and return the path."""
        path = self.folder / "dump.json"
        data = list(self.source.assistants.values())
        path.write_text(json.dumps({"object": "list", "data": data}), encoding="utf-8")
        return str(path)

    def times(self) -> dict[str, int]:
        return {p.name: p.stat().st_mtime_ns for p in (self.folder / "bundle").iterdir()}

    def written(self) -> list[str]:
        return [r.kind for r in self.sandbox.requests if r.method != "GET"]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with Sandbox(purpose_rule=False) as running:
        yield Scene(running, tmp_path)


def states(report: Report) -> list[Status]:
    return [outcome.status for outcome in report.outcomes]


def fates(report: Report) -> dict[str, Fidelity]:
    return {e.field: e.fidelity for outcome in report.outcomes for e in outcome.ledger}


async def test_stores_and_files_are_copied_and_the_file_names_the_copies(scene: Scene) -> None:
    scene.helper("a.txt", "b.txt")
    report = await scene.clone(knowledge=BOTH)
    assert report.exit_code == 0
    (store,) = scene.there.stores
    assert scene.tool("file_search")["vector_store_ids"] == [store]
    files = scene.tool("code_interpreter")["container"]["file_ids"]
    assert set(files) == set(scene.there.files)
    before = scene.times()
    scene.sandbox.requests.clear()
    assert states(await scene.clone(knowledge=BOTH)) == [Status.UNCHANGED]
    assert scene.times() == before
    assert scene.written() == []


async def test_a_bundle_follows_its_stores_and_files(scene: Scene) -> None:
    one = scene.helper("a.txt")
    await scene.clone(knowledge=BOTH)
    fresh = scene.source.put_file("c.txt", b"fresh")["id"]
    other = scene.source.put_store(name="Other", files=[fresh])["id"]
    resources = {
        "file_search": {"vector_store_ids": [other]},
        "code_interpreter": {"file_ids": [fresh]},
    }
    scene.source.edit(one, tool_resources=resources)
    assert states(await scene.clone(knowledge=BOTH)) == [Status.UPDATED]
    (named,) = scene.tool("file_search")["vector_store_ids"]
    assert scene.there.stores[named]["name"] == "Other"
    (file,) = scene.tool("code_interpreter")["container"]["file_ids"]
    assert scene.there.files[file]["filename"] == "c.txt"
    assert states(await scene.clone(knowledge=BOTH)) == [Status.UNCHANGED]


async def test_without_a_key_there_is_nowhere_to_bring_knowledge(scene: Scene) -> None:
    scene.helper("a.txt")
    with pytest.raises(UsageError, match="no files and vector stores") as told:
        await scene.clone(key=False, knowledge=BOTH)
    assert "give it a key" in told.value.hint
    report = await scene.clone(key=False)
    assert states(report) == [Status.CREATED]
    assert [tool["type"] for tool in scene.content()["tools"]] == ["code_interpreter"]
    assert fates(report)["tools.file_search"] is fates(report)["tool_resources"]
    assert fates(report)["tool_resources"] is Fidelity.DROPPED
    assert scene.written() == []


async def test_stores_in_the_file_stay_where_nobody_asked_for_them(scene: Scene) -> None:
    one = scene.helper("a.txt")
    await scene.clone(knowledge=BOTH)
    before = scene.content()["tools"]
    scene.source.edit(one, instructions="Other.", metadata={"team": "x"})
    assert states(await scene.clone()) == [Status.UPDATED]
    assert scene.content()["tools"] == before
    assert scene.content()["instructions"] == "Other."
    assert states(await scene.clone(knowledge=BOTH)) == [Status.UNCHANGED]


async def test_knowledge_that_is_asked_for_later_comes_later(scene: Scene) -> None:
    scene.helper("a.txt")
    await scene.clone()
    assert scene.tool("file_search") is None
    assert states(await scene.clone(knowledge=BOTH)) == [Status.UPDATED]
    assert scene.tool("file_search")["vector_store_ids"] == list(scene.there.stores)
    assert states(await scene.clone(knowledge=BOTH)) == [Status.UNCHANGED]


async def test_a_dump_s_ids_are_named_as_they_are_where_they_lie_there(scene: Scene) -> None:
    there = scene.there
    file = there.put_file("a.txt", b"a")["id"]
    store = there.put_store(name="Help", files=[file])["id"]
    lost = f"vs_{'0' * 24}"
    for name, stores in (("Whole", [store]), ("Lost", [lost])):
        resources = {
            "file_search": {"vector_store_ids": stores},
            "code_interpreter": {"file_ids": [file]},
        }
        scene.source.add(name=name, model="gpt-4o", tools=TOOLS, tool_resources=resources)
    scene.sandbox.requests.clear()
    report = await scene.clone(scene.dump(), knowledge=BOTH)
    assert states(report) == [Status.CREATED, Status.PARTIAL]
    assert report.exit_code == 3
    whole, lacking = scene.content("WHOLE")["tools"], scene.content("LOST")["tools"]
    assert whole[0]["vector_store_ids"] == [store]
    assert whole[1]["container"]["file_ids"] == [file]
    assert [tool["type"] for tool in lacking] == ["code_interpreter"]
    assert lacking[0]["container"]["file_ids"] == [file]
    assert scene.written() == []
    again = await scene.clone(scene.dump(), knowledge=BOTH)
    assert not again.result.count(Status.UPDATED)


async def test_what_the_owner_added_to_a_file_survives(scene: Scene) -> None:
    one = scene.helper("a.txt")
    await scene.clone(knowledge=BOTH)
    own = {"max_output_tokens": 100, "include": ["file_search_call.results"]}
    scene.write("HELPER", {**scene.content(), **own})
    assert states(await scene.clone(knowledge=BOTH)) == [Status.UNCHANGED]
    scene.source.edit(one, instructions="Other.")
    await scene.clone(knowledge=BOTH)
    assert {name: scene.content()[name] for name in own} == own


async def test_a_bundle_by_its_path_needs_no_profile(scene: Scene) -> None:
    scene.source.add(name="Plain", model="gpt-5.5")
    path = f"responses:{scene.folder / 'bundle'}"
    assert states(await scene.clone(destination=path)) == [Status.CREATED]
    assert scene.content("PLAIN")["model"] == "gpt-5.5"
    assert states(await scene.clone(destination=path)) == [Status.UNCHANGED]
    assert states(await scene.clone()) == [Status.UNCHANGED]


async def test_identity_can_be_kept_out_of_the_files(scene: Scene) -> None:
    one = scene.helper("a.txt")
    options: dict[str, Any] = {
        "identity": Identity.MAPPING,
        "output_dir": scene.folder / "out",
        "knowledge": BOTH,
    }
    await scene.clone(**options)
    assert "cloned_from" not in (scene.content().get("metadata") or {})
    assert states(await scene.clone(**options)) == [Status.UNCHANGED]
    scene.source.edit(one, instructions="Other.")
    assert states(await scene.clone(**options)) == [Status.UPDATED]
    assert len(list((scene.folder / "bundle").glob("HELPER*"))) == 1
    assert len(scene.there.stores) == len(scene.there.files) == 1


async def test_pruning_takes_a_file_with_what_only_it_leaned_on(scene: Scene) -> None:
    one = scene.helper("a.txt")
    scene.helper("b.txt", name="Stays")
    options: dict[str, Any] = {"output_dir": scene.folder / "out", "knowledge": BOTH}
    await scene.clone(**options)
    scene.write("OWN", {"model": "gpt-5.5", "input": "Hello"})
    scene.source.remove(one)
    report = await scene.clone(**options, prune=Prune(wanted=True, force=True))
    assert report.exit_code == 0
    names = sorted(path.name for path in (scene.folder / "bundle").iterdir())
    assert names == ["OWN.json", "STAYS.json", "_bundle.json"]
    assert [file["filename"] for file in scene.there.files.values()] == ["b.txt"]
    assert len(scene.there.stores) == 1


@pytest.mark.parametrize("fault", ["drop-after", "500", "truncated"])
@pytest.mark.parametrize("where", ["stores.create", "files.create", "batches.create"])
async def test_after_a_fault_the_next_run_leaves_everything_once(
    scene: Scene, fault: str, where: str
) -> None:
    scene.helper("a.txt", "b.txt")
    options: dict[str, Any] = {"output_dir": scene.folder / "out", "knowledge": BOTH}
    scene.sandbox.faults = (Fault(fault, where, nth=1, last=3),)
    first = await scene.clone(**options)
    for outcome in first.outcomes:
        assert outcome.status is not Status.CREATED or not outcome.lacks
    scene.sandbox.faults = ()
    report = await scene.clone(**options)
    assert [o.error for o in report.outcomes if o.error] == []
    assert scene.tool("file_search")["vector_store_ids"] == list(scene.there.stores)
    assert len(scene.there.files) == 2
    assert states(await scene.clone(**options)) == [Status.UNCHANGED]


async def test_a_broken_file_stops_the_run_before_anything_is_written(scene: Scene) -> None:
    scene.helper("a.txt")
    await scene.clone()
    (scene.folder / "bundle" / "TORN.json").write_text("{", encoding="utf-8")
    scene.sandbox.requests.clear()
    with pytest.raises(SnapshotError, match=r"TORN\.json, line 1"):
        await scene.clone(knowledge=BOTH)
    assert scene.written() == []


async def test_a_bundle_becomes_assistants_again(scene: Scene) -> None:
    scene.helper("a.txt", description="Lost on the way.", temperature=0.5)
    await scene.clone(knowledge=BOTH)
    settings = understudy.load_settings(
        {
            "OPENAI_SRC_BASE_URL": scene.sandbox.base_url,
            "OPENAI_SRC_API_KEY": DESTINATION,
            "OPENAI_SRC_PLATFORM": "responses",
            "UNDERSTUDY_PROFILE_SRC_PATH": str(scene.folder / "bundle"),
            "OPENAI_DST_BASE_URL": scene.sandbox.base_url,
            "OPENAI_DST_API_KEY": "sk-bundle-third",
        },
        scene.folder,
    )
    report = await understudy.clone("src", "dst", settings=settings, knowledge=BOTH)
    assert report.exit_code == 0, [o.error for o in report.outcomes]
    third = scene.sandbox.project("sk-bundle-third")
    (back,) = third.assistants.values()
    assert (back["name"], back["temperature"]) == ("HELPER", 0.5)
    assert [tool["type"] for tool in back["tools"]] == ["file_search", "code_interpreter"]
    assert back["tool_resources"]["file_search"]["vector_store_ids"] == list(third.stores)
    assert back["tool_resources"]["code_interpreter"]["file_ids"] == list(third.files)
