"""Providers that users name, and which tools which vendor has."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from understudy.providers.catalog import lacking, provider_for
from understudy.providers.named import named
from understudy.providers.vendors import TOOLS, VENDORS, Access
from understudy.redact import redact

OWN, HERE = "UNDERSTUDY_PROVIDER_OWN_BASE_URL", "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("model", ["own/x", "Own/x"])
def test_a_provider_of_ones_own_needs_an_address_only(model: str) -> None:
    secret = "tide-and-time"
    provider_for(model, {OWN: f"http://me:{secret}@127.0.0.1:9/v1"})
    assert secret not in redact(f"No answer from me:{secret}@127.0.0.1.")


def test_a_name_with_a_dash_is_found_by_its_variable() -> None:
    environment = {"UNDERSTUDY_PROVIDER_MY_TEAM_BASE_URL": HERE}
    provider_for("my-team/meta/llama", environment)
    provider_for("my_team/llama", environment)


def test_what_openai_knows_of_an_account_is_told_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY"):
        monkeypatch.setenv(variable, "mine-alone")
    vendor = named("own", {OWN: HERE})
    assert vendor is not None
    model = vendor.make(Access(None, HERE, {}, AsyncExitStack()))("llama")
    client = getattr(model, "client")  # noqa: B009 - not in the base's type
    assert "mine-alone" not in str({**client.default_headers, "key": client.api_key})


def test_models_for_demos_lack_no_tool_as_they_ignore_them() -> None:
    assert lacking("demo/echo", ("web_search", "saw"), {}) == ()
    assert lacking("openai/gpt-4o", ("web_search", "saw"), {}) == ("saw",)
    assert lacking("own/llama", ("web_search",), {OWN: HERE}) == ("web_search",)


def test_a_tool_is_had_where_the_library_can_ask_for_it() -> None:
    models = {
        "openai": ("gpt-4o", "gpt-6-luna"),
        "anthropic": ("claude-opus-5", "claude-3-haiku"),
        "google": ("gemini-2.5-flash", "gemini-3-pro"),
        "bedrock": ("amazon.nova-2-lite-v1:0", "amazon.nova-pro-v1:0", "anthropic.claude-opus-5"),
        "own": ("llama", "gpt-4o"),
    }
    environment = {"AWS_REGION": "eu-central-1", OWN: HERE}
    for provider, names in models.items():
        vendor = VENDORS.get(provider) or named(provider, environment)
        assert vendor is not None
        make = vendor.make(Access("key-of-nobody", HERE, environment, AsyncExitStack()))
        for name in names:
            can = {one.kind for one in make(name).profile.get("supported_native_tools", ())}
            assert {tool for tool in TOOLS if vendor.has(tool, name)} == can & set(TOOLS)
