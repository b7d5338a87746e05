"""Properties of reading, checking and keeping documents, valid ones and broken ones."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from architect.damaging import broken_bytes, broken_tree
from architect.examples import CHAIN, EXAMPLES, FORM, assistant, document, field, prompt
from architect.invariants import SCHEMA, hold
from architect.writing import document as written
from architect.writing import shuffled
from understudy.architect.document import Document
from understudy.architect.skeletons import Pattern, skeleton

chances = st.integers(0, 2**32).map(Random)
documents = chances.map(written)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["{{answer}}", "{{topic}}", "1", "true", "a,b", "gpt-4o"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(documents)
def test_a_valid_document_has_no_errors_and_json_schema_accepts_it(value: dict[str, Any]) -> None:
    one = hold(json.dumps(value))
    assert one.errors == ()
    for asked in value["assistants"]:
        for each in asked["input_fields"]:
            (each.get("options") or {}).pop("colour", None)
    assert list(SCHEMA.iter_errors(value)) == []


@given(documents, chances)
@settings(max_examples=40)
def test_a_digest_depends_on_content_not_on_spelling(value: dict[str, Any], chance: Random) -> None:
    wanted = Document.parse(json.dumps(value)).digests
    for text in (
        json.dumps(value, indent=3),
        json.dumps(value, separators=(",", ":"), ensure_ascii=False),
        json.dumps(shuffled(value, chance), indent="\t", ensure_ascii=False),
        "\r\n " + json.dumps(value, separators=(" ,\t", " : ")) + "\n\n",
    ):
        assert Document.parse(text).digests == wanted


@given(documents)
@settings(max_examples=40)
def test_an_export_is_a_document_of_the_same_digests(value: dict[str, Any]) -> None:
    one = Document.parse(json.dumps(value))
    again = Document.parse(json.dumps(document(*(kept.content for kept in one.assistants))))
    assert again.digests == one.digests
    assert again.assistants == one.assistants
    assert again.stages == one.stages


@given(documents, chances)
@settings(max_examples=150)
def test_a_broken_document_has_findings_or_other_content_never_a_traceback(
    value: dict[str, Any], chance: Random
) -> None:
    before = Document.parse(json.dumps(value))
    mutant = broken_tree(value, chance)
    after = hold(json.dumps(mutant))
    if after.valid and after.digest != before.digest:
        assert after.value != before.value


@given(st.sampled_from(sorted(EXAMPLES)), chances)
@settings(max_examples=150)
def test_broken_bytes_have_findings_or_the_same_meaning(name: str, chance: Random) -> None:
    data = json.dumps(EXAMPLES[name], ensure_ascii=chance.random() < 0.5, indent=1).encode()
    hold(broken_bytes(data, chance))


@given(values)
def test_any_value_is_a_document_with_findings(value: Any) -> None:
    assert hold(json.dumps(value)).errors
    assert hold(json.dumps({"version": "1.0", "assistants": value})).errors
    assert hold(json.dumps(document(value))).errors


@given(
    values, st.sampled_from(["name", "prompts", "input_fields", "is_parallel", "timeout_seconds"])
)
def test_any_value_may_stand_in_an_assistant(value: Any, name: str) -> None:
    hold(json.dumps(document({**CHAIN["assistants"][0], name: value})))


@given(values, st.sampled_from(sorted(prompt(input_mapping={}, parallel_group=1))), st.booleans())
def test_any_value_may_stand_in_a_prompt(value: Any, name: str, parallel: bool) -> None:
    prompts = [{**prompt(), name: value}, prompt("b", "{{answer}}", position=1)]
    hold(json.dumps(document(assistant(prompts, is_parallel=parallel))))


@given(values, st.sampled_from(["name", "label", "field_type", "position", "options"]))
def test_any_value_may_stand_in_a_field(value: Any, name: str) -> None:
    one = assistant(
        [prompt(content="{{topic}}")], [{**field(), name: value}, field("b", position=1)]
    )
    hold(json.dumps(document(one)))


@given(values, st.integers(0, 4), st.data())
def test_any_value_may_stand_in_options(value: Any, index: int, data: st.DataObject) -> None:
    one = json.loads(json.dumps(FORM["assistants"][0]))
    options = one["input_fields"][index]["options"]
    options[data.draw(st.sampled_from([*options, "colour"]))] = value
    hold(json.dumps(document(one)))


@given(st.sampled_from(Pattern), st.text(min_size=3, max_size=20))
def test_a_skeleton_is_valid_where_its_name_is(pattern: Pattern, name: str) -> None:
    one = hold(json.dumps(skeleton(pattern, "Fine name")))
    assert one.findings == ()
    hold(json.dumps(skeleton(pattern, name)))
