"""The table of models."""

from typing import Any

import openai
import pytest

from understudy.sandbox import Model, Sandbox

TABLE = {
    "old": Model("2026-12-11"),
    "current": Model("2027-01-14", reasoning=True),
    "new": Model(),
}


async def test_a_table_says_what_there_is_and_until_when(connect: Any) -> None:
    async with Sandbox(models=TABLE) as sandbox:
        models = [model async for model in connect(sandbox).models.list()]
    assert [(one.id, one.shutdown_date) for one in models] == [
        ("old", "2026-12-11"),
        ("current", "2027-01-14"),
        ("new", None),
    ]


@pytest.mark.parametrize(
    ("today", "alive"),
    [
        ("2026-12-10", ["old", "current", "new"]),
        ("2026-12-11", ["current", "new"]),
        ("2027-02-01", ["new"]),
    ],
)
async def test_a_model_whose_last_day_has_come_is_gone(
    connect: Any, today: str, alive: list[str]
) -> None:
    async with Sandbox(models=TABLE, today=today) as sandbox:
        client = connect(sandbox)
        assert [model.id async for model in client.models.list()] == alive
        for name in set(TABLE) - set(alive):
            with pytest.raises(openai.BadRequestError, match="does not exist"):
                await client.beta.agents.create(model=name)


async def test_the_known_models_die_too(connect: Any) -> None:
    async with Sandbox(today="2027-01-14") as sandbox:
        names = {model.id async for model in connect(sandbox).models.list()}
    assert "gpt-5.1" in names
    assert not names & {"gpt-4o", "o3", "o4-mini"}


async def test_the_table_of_one_project_can_be_changed(sandbox: Sandbox, connect: Any) -> None:
    project = sandbox.project("sk-one")
    project.models = {"house-1": Model(reasoning=True)}
    client = connect(sandbox, "sk-one")
    with pytest.raises(openai.BadRequestError, match="'temperature' is not supported"):
        await client.responses.create(model="house-1", input="x", temperature=0.5)
    assert list(sandbox.project("sk-two").models) != ["house-1"]
