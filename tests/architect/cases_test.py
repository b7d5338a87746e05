"""What the format leaves open, decided: each test is one decision."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import understudy
from architect.examples import (
    EXAMPLES,
    PARALLEL,
    assistant,
    chain,
    checked,
    choices,
    codes,
    document,
    field,
    found,
    parsed,
    prompt,
)
from understudy.architect.approval import State
from understudy.architect.checking import Options
from understudy.architect.document import Document
from understudy.architect.limits import MOST_BYTES, MOST_CONTENT
from understudy.architect.meaning import Reading, Source
from understudy.architect.rules import Severity
from understudy.architect.template import slug, substitute
from understudy.errors import MoveError
from understudy.ops.architect import Architect
from understudy.store.records import Change


def stages_of(one: Document) -> list[tuple[int, ...]]:
    """Return the prompts of each stage of the only assistant."""
    (flow,) = one.flows
    return [stage.prompts for stage in flow.stages]


def grouped(*places: tuple[int, int | None], **more: Any) -> dict[str, Any]:
    """Return an assistant with prompts at these positions, in these groups."""
    prompts = [
        prompt(f"p{i}", position=position, parallel_group=group)
        for i, (position, group) in enumerate(places)
    ]
    return assistant(prompts, **{"is_parallel": True, **more})


@pytest.mark.parametrize("name", EXAMPLES)
def test_documents_like_those_of_the_format_have_no_finding(name: str) -> None:
    one = parsed(EXAMPLES[name])
    assert one.findings == ()
    assert len(one.assistants) == 1


def test_the_examples_of_the_format_itself_have_no_finding() -> None:
    if "UNDERSTUDY_FACTS" not in os.environ:
        pytest.skip("UNDERSTUDY_FACTS names no folder beside the specification")
    folder = Path(os.environ["UNDERSTUDY_FACTS"]).parent / "spec"
    text = (folder / "3-architect-import.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    whole = [block for block in blocks if '"version"' in block and "..." not in _bare(block)]
    assert len(whole) == 4
    assert [parsed(json.loads(block)).findings for block in whole] == [()] * 4
    for block in blocks:
        if block not in whole:
            assert all(f.code == "not_json" or f.line for f in Document.parse(block).findings)


def _bare(block: str) -> str:
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", block)


# What is checked before anything is stored


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (assistant(name="ab"), "too_short"),
        ({**assistant(), "prompts": []}, "too_few_prompts"),
        (assistant([{"name": "p"}]), "missing_field"),
        (assistant(fields=[field(field_type="colour")]), "unknown_field_type"),
        (assistant(timeout_seconds=901), "out_of_range"),
        (assistant([prompt(content="{{nobody}}")]), "unknown_variable"),
    ],
)
def test_what_was_unchecked_is_an_error_with_code_place_and_fix(
    one: dict[str, Any], code: str
) -> None:
    finding = next(f for f in checked(one).findings if f.code == code)
    assert finding.severity is Severity.ERROR
    assert finding.pointer.startswith("/assistants/0")
    assert finding.line == 1
    assert finding.column > 1
    assert finding.hint


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Architect]:
    settings = understudy.load_settings({}, tmp_path)
    async with Architect(settings, database=str(tmp_path / "library.db")) as one:
        yield one


async def test_an_import_is_all_or_nothing_per_file(library: Architect) -> None:
    mixed = checked(assistant(name="Good one"), {**assistant(name="Bad one"), "prompts": []})
    done = await library.add(mixed, actor="ann")
    assert done.batch is None
    assert (await (await library.library()).page()).items == ()
    some = await library.add(mixed, actor="ann", keep_going=True)
    assert some.batch is not None
    assert ([one.name for one in some.batch.items], some.left_out) == (["Good one"], (1,))


# Input mapping


@pytest.mark.parametrize("value", ["{{topic}}", "topic", "inputs.topic", "On: {{ topic }}"])
def test_input_mapping_is_kept_and_used(value: str) -> None:
    mapped = prompt(content="{{x}}", input_mapping={"x": value})
    one = checked(assistant([mapped], [field()]))
    assert one.findings == ()
    assert one.assistants[0].prompts[0].input_mapping == {"x": value}
    reads = one.variables["Ship's cook"][0]
    assert {read.source for read in reads} == {Source.MAPPING, Source.FIELD}


def test_an_output_can_be_mapped() -> None:
    steps = chain("Begin.", "{{x}}")
    steps[1]["input_mapping"] = {"x": "{{prompt_0_output}}"}
    one = checked(assistant(steps))
    assert one.findings == ()
    assert Reading("prompt_0_output", Source.OUTPUT, 0, 1, "x") in one.flows[0].reads[1]


@pytest.mark.parametrize("value", ["prompt_17.output", "{{prompt_17.output}}"])
def test_a_database_id_in_a_mapping_is_an_error_that_says_why(value: str) -> None:
    one = checked(assistant([prompt(content="{{x}}", input_mapping={"x": value})]))
    finding = found(one, "database_id")
    assert finding.blocks
    assert "database" in finding.message


# Groups and positions


def test_groups_without_is_parallel_run_one_after_the_other_with_a_warning() -> None:
    one = checked(grouped((0, 1), (1, 1), is_parallel=False))
    assert stages_of(one) == [(0,), (1,)]
    assert found(one, "groups_ignored").severity is Severity.WARNING
    assert one.valid


def test_same_group_different_positions_is_one_stage() -> None:
    one = checked(grouped((0, 7), (1, 7), (2, 7), (3, None)))
    assert stages_of(one) == [(0, 1, 2), (3,)]
    assert one.findings == ()


def test_same_position_is_one_stage_with_a_warning() -> None:
    one = checked(assistant([prompt("a"), prompt("b"), prompt("c", position=1)]))
    assert stages_of(one) == [(0, 1), (2,)]
    assert found(one, "duplicate_position").severity is Severity.WARNING
    assert one.valid


def test_a_group_split_by_an_outsider_is_an_error() -> None:
    one = checked(grouped((0, 1), (1, None), (2, 1)))
    assert found(one, "split_group").blocks
    assert not one.valid


@pytest.mark.parametrize("positions", [(0, 2, 5), (1, 2, 3)])
def test_positions_with_gaps_are_accepted_in_order_with_a_warning(
    positions: tuple[int, ...],
) -> None:
    prompts = [prompt(f"p{n}", position=n) for n in reversed(positions)]
    one = checked(assistant(prompts))
    assert stages_of(one) == [(2,), (1,), (0,)]
    assert found(one, "position_gap").severity is Severity.WARNING


# Outputs


def test_the_n_of_an_output_is_its_position_with_a_warning_where_the_list_differs() -> None:
    prompts = [
        prompt("second", "{{prompt_0_output}}", position=1),
        prompt("first", "Begin.", position=0),
    ]
    one = checked(assistant(prompts))
    assert one.flows[0].reads[0] == (Reading("prompt_0_output", Source.OUTPUT, 1),)
    assert found(one, "position_is_not_index").severity is Severity.WARNING


def test_the_n_of_an_output_is_no_index() -> None:
    one = checked(
        assistant([prompt("a", position=3), prompt("b", "{{prompt_0_output}}", position=4)])
    )
    assert found(one, "unknown_variable").blocks


@pytest.mark.parametrize(
    ("index", "name"), [(0, "prompt_0_output"), (0, "p1"), (1, "p0"), (2, "p3"), (0, "p2")]
)
def test_own_group_itself_and_later_outputs_are_errors(index: int, name: str) -> None:
    one = grouped((0, 1), (1, 1), (2, None), (3, None))
    one["prompts"][index]["content"] = f"{{{{{name}}}}}"
    assert found(checked(one), "later_output").blocks


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Gather the Facts!", "gather-the-facts"),
        ("  --A__b  c--", "a-b-c"),
        ("Über uns", "ber-uns"),
        ("日本", ""),
        ("v2.0", "v2-0"),
    ],
)
def test_a_slug_is_lower_case_with_dashes_for_runs_of_others(name: str, wanted: str) -> None:
    assert slug(name) == wanted


@pytest.mark.parametrize(
    ("names", "reader", "collides"),
    [
        (["My step", "my-step"], "{{my-step}}", "ambiguous_variable"),
        (["Topic", "other"], "{{topic}}", "ambiguous_variable"),
    ],
)
def test_a_collision_of_slugs_matters_only_where_it_is_referenced(
    names: list[str], reader: str, collides: str
) -> None:
    fields = [field()]
    first = prompt(names[0], "On {{ topic}}" if names[0] != "Topic" else "Begin.")
    steps = [first, prompt(names[1], position=1), prompt("last", "End.", position=2)]
    silent = checked(assistant(steps, fields))
    assert silent.valid
    assert found(silent, "unusable_slug").severity is Severity.WARNING
    steps[2]["content"] = reader
    assert found(checked(assistant(steps, fields)), collides).blocks


def test_an_empty_slug_is_a_warning_and_the_prompt_can_be_read_by_position() -> None:
    one = checked(assistant([prompt("見る"), prompt("b", "{{prompt_0_output}}", position=1)]))
    assert one.valid
    assert found(one, "unusable_slug").pointer == "/assistants/0/prompts/0/name"


@pytest.mark.parametrize("variable", ["extract_data", "extract-data", "prompt_0_output"])
def test_an_output_is_found_by_name_slug_and_position(variable: str) -> None:
    steps = [prompt("extract_data"), prompt("b", f"{{{{{variable}}}}}", position=1)]
    assert checked(assistant(steps)).findings == ()


# Variables


@pytest.mark.parametrize("content", ["{{topic}}", "{{ topic }}", "{{topic }}"])
def test_blanks_within_braces_do_not_count(content: str) -> None:
    assert checked(assistant([prompt(content=content)], [field()])).findings == ()
    assert substitute(content, {"topic": "tar"}) == "tar"


def test_dollars_stay_literal_with_a_warning() -> None:
    one = checked(assistant([prompt(content="${topic} {{topic}}")], [field()]))
    assert [f.code for f in one.findings] == ["dollar_variable"]
    assert one.valid
    assert substitute("${topic} {{topic}}", {"topic": "tar"}) == "${topic} tar"


def test_an_unknown_variable_is_an_error_or_kept_literal_with_a_warning() -> None:
    one = assistant([prompt(content="{{nobody}}")])
    assert found(checked(one), "unknown_variable").blocks
    lenient = checked(one, options=Options(allow_unknown_variables=True))
    assert found(lenient, "unknown_variable").severity is Severity.WARNING
    assert lenient.valid
    assert substitute("{{nobody}}", {}) == "{{nobody}}"


def test_what_was_put_in_is_not_expanded_again() -> None:
    assert substitute("{{a}}{{b}}", {"a": "{{b}}", "b": "{{a}}"}) == "{{b}}{{a}}"


def test_every_occurrence_is_a_substitution_and_fifty_are_allowed() -> None:
    full = assistant([prompt(content="{{topic}} " * 50)], [field()])
    assert checked(full).findings == ()
    over = checked(assistant([prompt(content="{{topic}} " * 51)], [field()]))
    assert "51" in found(over, "too_many_substitutions").message


def test_variables_in_a_system_context_are_not_replaced_with_a_warning() -> None:
    one = checked(
        assistant([prompt(content="{{topic}}", system_context="You know {{topic}}.")], [field()])
    )
    assert found(one, "variable_in_system_context").severity is Severity.WARNING
    assert one.valid


# Sizes


def test_a_file_has_at_most_10485760_bytes_inclusive() -> None:
    text = json.dumps(document())
    assert MOST_BYTES == 10_485_760
    assert Document.parse(text + " " * (MOST_BYTES - len(text))).valid
    over = Document.parse(text + " " * (MOST_BYTES - len(text) + 1))
    assert [f.code for f in over.findings] == ["file_too_large"]


@pytest.mark.parametrize(("content", "fits"), [("a", True), ("é", True), ("aa", False)])
def test_a_content_has_at_most_ten_million_utf16_units(content: str, fits: bool) -> None:
    whole = prompt(content="x" * (MOST_CONTENT - 1) + content)
    text = json.dumps(document(assistant([whole])), ensure_ascii=False)
    assert Document.parse(text).valid is fits


def test_units_of_utf16_are_counted_not_characters() -> None:
    # Three million characters of two units each fit, bytes they have twelve million.
    assert len("🙂".encode("utf-16-le")) == 4
    content = prompt(content="🙂" * 1_300_000 + "a" * 4_000_000)
    assert Document.parse(json.dumps(document(assistant([content])), ensure_ascii=False)).valid


# Choices


@pytest.mark.parametrize(
    ("shape", "warned"),
    [
        (choices("red", "blue"), False),
        (["red", "blue"], True),
        ({"values": ["red", "blue"]}, True),
        ({"values": choices("red", "blue")}, True),
        ('["red", "blue"]', True),
        ('[{"value": "red", "label": "Red"}, {"value": "blue"}]', True),
        ("red, blue", True),
    ],
)
def test_four_shapes_of_choices_are_read_and_three_are_warned_of(shape: Any, warned: bool) -> None:
    picked = field("topic", "select", choices=shape)
    one = checked(assistant([prompt(content="{{topic}}")], [picked]))
    assert codes(one) == (["choices_shape"] if warned else [])
    kept = one.assistants[0].input_fields[0].choices
    assert [choice.value for choice in kept] == ["red", "blue"]
    stored = one.assistants[0].content["input_fields"][0]["options"]["choices"]
    assert all(set(entry) == {"value", "label"} for entry in stored)


# The library


async def test_the_same_file_again_is_unchanged(library: Architect) -> None:
    first = await library.add(parsed(PARALLEL), actor="ann")
    spelt = Document.parse(json.dumps(PARALLEL, indent=4, sort_keys=True), source="elsewhere")
    again = await library.add(spelt, actor="bob")
    assert first.batch is not None
    assert again.batch is not None
    assert [one.change for one in first.batch.items] == [Change.CREATED]
    assert [one.change for one in again.batch.items] == [Change.UNCHANGED]


async def test_changed_content_waits_while_the_approved_version_keeps_serving(
    library: Architect,
) -> None:
    await library.add(checked(assistant(description="old")), actor="ann")
    await library.move("Ship's cook", State.APPROVED, actor="bob", reason="tried it")
    done = await library.add(checked(assistant(description="new")), actor="ann")
    assert done.batch is not None
    assert [(one.change, one.version) for one in done.batch.items] == [(Change.UPDATED, 2)]
    shelf = await library.library()
    kept = await shelf.find("Ship's cook")
    assert (kept.latest.state, kept.pending) == (State.PENDING, 2)
    assert json.loads((await shelf.in_force("Ship's cook")).content)["description"] == "old"


@pytest.mark.parametrize("status", ["approved", "rejected", "pending_approval"])
async def test_whatever_the_status_says_an_import_waits(library: Architect, status: str) -> None:
    one = checked(assistant(status=status))
    assert found(one, "status_ignored").severity is Severity.INFO
    done = await library.add(one, actor="ann")
    assert done.batch is not None
    assert done.batch.items[0].state is State.PENDING


async def test_decisions_take_a_reason_and_are_legal_only_from_the_right_state(
    library: Architect,
) -> None:
    await library.add(checked(assistant()), actor="ann")
    await library.move("Ship's cook", State.REJECTED, actor="bob", reason="too salty")
    with pytest.raises(MoveError):
        await library.move("Ship's cook", State.APPROVED, actor="bob", number=1)
    history = await (await library.library()).history("Ship's cook")
    assert [(event.action.value, event.actor, event.reason) for event in history] == [
        ("rejected", "bob", "too salty"),
        ("imported", "ann", ""),
    ]


async def test_advanced_fields_are_kept_and_exported_where_asked_for(library: Architect) -> None:
    one = checked(assistant(repositoryIds=[1, 5], enabledTools=["web_search"]))
    assert one.valid
    await library.add(one, actor="ann")
    plain = await library.export()
    assert plain.lacking == ("Ship's cook",)
    assert "repositoryIds" not in plain.document["assistants"][0]
    full = (await library.export(advanced=True)).document["assistants"][0]
    assert (full["repositoryIds"], full["enabledTools"]) == ([1, 5], ["web_search"])


def test_a_tool_that_a_model_has_not_is_a_warning() -> None:
    one = checked(assistant(enabledTools=["web_search", "sextant"]))
    assert found(one, "tool_unavailable").severity is Severity.WARNING
    assert one.valid


async def test_what_is_exported_imports_as_unchanged(library: Architect) -> None:
    await library.add(parsed(PARALLEL), actor="ann")
    text = (await library.export()).text
    done = await library.add(Document.parse(text), actor="bob")
    assert done.batch is not None
    assert done.batch.items[0].change is Change.UNCHANGED


# What used to be a server error


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"version": "1.0", "assistants": [null]}', "not_an_object"),
        (b'{"version": [], "assistants": {}}', "missing_assistants"),
        (b"[" * 10_000 + b"]" * 10_000, "too_deep"),
        (b'{"version": "1.0", "version": "1.0", "assistants": [1]}', "duplicate_key"),
        (b'{"version": "1.0", "assistants": [NaN]}', "not_a_number"),
        (b'\xef\xbb\xbf{"version": "1.0", "assistants": []}', "byte_order_mark"),
        (b'{"version": "1.0", "assistants": [], "__proto__": {"a": 1}}', "unknown_field"),
    ],
)
def test_broken_files_have_a_finding_never_a_traceback(data: bytes, code: str) -> None:
    one = Document.parse(data)
    assert code in codes(one)
    assert not one.valid
    assert one.assistants == ()
