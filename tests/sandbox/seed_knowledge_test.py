from collections import Counter

import pytest
from openai import AsyncOpenAI

from understudy.ops.rehearsal import SOURCE_KEY, Stage, sandbox
from understudy.sandbox import Project, Sandbox, demo_assistants, demo_originals, furnish_demo
from understudy.sandbox.seed_knowledge import LOST

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


@pytest.fixture
def furnished() -> Project:
    project = Sandbox().project("sk-one")
    furnish_demo(project)
    return project


def leaning(project: Project) -> tuple[list[str], list[str]]:
    """Return the ids of the files and stores that assistants name, in order."""
    files, stores = [], []
    for assistant in project.assistants.values():
        resources = assistant["tool_resources"]
        files += resources.get("code_interpreter", {}).get("file_ids", [])
        stores += resources.get("file_search", {}).get("vector_store_ids", [])
    return files, stores


def test_all_assistants_are_there_and_name_only_what_is(furnished: Project) -> None:
    demo = demo_assistants()
    assert [one["name"] for one in furnished.assistants.values()] == [one["name"] for one in demo]
    files, stores = leaning(furnished)
    assert set(files) <= set(furnished.files)
    assert set(stores) == set(furnished.stores)
    assert max(Counter(stores).values()) == 2
    for assistant in furnished.assistants.values():
        tools = {tool["type"] for tool in assistant["tools"]}
        assert set(assistant["tool_resources"]) <= tools


def test_the_knowledge_is_varied_and_indexed(furnished: Project) -> None:
    stores = furnished.stores
    members = [one for id_ in stores for one in furnished.store_files(id_).values()]
    assert len(stores) == 3
    assert {one["status"] for one in (*stores.values(), *members)} == {"completed"}
    assert any(one["expires_at"] for one in stores.values())
    assert any(one["metadata"] for one in stores.values())
    assert any(one["description"] for one in stores.values())
    values = {type(value) for one in members for value in one["attributes"].values()}
    assert values == {str, int, bool}
    sizes = {one["chunking_strategy"]["static"]["max_chunk_size_tokens"] for one in members}
    assert sizes == {200, 800}
    searched = {one["id"] for one in members}
    computed = set(leaning(furnished)[0])
    assert len(computed) == 3
    assert searched | computed == set(furnished.files)
    assert not searched & computed


def test_files_are_small_texts_and_the_same_every_time(furnished: Project) -> None:
    again = Sandbox(seed=9).project("sk-two")
    furnish_demo(again)
    contents = {file["filename"]: furnished.content(id_) for id_, file in furnished.files.items()}
    assert contents == {file["filename"]: again.content(id_) for id_, file in again.files.items()}
    assert len(contents) == 11
    for content in contents.values():
        assert 200 <= len(content) <= 20_000
        content.decode("utf-8")


def test_the_owner_has_all_originals_but_two(furnished: Project) -> None:
    originals = demo_originals()
    by_name = {file["filename"]: id_ for id_, file in furnished.files.items()}
    assert set(by_name) - set(originals) == set(LOST)
    for name, content in originals.items():
        assert furnished.content(by_name[name]) == content
    in_stores = {id_ for store in furnished.stores for id_ in furnished.store_files(store)}
    assert [by_name[name] in in_stores for name in LOST] == [True, False]


@pytest.mark.parametrize("stage", [Stage(demo=True), Stage(demo=True, purpose_rule=False)])
async def test_a_rehearsal_starts_with_all_that(stage: Stage) -> None:
    async with (
        sandbox(stage) as base_url,
        AsyncOpenAI(api_key=SOURCE_KEY, base_url=base_url, max_retries=0) as client,
    ):
        assert len([one async for one in client.beta.assistants.list()]) == 25
        assert len([one async for one in client.vector_stores.list()]) == 3
        files = [one async for one in client.files.list()]
        assert len(files) == 11
        if not stage.purpose_rule:
            content = (await client.files.content(files[0].id)).content
            assert len(content) == files[0].bytes


async def test_the_rules_of_a_rehearsal_reach_the_server() -> None:
    stage = Stage(indexing=600, batch_limit=1, containers=False)
    async with (
        sandbox(stage) as base_url,
        AsyncOpenAI(api_key=SOURCE_KEY, base_url=base_url, max_retries=0) as client,
    ):
        file = await client.files.create(file=("a.md", b"A"), purpose="assistants")
        store = await client.vector_stores.create(file_ids=[file.id])
        assert store.status == "in_progress"
        with pytest.raises(Exception, match="array too long"):
            await client.vector_stores.file_batches.create(store.id, file_ids=[file.id] * 2)
        with pytest.raises(Exception, match="Invalid URL"):
            await client.containers.create(name="c")
