"""What is entered into a form is held against every option of its fields, all at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architect.examples import assistant, choices, document, field, parsed, prompt
from understudy.architect.definition import Definition
from understudy.architect.inputs import Entered, Inputs, Upload, check_inputs


def form(*fields: dict[str, Any]) -> Definition:
    placed = [{**one, "position": i} for i, one in enumerate(fields)]
    content = " ".join(f"{{{{{one['name']}}}}}" for one in placed) or "c"
    checked = parsed(document(assistant([prompt(content=content)], placed)))
    assert checked.valid, checked.findings
    return checked.assistants[0]


def codes(checked: Inputs) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in checked.findings]


TEXT = field("title", required=True, maxLength=5)
SELECT = field("kind", "select", choices=choices("bill", "note"), default="note")
MARKS = field(
    "marks", "multi_select", choices=choices("a", "b", "c"), minSelections=1, maxSelections=2
)
FILE = field("doc", "file_upload", accept=".txt, text/markdown", maxSize=9)
FILES = field("docs", "file_upload", multiple=True)


def test_values_are_texts_by_name() -> None:
    checked = check_inputs(
        form(TEXT, SELECT, MARKS, FILES),
        {
            "title": "Ships",
            "kind": "bill",
            "marks": ["a", "c"],
            "docs": [Upload("a.txt", 1, "one"), Upload("b.txt", 1, "two")],
        },
    )
    assert checked.findings == ()
    assert checked.values == {
        "title": "Ships",
        "kind": "bill",
        "marks": "a, c",
        "docs": "one\n\ntwo",
    }


def test_what_is_left_empty_is_the_default_or_nothing() -> None:
    checked = check_inputs(form(SELECT, field("more"), field("x", "file_upload")), {})
    assert checked.values == {"kind": "note", "more": "", "x": ""}


@pytest.mark.parametrize(
    ("fields", "given", "expected"),
    [
        ([TEXT], {}, [("title", "required")]),
        ([TEXT], {"title": " \n"}, [("title", "required")]),
        ([TEXT], {"title": "Vessel"}, [("title", "too_long")]),
        ([TEXT], {"title": ["a", "b"]}, [("title", "too_many")]),
        ([TEXT], {"title": "a\x00"}, [("title", "no_text")]),
        ([TEXT], {"title": "a\ud800"}, [("title", "no_text")]),
        ([TEXT], {"title": [Upload("a.txt", 1, "a")]}, [("title", "wrong_type")]),
        ([TEXT], {"title": [7]}, [("title", "wrong_type")]),
        ([TEXT], {"title": "a", "titel": "b"}, [("titel", "unknown_input")]),
        ([SELECT], {"kind": "bills"}, [("kind", "unknown_choice")]),
        ([SELECT], {"kind": "Bill"}, [("kind", "unknown_choice")]),
        ([MARKS], {}, [("marks", "required")]),
        ([MARKS], {"marks": ["a", "b", "c"]}, [("marks", "too_many")]),
        ([MARKS], {"marks": ["a", "a"]}, [("marks", "chosen_twice")]),
        ([MARKS], {"marks": "d"}, [("marks", "unknown_choice")]),
        ([FILE], {"doc": "a text"}, [("doc", "wrong_type")]),
        ([FILE], {"doc": [Upload("a.pdf", 1, "a")]}, [("doc", "not_accepted")]),
        ([FILE], {"doc": [Upload("a.txt", 10, "a")]}, [("doc", "too_large")]),
        ([FILE], {"doc": [Upload("a.txt", 1, "a")] * 2}, [("doc", "too_many")]),
    ],
)
def test_each_option_is_enforced(
    fields: list[dict[str, Any]], given: dict[str, Entered], expected: list[tuple[str, str]]
) -> None:
    checked = check_inputs(form(*fields), given)
    assert codes(checked) == expected
    assert checked.values == {}
    assert all(one.message for one in checked.findings)


def test_everything_wrong_is_found_at_once() -> None:
    given: dict[str, Entered] = {"kind": "x", "marks": ["d"], "other": "y"}
    found = codes(check_inputs(form(TEXT, SELECT, MARKS), given))
    assert found == [
        ("other", "unknown_input"),
        ("title", "required"),
        ("kind", "unknown_choice"),
        ("marks", "unknown_choice"),
    ]


def test_a_label_is_answered_with_its_value_and_a_misspelt_name_with_the_nearest() -> None:
    (wrong,) = check_inputs(form(SELECT), {"kind": "Bill"}).findings
    assert wrong.hint == 'Did you mean "bill"?'
    wrong = check_inputs(form(SELECT), {"knid": "bill"}).findings[0]
    assert wrong.hint == 'Did you mean "kind"?'


@pytest.mark.parametrize(
    ("name", "media_type", "taken"),
    [
        ("A.TXT", "", True),
        ("a.md", "text/markdown; charset=utf-8", True),
        ("a.md", "", False),
        ("txt", "", False),
        ("a.txt.pdf", "application/pdf", False),
    ],
)
def test_accept_means_endings_and_media_types(name: str, media_type: str, taken: bool) -> None:
    checked = check_inputs(form(FILE), {"doc": [Upload(name, 1, "a", media_type)]})
    assert (checked.findings == ()) is taken


@given(
    st.dictionaries(
        st.sampled_from(["title", "kind", "marks", "doc", "e\u0301", "x"]),
        st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=4),
    )
)
def test_a_form_has_values_for_all_fields_or_findings(given: dict[str, Entered]) -> None:
    definition = form(TEXT, SELECT, MARKS, FILE, field("é"))
    checked = check_inputs(definition, given)
    if checked.findings:
        assert checked.values == {}
    else:
        assert checked.values.keys() == {one.name for one in definition.input_fields}
