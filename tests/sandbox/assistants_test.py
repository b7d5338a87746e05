from typing import Any

import pytest
from openai import AsyncOpenAI, NotFoundError

from understudy.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

# The package warns about tool types that it does not know when it dumps them.
unknown_tools = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

LOOK_UP: Any = {"type": "function", "function": {"name": "look_up"}}


async def test_a_created_assistant_comes_back_with_all_that_was_given(client: AsyncOpenAI) -> None:
    created = await client.beta.assistants.create(
        model="gpt-4o",
        name="Übersetzer 🌍",
        description="翻訳",
        instructions="Line one\nLine two\t\u0301",
        metadata={"team": "Łódź"},
        temperature=0.2,
        top_p=0.5,
        response_format={"type": "json_object"},
    )
    found = await client.beta.assistants.retrieve(created.id)
    assert found == created
    assert found.name == "Übersetzer 🌍"
    assert found.instructions == "Line one\nLine two\t\u0301"
    assert found.metadata == {"team": "Łódź"}
    assert (found.temperature, found.top_p) == (0.2, 0.5)


async def test_what_a_create_leaves_out_is_filled_in_as_the_api_does(client: AsyncOpenAI) -> None:
    created = await client.beta.assistants.create(model="gpt-4o")
    fields = created.to_dict()
    assert fields.pop("id").startswith("asst_")  # type: ignore[attr-defined]
    assert isinstance(fields.pop("created_at"), int)
    assert fields == {
        "object": "assistant",
        "name": None,
        "description": None,
        "model": "gpt-4o",
        "instructions": None,
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "tool_resources": {},
        "metadata": {},
        "response_format": "auto",
    }


async def test_an_explicit_null_means_the_default(client: AsyncOpenAI) -> None:
    silent = await client.beta.assistants.create(model="gpt-4o")
    spoken = await client.beta.assistants.create(
        model="gpt-4o", temperature=None, top_p=None, metadata=None, tool_resources=None
    )
    assert spoken.to_dict() | {"id": silent.id, "created_at": silent.created_at} == silent.to_dict()


async def test_tools_are_completed(client: AsyncOpenAI) -> None:
    ranking = {"ranker": "auto", "score_threshold": 0.5}
    tools: Any = [
        LOOK_UP,
        {"type": "file_search"},
        {"type": "file_search", "file_search": {"ranking_options": ranking, "max_num_results": 7}},
        {"type": "code_interpreter"},
    ]
    created = await client.beta.assistants.create(model="gpt-4o", tools=tools)
    assert created.to_dict()["tools"] == [
        {"type": "function", "function": {"name": "look_up", "strict": False}},
        {
            "type": "file_search",
            "file_search": {
                "ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0}
            },
        },
        {"type": "file_search", "file_search": {"ranking_options": ranking, "max_num_results": 7}},
        {"type": "code_interpreter"},
    ]


async def test_a_vector_store_made_along_the_way_becomes_an_id(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    project = sandbox.project(client.api_key)
    file_id = project.put_file("a.md", b"A")["id"]
    created = await client.beta.assistants.create(
        model="gpt-4o",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_stores": [{"file_ids": [file_id]}]}},
    )
    assert created.tool_resources is not None
    assert created.tool_resources.file_search is not None
    stores = created.tool_resources.file_search.vector_store_ids or []
    assert stores == list(project.stores)
    assert list(project.store_files(stores[0])) == [file_id]


async def test_an_update_changes_only_what_it_names(client: AsyncOpenAI) -> None:
    before = await client.beta.assistants.create(
        model="gpt-4o", name="Before", instructions="Stay.", tools=[LOOK_UP], temperature=0.4
    )
    after = await client.beta.assistants.update(before.id, name="After")
    assert after.to_dict() == before.to_dict() | {"name": "After"}
    assert await client.beta.assistants.retrieve(before.id) == after


async def test_an_update_replaces_metadata_as_a_whole(client: AsyncOpenAI) -> None:
    created = await client.beta.assistants.create(model="gpt-4o", metadata={"a": "1", "b": "2"})
    updated = await client.beta.assistants.update(created.id, metadata={"c": "3"})
    assert updated.metadata == {"c": "3"}


async def test_a_deleted_assistant_is_gone_from_everywhere(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    kept, doomed = [await client.beta.assistants.create(model="gpt-4o") for _ in range(2)]
    deleted = await client.beta.assistants.delete(doomed.id)
    assert deleted.to_dict() == {"id": doomed.id, "object": "assistant.deleted", "deleted": True}
    assert [one.id async for one in client.beta.assistants.list()] == [kept.id]
    for call in (client.beta.assistants.retrieve, client.beta.assistants.delete):
        with pytest.raises(NotFoundError, match=f"No assistant found with id '{doomed.id}'"):
            await call(doomed.id)
    with pytest.raises(NotFoundError, match="No assistant found"):
        await client.beta.assistants.update(doomed.id, name="Ghost")


async def test_the_same_seed_gives_the_same_ids_whichever_key_comes_first() -> None:
    one, same, other = Sandbox(seed=1), Sandbox(seed=1), Sandbox(seed=2)
    ids = [one.project(key).add()["id"] for key in ("sk-a", "sk-b")]
    assert ids == [same.project(key).add()["id"] for key in ("sk-b", "sk-a")][::-1]
    assert ids[0] != ids[1]
    assert ids[0] != other.project("sk-a").add()["id"]


@unknown_tools
async def test_tests_may_seed_edit_and_remove_without_validation(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    project = sandbox.project(client.api_key)
    seeded = project.add(name="Seeded", hologram={"depth": 3}, tools=[{"type": "teleport"}])
    found = await client.beta.assistants.retrieve(seeded["id"])
    assert found.to_dict() == seeded == project.assistants[seeded["id"]]
    project.edit(seeded["id"], hologram=None, name="Edited")
    edited = (await client.beta.assistants.retrieve(seeded["id"])).to_dict()
    assert edited == seeded | {"hologram": None, "name": "Edited"}
    project.remove(seeded["id"])
    assert not project.assistants


async def test_an_assistant_that_was_seeded_does_not_change_with_the_callers_data() -> None:
    project = Sandbox().project("sk-a")
    metadata = {"a": "1"}
    seeded = project.add(metadata=metadata)
    metadata["a"] = "2"
    assert project.assistants[seeded["id"]]["metadata"] == {"a": "1"}


@unknown_tools
async def test_unknown_parameters_are_kept_where_the_sandbox_was_told_to(connect: Any) -> None:
    async with Sandbox(accept_unknown_parameters=True) as sandbox:
        client = connect(sandbox)
        tools: Any = [{"type": "teleport", "range": 9}, LOOK_UP | {"cached": True}]
        created = await client.beta.assistants.create(
            model="gpt-4o", tools=tools, extra_body={"hologram": {"depth": 3}}
        )
        updated = await client.beta.assistants.update(created.id, extra_body={"hologram": None})
    assert created.to_dict()["hologram"] == {"depth": 3}
    assert created.to_dict()["tools"][0] == tools[0]
    assert created.to_dict()["tools"][1]["cached"] is True
    assert updated.to_dict() == created.to_dict() | {"hologram": None}
