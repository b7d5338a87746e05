"""Assistants become agents, and agents move between projects, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy import KnowledgeOptions, Prune, Report, RetryPolicy, Settings, Status
from understudy.model.canonical import identical
from understudy.model.fidelity import Fidelity
from understudy.ops.request import FileSearch
from understudy.sandbox import Fault, Sandbox, furnish_agents, furnish_demo

SOURCE, DESTINATION = "sk-agents-source", "sk-agents-destination"
BOTH = KnowledgeOptions(file_search=True, code_interpreter=True)
QUICK = RetryPolicy(attempts=3, base=0.001, longest=0.002)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(purpose_rule=False) as running:
        yield running


def projects(
    sandbox: Sandbox, folder: Path, *, source: str, destination: str = "openai-agents"
) -> Settings:
    """Return settings whose `src` and `dst` are two projects of these platforms."""
    environment = {
        "OPENAI_SRC_BASE_URL": sandbox.base_url,
        "OPENAI_SRC_API_KEY": SOURCE,
        "OPENAI_SRC_PLATFORM": source,
        "OPENAI_DST_BASE_URL": sandbox.base_url,
        "OPENAI_DST_API_KEY": DESTINATION,
        "OPENAI_DST_PLATFORM": destination,
    }
    return understudy.load_settings(environment, folder)


async def clone(
    sandbox: Sandbox, tmp_path: Path, *, source: str = "openai-assistants", **options: Any
) -> Report:
    """Clone into the Agents API."""
    options = {"retry": QUICK, "settle": 0.2, **options}
    return await understudy.clone(
        "src", "dst", settings=projects(sandbox, tmp_path, source=source), **options
    )


def analyst(sandbox: Sandbox, *names: str, **fields: Any) -> dict[str, Any]:
    """Put an assistant that runs code on files into the source."""
    project = sandbox.project(SOURCE)
    files = [str(project.put_file(name, name.encode() * 9)["id"]) for name in names]
    return project.add(
        **{
            "name": "Analyst",
            "model": "gpt-4o",
            "tools": [{"type": "code_interpreter"}],
            "tool_resources": {"code_interpreter": {"file_ids": files}},
            **fields,
        }
    )


def paths(template: Any) -> set[str]:
    return {file["path"] for file in template["files"]}


async def test_assistants_become_agents_once(sandbox: Sandbox, tmp_path: Path) -> None:
    furnish_demo(sandbox.project(SOURCE))
    first = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert first.result.count(Status.CREATED) == 24
    assert first.result.count(Status.CONFLICT) == 1  # its metadata is full
    sandbox.requests.clear()
    again = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert again.result.count(Status.UNCHANGED) == 24
    assert not [r for r in sandbox.requests if r.method != "GET"]
    assert len(sandbox.project(DESTINATION).agents) == 24
    assert not sandbox.project(DESTINATION).stores  # agents search none


async def test_files_lie_in_an_environment_that_the_agent_names(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    analyst(sandbox, "a.csv", "b.csv")
    report = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert report.exit_code == 0
    there = sandbox.project(DESTINATION)
    (agent,) = there.agents.values()
    (template,) = there.templates.values()
    assert agent["metadata"]["environment_template_id"] == template["id"]
    assert paths(template) == {"/workspace/a.csv", "/workspace/b.csv"}
    assert {file["file_id"] for file in template["files"]} == set(there.files)


async def test_an_environment_follows_its_files(sandbox: Sandbox, tmp_path: Path) -> None:
    made = analyst(sandbox, "a.csv")
    await clone(sandbox, tmp_path, knowledge=BOTH)
    project = sandbox.project(SOURCE)
    fresh = project.put_file("c.csv", b"new")["id"]
    project.edit(made["id"], tool_resources={"code_interpreter": {"file_ids": [fresh]}})
    report = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert [o.status for o in report.outcomes] == [Status.UPDATED]
    (template,) = sandbox.project(DESTINATION).templates.values()
    assert paths(template) == {"/workspace/c.csv"}
    report = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert [o.status for o in report.outcomes] == [Status.UNCHANGED]


@pytest.mark.parametrize("fault", ["drop-after", "drop-before", "500"])
@pytest.mark.parametrize("where", ["templates.create", "agents.create"])
async def test_a_lost_answer_leaves_one_agent_and_one_environment(
    sandbox: Sandbox, tmp_path: Path, fault: str, where: str
) -> None:
    analyst(sandbox, "a.csv")
    sandbox.faults = (Fault(fault, where, nth=1),)
    await clone(sandbox, tmp_path, knowledge=BOTH)
    await clone(sandbox, tmp_path, knowledge=BOTH)
    there = sandbox.project(DESTINATION)
    assert len(there.agents) == len(there.templates) == 1


async def test_an_agent_that_fails_leaves_its_environment_for_the_next_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    analyst(sandbox, "a.csv")
    sandbox.faults = (Fault("403", "agents.create"),)
    report = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert report.exit_code == 4
    assert [o.status for o in report.outcomes] == [Status.FAILED]
    sandbox.faults = ()
    report = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert [o.status for o in report.outcomes] == [Status.CREATED]
    assert len(sandbox.project(DESTINATION).templates) == 1


async def test_metadata_that_others_set_survives_an_update(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    made = analyst(sandbox, "a.csv", metadata={"team": "one"}, description="First.")
    await clone(sandbox, tmp_path, knowledge=BOTH)
    there = sandbox.project(DESTINATION)
    (agent,) = there.agents.values()
    before = dict(agent["metadata"])
    there.edit_agent(agent["id"], metadata={**before, "theirs": "kept"})
    report = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert [o.status for o in report.outcomes] == [Status.UNCHANGED]
    sandbox.project(SOURCE).edit(made["id"], metadata={"team": "two"}, description="Second.")
    report = await clone(sandbox, tmp_path, knowledge=BOTH)
    assert [o.status for o in report.outcomes] == [Status.UPDATED]
    (agent,) = there.agents.values()
    expected = {**before, "theirs": "kept", "team": "two", "description": "Second."}
    assert agent["metadata"] == expected


async def test_a_description_that_is_gone_goes_there_too(sandbox: Sandbox, tmp_path: Path) -> None:
    made = analyst(sandbox, description="First.")
    await clone(sandbox, tmp_path)
    sandbox.project(SOURCE).edit(made["id"], description=None)
    await clone(sandbox, tmp_path)
    (agent,) = sandbox.project(DESTINATION).agents.values()
    assert "description" not in agent["metadata"]


async def test_file_search_becomes_a_function_with_the_stores_in_the_metadata(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    project = sandbox.project(SOURCE)
    store = project.put_store(name="Help", files=[project.put_file("a.txt", b"text")["id"]])
    resources = {"file_search": {"vector_store_ids": [store["id"]]}}
    tools = [{"type": "file_search"}]
    project.add(name="Helper", model="gpt-4o", tools=tools, tool_resources=resources)
    options: dict[str, Any] = {"knowledge": BOTH, "file_search_as": FileSearch.FUNCTION}
    report = await clone(sandbox, tmp_path, **options)
    assert report.exit_code == 0
    there = sandbox.project(DESTINATION)
    (agent,) = there.agents.values()
    assert [tool["name"] for tool in agent["tools"]] == ["search_knowledge"]
    assert agent["metadata"]["vector_store_ids"] in there.stores
    report = await clone(sandbox, tmp_path, **options)
    assert [o.status for o in report.outcomes] == [Status.UNCHANGED]


async def test_an_agent_arrives_in_another_project_as_it_was(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    furnish_agents(sandbox.project(SOURCE))
    report = await clone(sandbox, tmp_path, source="openai-agents", strict=True)
    assert report.exit_code == 0, [o.error for o in report.outcomes]
    own = {"id", "created_at", "updated_at", "metadata"}
    copies = {a["metadata"]["cloned_from"]: a for a in sandbox.project(DESTINATION).agents.values()}
    originals = sandbox.project(SOURCE).agents
    assert copies.keys() == originals.keys()
    for one, agent in originals.items():
        for field in agent.keys() - own:
            assert identical(agent[field], copies[one][field]), field
        metadata = {**agent["metadata"], "cloned_from": one}
        assert copies[one]["metadata"] == metadata
    sandbox.requests.clear()
    report = await clone(sandbox, tmp_path, source="openai-agents")
    assert not [r for r in sandbox.requests if r.method != "GET"]


async def test_an_agent_takes_its_environment_s_files_along(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    project = sandbox.project(SOURCE)
    file = project.put_file("prices.csv", b"1;2")["id"]
    entry = {"type": "file_id", "file_id": file, "path": "/workspace/prices.csv"}
    template = project.add_template(name="Desk", files=[entry])
    metadata = {"environment_template_id": template["id"]}
    project.add_agent(name="Desk", model="gpt-5.5", metadata=metadata)
    report = await clone(sandbox, tmp_path, source="openai-agents", knowledge=BOTH)
    assert report.exit_code == 0
    there = sandbox.project(DESTINATION)
    (agent,), (copy,) = there.agents.values(), there.templates.values()
    assert agent["metadata"]["environment_template_id"] == copy["id"] != template["id"]
    assert paths(copy) == {"/workspace/prices.csv"}
    assert set(there.files) == {one["file_id"] for one in copy["files"]}


async def test_a_snapshot_brings_an_agent_back_as_it_was(sandbox: Sandbox, tmp_path: Path) -> None:
    furnish_agents(sandbox.project(SOURCE))
    settings = projects(sandbox, tmp_path, source="openai-agents")
    snapshot = str(tmp_path / "snapshot")
    await understudy.clone("src", snapshot, settings=settings)
    report = await understudy.clone(snapshot, "dst", settings=settings)
    assert report.exit_code == 0, [o.error for o in report.outcomes]
    own = {"id", "created_at", "updated_at", "metadata"}
    copies = {a["name"]: a for a in sandbox.project(DESTINATION).agents.values()}
    for agent in sandbox.project(SOURCE).agents.values():
        for field in agent.keys() - own:
            assert identical(agent[field], copies[agent["name"]][field]), field


async def test_a_field_that_nobody_knows_is_tried_and_then_told_of(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.project(SOURCE).add_agent(name="New", model="gpt-5.5", some_future_field={"x": 1})
    report = await clone(sandbox, tmp_path, source="openai-agents")
    (outcome,) = report.outcomes
    assert outcome.status is Status.CREATED
    told = {entry.field: entry for entry in outcome.ledger}
    assert told["some_future_field"].reason == "the destination does not know this field"
    report = await clone(sandbox, tmp_path, source="openai-agents")
    assert [o.status for o in report.outcomes] == [Status.UNCHANGED]


async def test_strict_writes_nothing_that_would_lose_anything(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    analyst(sandbox, "a.csv")
    sandbox.project(SOURCE).add(name="Plain", model="gpt-5.5")
    report = await clone(sandbox, tmp_path, knowledge=BOTH, strict=True)
    assert [o.status for o in report.outcomes] == [Status.CONFLICT, Status.CREATED]
    assert "tools.code_interpreter" in report.outcomes[0].error
    assert not sandbox.project(DESTINATION).files


async def test_pruning_takes_an_agent_s_environment_and_files_along(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    gone = analyst(sandbox, "a.csv", name="Gone")
    analyst(sandbox, "b.csv", name="Stays")
    options: dict[str, Any] = {"knowledge": BOTH, "output_dir": tmp_path / "out"}
    await clone(sandbox, tmp_path, **options)
    sandbox.project(SOURCE).remove(gone["id"])
    report = await clone(sandbox, tmp_path, prune=Prune(wanted=True, most=1), **options)
    assert [one.deletion.kind for one in report.result.deleted] == [
        "assistant",
        "environment template",
        "file",
    ]
    assert not any(one.error for one in report.result.deleted)
    there = sandbox.project(DESTINATION)
    assert [agent["name"] for agent in there.agents.values()] == ["Stays"]
    assert [paths(template) for template in there.templates.values()] == [{"/workspace/b.csv"}]
    assert [file["filename"] for file in there.files.values()] == ["b.csv"]


async def test_an_environment_that_was_not_asked_for_is_named_as_lost(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    project = sandbox.project(SOURCE)
    template = project.add_template(name="Desk", files=[])
    metadata = {"environment_template_id": template["id"]}
    project.add_agent(name="Desk", model="gpt-5.5", metadata=metadata)
    report = await clone(sandbox, tmp_path, source="openai-agents")
    (outcome,) = report.outcomes
    lost = [e.field for e in outcome.ledger if e.fidelity is Fidelity.DROPPED]
    assert lost == ["tool_resources"]
    (agent,) = sandbox.project(DESTINATION).agents.values()
    assert "environment_template_id" not in agent["metadata"]


async def test_file_search_stays_file_search_where_there_is_one(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    project = sandbox.project(SOURCE)
    project.add(name="Helper", model="gpt-4o", tools=[{"type": "file_search"}])
    assistants = "openai-assistants"
    settings = projects(sandbox, tmp_path, source=assistants, destination=assistants)
    function = FileSearch.FUNCTION
    await understudy.clone("src", "dst", settings=settings, file_search_as=function)
    (copy,) = sandbox.project(DESTINATION).assistants.values()
    assert [tool["type"] for tool in copy["tools"]] == ["file_search"]


async def test_agents_take_the_stores_along_that_their_function_searches(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    project = sandbox.project(SOURCE)
    store = project.put_store(name="Help", files=[project.put_file("a.txt", b"text")["id"]])
    project.add_agent(
        name="Helper", model="gpt-5.5", metadata={"vector_store_ids": str(store["id"])}
    )
    report = await clone(sandbox, tmp_path, source="openai-agents", knowledge=BOTH)
    assert report.exit_code == 0
    there = sandbox.project(DESTINATION)
    (agent,), (copy,) = there.agents.values(), there.stores
    assert agent["metadata"]["vector_store_ids"] == copy != store["id"]


async def test_an_export_keeps_the_files_of_agents(sandbox: Sandbox, tmp_path: Path) -> None:
    project = sandbox.project(SOURCE)
    file = project.put_file("prices.csv", b"1;2")["id"]
    entry = {"type": "file_id", "file_id": file, "path": "/workspace/prices.csv"}
    template = project.add_template(name="Desk", files=[entry])
    metadata = {"environment_template_id": template["id"]}
    project.add_agent(name="Desk", model="gpt-5.5", metadata=metadata)
    settings = projects(sandbox, tmp_path, source="openai-agents")
    kept = tmp_path / "kept"
    done = await understudy.export("src", kept, knowledge=BOTH, settings=settings)
    assert [one.name for one in done.files] == ["prices.csv"]
    report = await understudy.clone(str(kept), "dst", knowledge=BOTH, settings=settings)
    assert report.exit_code == 0
    there = sandbox.project(DESTINATION)
    (copy,) = there.templates.values()
    assert paths(copy) == {"/workspace/prices.csv"}
    assert {there.content(one) for one in there.files} == {b"1;2"}
