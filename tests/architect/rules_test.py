"""Every rule: what breaks it, which finding that makes, and the characters that it points at.

In the documents below, « stands where the finding points; it is taken out before they are read.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from architect.examples import assistant, chain, choices, document, field, prompt
from architect.places import Places, place
from understudy.architect.checking import Options
from understudy.architect.document import Document
from understudy.architect.findings import MOST_FINDINGS, Finding, pointer
from understudy.architect.limits import MOST_BYTES, MOST_CONTENT, MOST_VALUES
from understudy.architect.models import Catalogue
from understudy.architect.rules import RULES

MARK = "«"
_NO_MODELS = Options(catalogue=Catalogue(()))


class Broken(NamedTuple):
    """A text with a mark, and the finding that it has there; with `line` 0 it has no place."""

    code: str
    text: str
    pointer: str = ""
    options: Options = Options()
    placed: bool = True


def at(
    code: str,
    value: Any,
    *path: str | int,
    before: str = "",
    options: Options = Options(),  # noqa: B008 - frozen
) -> Broken:
    """Return a document whose value at a path is marked.

    `before` is the text within a string before which the mark stands.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False)
    known = Places(text).value(path)
    if before:
        known = text.index(before, known)
    return Broken(code, text[:known] + MARK + text[known:], pointer(path), options)


def on_key(code: str, value: Any, *path: str | int) -> Broken:
    """Return a document in which the name of a field is marked."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    known = Places(text).names[path]
    return Broken(code, text[:known] + MARK + text[known:], pointer(path))


def only(one: Any) -> dict[str, Any]:
    """Return a document of one assistant, whatever it is."""
    return {"version": "1.0", "assistants": [one]}


def without(name: str, one: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != name}


def steps(*contents: str, **last: Any) -> dict[str, Any]:
    """Return a document of a chain, whose last prompt has more fields."""
    prompts = chain(*contents)
    prompts[-1].update(last)
    return only(assistant(prompts))


def form(*fields: Any, content: str = "") -> dict[str, Any]:
    """Return a document with these fields, all of them read."""
    read = " ".join(f"{{{{{one['name']}}}}}" for one in fields if isinstance(one, dict))
    return only(assistant([prompt(content=content or read or "x")], fields))


def picking(kind: str = "select", **options: Any) -> dict[str, Any]:
    return form(field("topic", kind, **options))


A = ("assistants", 0)
P = (*A, "prompts")
F = (*A, "input_fields")
O = (*F, 0, "options")  # noqa: E741
_SOUND = json.dumps(document())
_BIG = 10**400

TABLE: tuple[Broken, ...] = (
    # The file
    Broken("file_too_large", _SOUND + " " * MOST_BYTES, placed=False),
    Broken("not_utf8", "UTF-16", placed=False),
    Broken("not_json", '{"version": "1.0",\n "assistants": [«}'),
    Broken("not_json", "", placed=False),
    Broken("not_json", _SOUND + " «{}"),
    Broken("too_many_values", "«[" + "[]," * MOST_VALUES + "0]"),
    Broken("too_deep", "[" * 128 + "«" + "[" * 9_900 + "]" * 10_028),
    Broken("duplicate_key", '{"version": "1.0", «"version": "1.0", "assistants": []}', "/version"),
    on_key(
        "duplicate_key",
        steps("{{é}}", input_mapping={"é": "a", "e\u0301": "b"}),
        *(*P, 0, "input_mapping", "e\u0301"),
    ),
    Broken("not_a_number", '{"version": "1.0", "assistants": [{"x": «NaN}]}', "/assistants/0/x"),
    Broken("not_a_number", '{"a": [0, «-Infinity]}', "/a/1"),
    Broken("not_a_number", '{"a": «1e400}', "/a"),
    Broken("not_a_number", '{"a": «' + "7" * 4301 + "}", "/a"),
    Broken("half_a_character", '{"a": {"b": «"x\\ud800y"}}', "/a/b"),
    Broken("half_a_character", '{"a": «{"\\udfff": 1}}', "/a"),
    Broken("byte_order_mark", "\ufeff«" + _SOUND),
    # Structure
    Broken("not_an_object", "«[]"),
    at("not_an_object", only(None), *A),
    at("not_an_object", only(assistant([prompt(), "p"])), *P, 1),
    at("not_an_object", only(assistant(fields=[7])), *F, 0),
    at("missing_version", without("version", document())),
    at("missing_version", {**document(), "version": None}, "version"),
    at("unsupported_version", {**document(), "version": "2.0"}, "version"),
    at("unsupported_version", {**document(), "version": 1.0}, "version"),
    at("missing_assistants", without("assistants", document())),
    at("missing_assistants", {**document(), "assistants": {}}, "assistants"),
    at("no_assistants", {**document(), "assistants": []}, "assistants"),
    at("missing_name", only(without("name", assistant())), *A),
    at("missing_prompts", only(without("prompts", assistant())), *A),
    at("missing_prompts", only({**assistant(), "prompts": "none"}), *P),
    at("missing_input_fields", only(without("input_fields", assistant())), *A),
    at("missing_input_fields", only({**assistant(), "input_fields": None}), *F),
    at("missing_field", only(assistant([without("model_name", prompt())])), *P, 0),
    at("missing_field", form(without("label", field())), *F, 0),
    at("missing_field", picking(choices=[{"label": "A"}]), *O, "choices", 0),
    at("wrong_type", only(assistant(name=5)), *A, "name"),
    at("wrong_type", only(assistant(is_parallel="yes")), *A, "is_parallel"),
    at("wrong_type", only(assistant([prompt(position="0")])), *P, 0, "position"),
    at("wrong_type", only(assistant([prompt(position=0.5)])), *P, 0, "position"),
    at("wrong_type", only(assistant([prompt(position=True)])), *P, 0, "position"),
    at("wrong_type", form({**field(), "options": []}), *O),
    at("wrong_type", only(assistant(repositoryIds=[1, "2"])), *A, "repositoryIds", 1),
    at("wrong_type", steps("{{a}}", input_mapping={"a": 1}), *P, 0, "input_mapping", "a"),
    at("too_short", only(assistant(name=" ab ")), *A, "name"),
    at("too_short", only(assistant(name="ae\u0301")), *A, "name"),
    at("too_short", only(assistant([prompt(content="\u2003")])), *P, 0, "content"),
    at(
        "too_short", picking(choices=[{"value": "\u3000", "label": "x"}]), *O, "choices", 0, "value"
    ),
    at("too_long", only(assistant(name="n" * 256)), *A, "name"),
    at("out_of_range", only(assistant(timeout_seconds=900.5)), *A, "timeout_seconds"),
    at("out_of_range", only(assistant(timeout_seconds=_BIG)), *A, "timeout_seconds"),
    at("out_of_range", only(assistant([prompt(timeout_seconds=0)])), *P, 0, "timeout_seconds"),
    at("out_of_range", only(assistant([prompt(position=-1)])), *P, 0, "position"),
    at("out_of_range", only(assistant([prompt(position=_BIG)])), *P, 0, "position"),
    at("out_of_range", only(assistant([prompt(parallel_group=2**53)])), *P, 0, "parallel_group"),
    at("out_of_range", only(assistant(repositoryIds=[2**60])), *A, "repositoryIds", 0),
    at("out_of_range", only(assistant(repositoryIds=[7, 1e300])), *A, "repositoryIds", 1),
    at("out_of_range", form(field(since={"then": [2**60]})), *O, "since"),
    at("out_of_range", form(field(maxLength=0)), *O, "maxLength"),
    at("control_character", only(assistant(name="two\nlines")), *A, "name"),
    at("duplicate_assistant", document(assistant(), assistant()), "assistants", 1, "name"),
    at(
        "duplicate_assistant",
        document(assistant(name="Café"), assistant(name="Cafe\u0301")),
        *("assistants", 1, "name"),
    ),
    on_key("unknown_field", {**document(), "exported": "x"}, "exported"),
    on_key("unknown_field", only(assistant(is_paralel=True)), *A, "is_paralel"),
    on_key("unknown_field", only(assistant([prompt(a_b="x")])), *P, 0, "a_b"),
    at("bad_time", {**document(), "exported_at": "yesterday"}, "exported_at"),
    at("status_ignored", only(assistant(status="approved")), *A, "status"),
    at("name_normalised", only(assistant(name="Cafe\u0301s ")), *A, "name"),
    # Prompts and their order
    at("too_few_prompts", only({**assistant(), "prompts": []}), *P),
    at("too_many_prompts", only(assistant(chain(*["x"] * 21))), *P),
    at(
        "content_too_long",
        only(assistant([prompt(content="a" * (MOST_CONTENT + 1))])),
        *P,
        0,
        "content",
    ),
    at(
        "split_group",
        only(
            assistant(
                [prompt(f"p{i}", position=i, parallel_group=g) for i, g in enumerate((1, 2, 1))],
                is_parallel=True,
            )
        ),
        *(*P, 1, "position"),
    ),
    at("duplicate_position", only(assistant([prompt("a"), prompt("b")])), *P, 1, "position"),
    at("position_gap", only(assistant([prompt("a"), prompt("b", position=4)])), *P, 1, "position"),
    at("groups_ignored", steps("a", "b", parallel_group=1), *P, 1, "parallel_group"),
    at("no_groups", only(assistant(chain("a", "b"), is_parallel=True)), *A, "is_parallel"),
    at("long_prompt_timeout", steps("a", timeout_seconds=901), *P, 0, "timeout_seconds"),
    at("unusable_slug", only(assistant([prompt("…")])), *P, 0, "name"),
    at("unusable_slug", only(assistant([prompt("a b"), prompt("A-B", position=1)])), *P, 1, "name"),
    # Variables
    at("unknown_variable", steps("Is a {{a}}"), *P, 0, "content", before="a}}"),
    at("unknown_variable", steps('"\n{{ é }}'), *P, 0, "content", before="é }}"),
    at("unknown_variable", steps("{{prompt_5_output}}"), *P, 0, "content", before="prompt_5"),
    at("unknown_variable", steps("{{prompt_٠_output}}"), *P, 0, "content", before="prompt_٠"),
    at(
        "unknown_variable",
        steps("{{x}}", input_mapping={"x": "to {{t}}"}),
        *P,
        0,
        "input_mapping",
        "x",
        before="t}}",
    ),
    at("later_output", steps("{{step1}}", "b"), *P, 0, "content", before="step1"),
    at(
        "ambiguous_variable",
        only(assistant([prompt("a"), prompt("A", position=1), prompt("c", "A {{a}}", position=2)])),
        *P,
        2,
        "content",
        before="a}}",
    ),
    at("too_many_substitutions", form(field(), content="{{topic}}" * 51), *P, 0, "content"),
    at(
        "too_many_substitutions",
        steps("".join(f"{{{{{n} b}}}}" for n in range(1001))),
        *P,
        0,
        "content",
    ),
    at(
        "database_id",
        steps("{{x}}", input_mapping={"x": "prompt_3.output"}),
        *P,
        0,
        "input_mapping",
        "x",
    ),
    at("dollar_variable", steps("$ {a} ${b}"), *P, 0, "content", before="${b}"),
    at("literal_braces", steps("a b {{a b}}"), *P, 0, "content", before="a b}}"),
    at(
        "variable_in_system_context",
        steps("a", system_context="The {{t}}"),
        *P,
        0,
        "system_context",
        before="t}}",
    ),
    at(
        "position_is_not_index",
        only(assistant([prompt("b", "{{prompt_0_output}}", position=1), prompt("a")])),
        *P,
        0,
        "content",
        before="prompt_0",
    ),
    at(
        "literal_mapping", steps("{{x}}", input_mapping={"x": "plain"}), *P, 0, "input_mapping", "x"
    ),
    on_key("unused_mapping", steps("a", input_mapping={"x": "{{b}}"}), *P, 0, "input_mapping", "x"),
    at("unused_field", form(field(), content="x"), *F, 0, "name"),
    # Input fields
    at("unknown_field_type", form(field(field_type="text")), *F, 0, "field_type"),
    at("duplicate_field", form(field(), field(position=1)), *F, 1, "name"),
    at("missing_choices", picking(), *O),
    at("missing_choices", form(without("options", field("topic", "multi_select"))), *F, 0),
    at("bad_choices", picking(choices=[]), *O, "choices"),
    at("bad_choices", picking(choices=7), *O, "choices"),
    at("bad_choices", picking(choices=[None]), *O, "choices", 0),
    at("bad_choices", picking(choices={"values": [""]}), *O, "choices", "values", 0),
    at("bad_choices", picking(choices='["\\ud800"]'), *O, "choices"),
    at("duplicate_choice", picking(choices=choices("a", "b", "a")), *O, "choices", 2),
    at("unknown_default", picking(choices=choices("a"), default="b"), *O, "default"),
    at(
        "bad_selections",
        picking("multi_select", choices=choices("a"), minSelections=2),
        *O,
        "minSelections",
    ),
    at(
        "bad_selections",
        picking("multi_select", choices=choices("a", "b"), minSelections=2, maxSelections=1),
        *O,
        "minSelections",
    ),
    at("bad_accept", picking("file_upload", accept=".pdf, docx"), *O, "accept"),
    at("choices_shape", picking(choices=["a"]), *O, "choices"),
    at("duplicate_field_position", form(field("a"), field("b")), *F, 1, "position"),
    at("field_position_gap", form(field("a", position=1)), *F, 0, "position"),
    on_key("unknown_option", form(field(rows=2)), *O, "rows"),
    at("too_deep", form(field(x=json.loads("[" * 40 + "]" * 40))), *O, "x"),
    # Models
    at("no_model", document(), *P, 0, "model_name", options=_NO_MODELS),
    at("model_fallback", steps("a", model_name="llama"), *P, 0, "model_name"),
    at("model_mapped", steps("a", model_name="gpt-9"), *P, 0, "model_name"),
    at(
        "too_many_models",
        document(
            *(
                {
                    **assistant(
                        [prompt(model_name=f"gpt-9-{i}-{j}", position=j) for j in range(20)]
                    ),
                    "name": f"Name {i}",
                }
                for i in range(11)
            )
        ),
        "assistants",
    ),
    at("tool_unavailable", only(assistant(enabledTools=["saw"])), *A, "enabledTools"),
    # All
    Broken("more_findings", '«{"version": "1.0", "assistants": [' + "1," * MOST_FINDINGS + "1]}"),
)


def read(broken: Broken) -> tuple[Document, int]:
    """Return the document, and the offset of the mark, -1 without one."""
    if broken.code == "not_utf8":
        return Document.parse(_SOUND.encode("utf-16")), -1
    text = broken.text.replace(MARK, "")
    if broken.code == "byte_order_mark":
        return Document.parse(text), 0
    return Document.parse(text, options=broken.options), broken.text.find(MARK)


@pytest.mark.parametrize("broken", TABLE, ids=[f"{i}-{one.code}" for i, one in enumerate(TABLE)])
def test_what_breaks_a_rule_is_found_where_it_stands(broken: Broken) -> None:
    one, offset = read(broken)
    matching = [f for f in one.findings if (f.code, f.pointer) == (broken.code, broken.pointer)]
    assert len(matching) == 1, one.findings[:5]
    (finding,) = matching
    assert finding.severity is RULES[broken.code].severity
    assert finding.blocks is (finding.severity == "error")
    wanted = place(one.text, offset) if broken.placed else (0, 0)
    assert (finding.line, finding.column) == wanted
    assert finding.message
    assert "\n" not in finding.message
    if finding.blocks:
        assert finding.hint or broken.code == "not_json"
        assert not one.valid


def test_every_rule_is_broken_by_something_in_the_table() -> None:
    assert {broken.code for broken in TABLE} | {"unreadable_file"} == set(RULES)


def test_findings_come_in_the_order_of_the_text() -> None:
    one = Document.parse(
        json.dumps(
            only(assistant([prompt(content="{{b}} {{a}}")], [field("c"), field("d")], status="x"))
        )
    )
    places = [(f.line, f.column) for f in one.findings]
    assert places == sorted(places)
    assert len(places) == 6


SPECIFIED = (
    ("Invalid file format", "{", None),
    ("Missing version information", '{"assistants": []}', None),
    ("Unsupported version: 3.1", '{"version": "3.1", "assistants": []}', None),
    ("Missing or invalid assistants array", '{"version": "1.0"}', None),
    ("Missing or invalid assistants array", '{"version": "1.0", "assistants": 0}', None),
    ("Invalid assistant: missing name", json.dumps(only(without("name", assistant()))), None),
    ("missing prompts array", json.dumps(only(without("prompts", assistant()))), None),
    ("missing input_fields array", json.dumps(only(without("input_fields", assistant()))), None),
    ("No model mapping found", _SOUND, _NO_MODELS),
    ("File too large", " " * (MOST_BYTES + 1), None),
)


@pytest.mark.parametrize(("words", "text", "options"), SPECIFIED)
def test_the_errors_of_the_specification_have_its_words(
    words: str, text: str, options: Options | None
) -> None:
    one = Document.parse(text, options=options or Options())
    assert any(words in finding.message for finding in one.errors)


def test_a_document_says_once_what_is_wrong_with_it() -> None:
    for broken in TABLE:
        if broken.code in ("more_findings", "too_deep"):
            continue
        one, _ = read(broken)
        keys = [(f.code, f.pointer, f.message, f.line, f.column) for f in one.findings]
        assert len(keys) == len(set(keys)), broken.code


def test_what_is_absent_is_pointed_at_where_it_should_stand() -> None:
    text = '{\n  "version": "1.0",\n  "assistants": [\n    {"prompts": []}\n  ]\n}'
    one = Document.parse(text)
    absent: list[Finding] = [f for f in one.findings if f.code == "missing_name"]
    assert [(f.line, f.column) for f in absent] == [(4, 5)]
