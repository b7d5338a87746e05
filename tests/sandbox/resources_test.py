"""What assistants name as their knowledge."""

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Project, Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


def code(*file_ids: str) -> Any:
    return {"code_interpreter": {"file_ids": list(file_ids)}}


def search(*store_ids: str) -> Any:
    return {"file_search": {"vector_store_ids": list(store_ids)}}


async def test_an_assistant_may_name_what_its_project_has(
    client: AsyncOpenAI, project: Project
) -> None:
    file_id = project.put_file("a.csv", b"A")["id"]
    store_id = project.put_store(files=[file_id])["id"]
    resources = code(file_id) | search(store_id)
    made = await client.beta.assistants.create(model="gpt-4o", tool_resources=resources)
    assert made.to_dict()["tool_resources"] == resources
    updated = await client.beta.assistants.update(made.id, tool_resources=code(file_id))
    assert updated.to_dict()["tool_resources"] == code(file_id)
    await client.beta.assistants.update(made.id, tool_resources=search())


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (code("file-x"), "No such File object: file-x"),
        (search("vs_x"), "Vector store with id [vs_x] not found"),
        ({"file_search": {"vector_stores": [{"file_ids": ["file-x"]}]}},
         "No such File object: file-x"),
    ],
)  # fmt: skip
async def test_an_assistant_may_not_name_what_its_project_has_not(
    client: AsyncOpenAI, project: Project, resources: Any, message: str
) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        await client.beta.assistants.create(model="gpt-4o", tool_resources=resources)
    assert message in str(raised.value)
    assert not project.assistants
    if "vector_stores" not in str(resources):
        made = project.add()
        with pytest.raises(openai.NotFoundError):
            await client.beta.assistants.update(made["id"], tool_resources=resources)
        assert project.assistants[made["id"]] == made


async def test_what_another_project_has_does_not_count(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    other = sandbox.project("sk-two")
    file_id = other.put_file("a.md", b"A")["id"]
    store_id = other.put_store(files=[file_id])["id"]
    for resources in (code(file_id), search(store_id)):
        with pytest.raises(openai.NotFoundError):
            await client.beta.assistants.create(model="gpt-4o", tool_resources=resources)


async def test_the_check_can_be_switched_off_and_does_not_concern_what_is_put(
    connect: Any,
) -> None:
    async with Sandbox(check_resources=False) as sandbox:
        client = connect(sandbox)
        resources = code("file-x") | search("vs_x")
        made = await client.beta.assistants.create(model="gpt-4o", tool_resources=resources)
        assert made.to_dict()["tool_resources"] == resources
    assert Sandbox().project("sk-one").add(tool_resources=resources)["tool_resources"] == resources


async def test_a_store_made_along_the_way_is_a_store_like_any_other(
    client: AsyncOpenAI, project: Project
) -> None:
    file_id = project.put_file("a.md", b"A")["id"]
    small = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}
    wanted = {
        "file_ids": [file_id],
        "metadata": {"a": "b"},
        "chunking_strategy": {"type": "static", "static": small},
    }
    resources: Any = {"file_search": {"vector_stores": [wanted]}}
    made: Any = await client.beta.assistants.create(model="gpt-4o", tool_resources=resources)
    (store_id,) = made.tool_resources.file_search.vector_store_ids
    assert project.stores[store_id]["metadata"] == {"a": "b"}
    shown = project.store_files(store_id)[file_id]
    assert shown["chunking_strategy"] == wanted["chunking_strategy"]
