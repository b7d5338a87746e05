"""What a prompt is sent: every variable once, and nothing that was put in is looked at again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architect.examples import CHAIN, PARALLEL, assistant, document, field, parsed, prompt
from understudy.architect.rendering import about_tokens, rendered


def send(value: dict[str, Any], index: int, inputs: dict[str, str], outputs: dict[int, str]) -> str:
    checked = parsed(value)
    assert checked.valid, checked.findings
    reads = checked.flows[0].reads[index]
    return rendered(checked.assistants[0], index, reads, inputs, outputs)


def mapped(template: str) -> dict[str, Any]:
    """Return a document whose second prompt reads a mapped name."""
    first = prompt("First One", "{{topic}}")
    second = prompt("b", "<{{x}}>", position=1, input_mapping={"x": template})
    return document(assistant([first, second], [field("topic")]))


def test_fields_outputs_and_slugs_are_put_in() -> None:
    outputs = {0: "calm", 1: "low", 2: "sober"}
    assert send(PARALLEL, 0, {"route": "north"}, {}) == "And the wind? north"
    assert send(PARALLEL, 3, {"route": "north"}, outputs) == "calm, low and sober: sail?"


def test_a_mapped_name_is_its_template_with_what_that_reads() -> None:
    outputs = {0: "it leaks", 1: "we sink"}
    told = send(CHAIN, 2, {"log": "l", "form": "list"}, outputs)
    assert told == "we sink\n\nKnown: it leaks\n\nWrite list."


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{topic}} & {{ prompt_0_output }}", "<tea & out>"),
        ("topic", "<tea>"),
        ("inputs.topic", "<tea>"),
        ("{{inputs.topic}}", "<tea>"),
        ("prompt_0_output", "<out>"),
        ("first-one", "<out>"),
        ("as it stands", "<as it stands>"),
    ],
)
def test_a_mapping_is_a_template_a_name_or_itself(template: str, expected: str) -> None:
    assert send(mapped(template), 1, {"topic": "tea"}, {0: "out"}) == expected


def test_names_are_compared_in_normal_form() -> None:
    value = document(assistant([prompt(content="{{ e\u0301 }}")], [field("é")]))
    assert send(value, 0, {"é": "x"}, {}) == "x"


_nasty = st.text(st.sampled_from("{}a \n_é$")) | st.sampled_from(
    ["{{route}}", "{{prompt_0_output}}"]
)


@given(_nasty, _nasty, _nasty)
def test_what_was_put_in_is_not_looked_at_again(one: str, two: str, three: str) -> None:
    told = send(PARALLEL, 3, {"route": "north"}, {0: one, 1: two, 2: three})
    assert told == f"{one}, {two} and {three}: sail?"


@given(st.text())
def test_tokens_are_estimated_from_below_and_above(text: str) -> None:
    assert len(text) / 4 <= about_tokens(text) <= len(text) + 1
