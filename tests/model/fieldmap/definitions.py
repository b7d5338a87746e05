"""Assistants, agents and requests of every shape that is allowed, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from strategies import function_names, response_formats, schemas, texts

keys = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
metadata = st.dictionaries(
    keys | st.sampled_from(["description", "name"]), texts.map(lambda t: t[:60]), max_size=3
)
long_names = st.none() | texts | st.text("näme", min_size=100, max_size=256)
models = st.sampled_from(["gpt-4o", "o3", "gpt-5.6-sol", "house-model"])


@st.composite
def _functions(draw: st.DrawFn) -> dict[str, Any]:
    function: dict[str, Any] = {"name": draw(function_names)}
    for key, strategy in (
        ("description", st.none() | texts),
        ("parameters", st.none() | schemas),
        ("strict", st.sampled_from([None, True, False])),
    ):
        if draw(st.booleans()):
            function[key] = draw(strategy)
    return {"type": "function", "function": function}


searches = st.fixed_dictionaries(
    {},
    optional={
        "max_num_results": st.integers(1, 50),
        "ranking_options": st.fixed_dictionaries(
            {"score_threshold": st.sampled_from([0.0, 0.5])},
            optional={"ranker": st.sampled_from(["auto", "default_2024_08_21"])},
        ),
    },
)
assistant_tools = st.lists(
    _functions()
    | st.just({"type": "code_interpreter"})
    | searches.map(lambda options: {"type": "file_search", "file_search": options})
    | st.just({"type": "file_search"})
    | st.just({"type": "browser", "depth": 3}),
    max_size=4,
)
ASSISTANT: dict[str, st.SearchStrategy[Any]] = {
    "name": long_names,
    "description": st.none() | texts,
    "instructions": st.none() | texts,
    "temperature": st.none() | st.sampled_from([0, 0.3, 1, 2.0]),
    "top_p": st.none() | st.sampled_from([0.1, 1]),
    "response_format": response_formats,
    "reasoning_effort": st.sampled_from([None, "low", "high", "none"]),
    "tools": assistant_tools,
    "metadata": st.none() | metadata,
    "some_future_field": st.integers(),
}


@st.composite
def assistants(draw: st.DrawFn) -> dict[str, Any]:
    """One assistant without an id."""
    record: dict[str, Any] = {"object": "assistant", "model": draw(models)}
    for field, strategy in ASSISTANT.items():
        if draw(st.booleans()):
            record[field] = draw(strategy)
    return record


agent_functions = st.fixed_dictionaries(
    {
        "type": st.just("function"),
        "name": function_names,
        "description": texts,
        "parameters": schemas,
        "defer_loading": st.booleans(),
    },
    optional={"async": st.none() | st.booleans()},
)
mcp = st.fixed_dictionaries(
    {
        "type": st.just("mcp"),
        "server_label": st.just("wiki"),
        "transport": st.sampled_from(
            [
                {"type": "http", "server_url": "https://example.com/mcp", "headers": None},
                {"type": "http", "server_url": "https://example.com", "headers": {"x": "1"}},
                {"type": "stdio", "command": "run", "cwd": "/workspace", "args": ["a"]},
            ]
        ),
        "allowed_tools": st.none() | st.just(["search"]),
        "connection_origin": st.sampled_from(["service", "environment"]),
        "credential_id": st.none(),
        "request_metadata": st.just({}),
        "required": st.booleans(),
    }
)
web_search = st.fixed_dictionaries(
    {
        "type": st.just("web_search"),
        "allowed_domains": st.none() | st.just(["example.com"]),
        "context_size": st.sampled_from(["low", "medium", "high"]),
        "location": st.none() | st.just({"city": "Oslo", "country": "NO"}),
        "mode": st.sampled_from(["disabled", "cached", "live"]),
    }
)
agent_tools = st.lists(
    agent_functions
    | mcp
    | web_search
    | st.just({"type": "tool_search"})
    | st.just({"type": "programmatic_tool_calling", "enabled": True})
    | st.just({"type": "computer_use", "include_screenshots": False})
    | st.just({"type": "automations"}),
    max_size=4,
)


@st.composite
def agents(draw: st.DrawFn) -> dict[str, Any]:
    """One agent as the API answers, without an id."""
    enabled = draw(st.booleans())
    form = st.sampled_from(
        [{"type": "text"}, {"type": "json_schema", "schema": {"type": "object"}}]
    )
    return {
        "object": "agent",
        "name": draw(st.none() | st.text("näme", max_size=128)),
        "model": draw(models),
        "instructions": draw(st.none() | texts),
        "metadata": draw(metadata),
        "multi_agent": {
            "enabled": enabled,
            "max_concurrent_subagents": draw(st.integers(1, 9)) if enabled else None,
        },
        "reasoning": {
            "effort": draw(st.sampled_from([None, "low", "xhigh"])),
            "summary": draw(st.sampled_from([None, "auto"])),
        },
        "service_tier": draw(st.sampled_from(["auto", "flex"])),
        "text": {
            "format": draw(form),
            "verbosity": draw(st.sampled_from(["low", "medium"])),
        },
        "tools": draw(agent_tools),
        "compaction": {"async": draw(st.booleans())},
        "experimental": {"time_awareness": draw(st.booleans())},
    }
