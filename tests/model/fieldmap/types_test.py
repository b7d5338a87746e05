"""Whatever is sent is what the openai package's own types allow."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from openai.types.beta.agent_create_params import AgentCreateParams
from openai.types.beta.agent_update_params import AgentUpdateParams
from openai.types.beta.assistant_create_params import AssistantCreateParams
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import SecretStr, TypeAdapter

from model.fieldmap.definitions import agents, assistants
from understudy.model.assistant import Assistant
from understudy.model.limits import AGENTS, RESPONSES, check
from understudy.platforms.agents import Agents
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.base import Marker, Platform
from understudy.platforms.openai_wire import Wire
from understudy.platforms.responses import Bundle
from understudy.platforms.responses_form import check_arguments, folded

WIRE = Wire("dst", "https://api.openai.com/v1", SecretStr("sk-none"))
AGENT = TypeAdapter(AgentCreateParams)
AGENT_UPDATE = TypeAdapter(AgentUpdateParams)
V2 = TypeAdapter(AssistantCreateParams)
RESPONSE = TypeAdapter(ResponseCreateParamsNonStreaming)
MARKER = Marker({"cloned_from": "asst_1"})


def rendered(place: Platform, record: dict[str, Any]) -> dict[str, Any]:
    return dict(place.render(Assistant("asst_1", {"id": "asst_1", **record}), MARKER).payload)


def assert_fits(adapter: TypeAdapter[Any], fields: dict[str, Any]) -> None:
    """Fail unless the fields are of that type, their tools too, which pydantic reads lazily."""
    known = adapter.core_schema
    checked = adapter.validate_python(fields)
    list(checked.get("tools") or ())
    names = set(_names(known))
    assert fields.keys() <= names, f"unknown: {sorted(fields.keys() - names)}"


def _names(schema: Any) -> list[str]:
    if schema.get("type") == "definitions":
        return _names(schema["schema"])
    return [field.get("validation_alias", name) for name, field in schema["fields"].items()]


@settings(max_examples=400, deadline=None)
@given(assistants())
def test_a_request_for_an_agent_is_of_the_package_s_type(record: dict[str, Any]) -> None:
    payload = rendered(Agents(WIRE), record)
    assert_fits(AGENT, payload)
    assert_fits(AGENT_UPDATE, payload)
    assert [f.code for f in check(payload, AGENTS)] == []


@settings(max_examples=300, deadline=None)
@given(agents())
def test_an_agent_is_sent_on_as_the_package_s_type(record: dict[str, Any]) -> None:
    assert_fits(AGENT, rendered(Agents(WIRE), record))


@settings(max_examples=400, deadline=None)
@given(assistants() | agents())
def test_a_bundle_holds_arguments_of_the_package_s_type(record: dict[str, Any]) -> None:
    arguments = folded(rendered(Bundle("bundle"), record))
    assert_fits(RESPONSE, arguments)
    check_arguments(arguments)
    assert [f.code for f in check(arguments, RESPONSES) if f.blocks] == []


@settings(max_examples=300, deadline=None)
@given(agents())
def test_a_request_for_an_assistant_is_of_the_package_s_type(record: dict[str, Any]) -> None:
    assert_fits(V2, rendered(AssistantsV2(WIRE), record))
