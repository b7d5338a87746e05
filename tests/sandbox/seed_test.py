import unicodedata
from collections import Counter
from typing import Any

import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Sandbox, demo_assistants
from understudy.sandbox.models import DEFAULT_MODELS, reasons

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


def functions(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [tool["function"] for tool in fields.get("tools", ()) if tool["type"] == "function"]


async def test_all_demonstration_assistants_are_accepted_unchanged(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    for fields in demo_assistants():
        made = (await client.beta.assistants.create(**fields)).to_dict()
        for name in fields.keys() - {"tools"}:
            assert made[name] == fields[name]
    assert len(sandbox.project(client.api_key).assistants) == 25


def test_they_are_varied() -> None:
    demo = demo_assistants()
    names = Counter(fields["name"] for fields in demo)
    tools = [tool["type"] for fields in demo for tool in fields.get("tools", ())]
    formats = {fields.get("response_format", {}).get("type") for fields in demo}
    text = "".join(f"{fields['name']}{fields['instructions']}" for fields in demo)
    assert names[None] == 1
    assert max(names.values()) == 2
    assert set(tools) == {"function", "code_interpreter", "file_search"}
    assert formats == {None, "json_schema", "json_object"}
    assert sum(len(functions(fields)) > 1 for fields in demo) >= 5
    assert {one.get("strict") for fields in demo for one in functions(fields)} == {None, True}
    assert any(fields["instructions"].count("\n") > 20 for fields in demo)
    assert any(unicodedata.combining(letter) for letter in text)
    assert {unicodedata.bidirectional(letter) for letter in text} >= {"L", "AL"}
    assert any("CJK" in unicodedata.name(letter, "") for letter in text)
    assert any("\N{ROCKET}" in str(fields.get("description")) for fields in demo)
    assert not any("tool_resources" in fields for fields in demo)


def test_their_models_are_known_and_only_reasoning_models_are_told_to_reason() -> None:
    demo = demo_assistants()
    assert {fields["model"] for fields in demo} <= set(DEFAULT_MODELS)
    assert all(reasons(fields["model"]) for fields in demo if "reasoning_effort" in fields)


def test_every_caller_gets_a_copy() -> None:
    demo_assistants()[0]["tools"].clear()
    demo_assistants()[0]["metadata"]["team"] = "changed"
    assert demo_assistants()[0]["tools"]
    assert demo_assistants()[0]["metadata"]["team"] == "support"


@pytest.mark.parametrize("model", ["o1", "o1-mini", "o3-pro", "o4-mini", "gpt-5", "gpt-5.6-sol"])
def test_reasoning_models_are_known_by_their_names(model: str) -> None:
    assert reasons(model)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-4o-mini", "omni-1", "o10"])
def test_other_models_take_a_temperature(model: str) -> None:
    assert not reasons(model)
