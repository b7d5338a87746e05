"""Assistants as people and programs really make them, and nastier ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NASTY = (
    "",
    " ",
    "plain",
    "two words",
    "🙂" * 8,
    "é versus e\u0301",
    "مساعد",
    "客服",
    "line one\r\nline two\nline three\r",
    "tab\tand\x1b[31mescape",
    "../../etc/passwd",
    "a/b\\c:d*e?f|g",
    "CON",
    ".hidden",
    "trailing newline\n",
    "\u202eright to left override",
    "null\x00byte",
    "{{template}} `tick` <tag> | pipe",
)

texts = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.none() | texts
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(-1e6, 1e6, allow_nan=False)
    | texts
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
schemas = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(texts, json_values, max_size=2)}
)
function_names = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)


@st.composite
def functions(draw: st.DrawFn) -> dict[str, Any]:
    """One function tool; every optional part may be missing."""
    function: dict[str, Any] = {"name": draw(function_names)}
    if draw(st.booleans()):
        function["description"] = draw(texts)
    if draw(st.booleans()):
        function["parameters"] = draw(schemas)
    if draw(st.booleans()):
        function["strict"] = False
    return {"type": "function", "function": function}


tools = st.lists(
    functions()
    | st.just({"type": "code_interpreter"})
    | st.just({"type": "file_search"})
    | st.just({"type": "file_search", "file_search": {"max_num_results": 7}}),
    max_size=4,
)
metadata = st.dictionaries(
    st.from_regex(r"[a-z]{1,6}", fullmatch=True), texts.map(lambda t: t[:60]), max_size=4
)
response_formats = st.sampled_from(
    [
        None,
        "auto",
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
    ]
)
OPTIONAL = {
    "name": names,
    "description": names,
    "instructions": names,
    "temperature": st.none() | st.sampled_from([0, 0.3, 1, 1.0, 2]),
    "top_p": st.none() | st.sampled_from([0.1, 1, 1.0]),
    "response_format": response_formats,
    "reasoning_effort": st.sampled_from([None, "low", "high"]),
    "tools": tools,
    "metadata": metadata,
}


@st.composite
def definitions(draw: st.DrawFn, extra: bool = False) -> dict[str, Any]:
    """One definition without an id; with `extra`, it may hold a field that nobody knows."""
    record: dict[str, Any] = {"model": draw(st.sampled_from(["gpt-4o", "gpt-4.1"]))}
    for field, strategy in OPTIONAL.items():
        if draw(st.booleans()):
            record[field] = draw(strategy)
    if extra and draw(st.booleans()):
        record["some_future_field"] = draw(json_values)
    return record


def inventories(extra: bool = False, max_size: int = 5) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return lists of definitions; two may well be equal."""
    return st.lists(definitions(extra=extra), max_size=max_size)
