"""Long texts in a plan: what differs is shown, and not the rest."""

from __future__ import annotations

import click
from hypothesis import given
from hypothesis import strategies as st

from understudy.replicate.diff import FieldChange, How
from understudy.report.text import field_text


def shown(before: object, after: object) -> list[str]:
    change = FieldChange("instructions", How.CHANGED, before, after)
    return [click.unstyle(line) for line in field_text(change)]


def test_one_word_in_a_very_long_line_is_shown_with_a_little_around_it() -> None:
    prompt = "be polite and brief " * 5000
    _, old, new = shown(prompt + "A" + prompt, prompt + "B" + prompt)
    assert old.strip().startswith("-…")
    assert " A" in old
    assert " B" in new
    assert max(len(old), len(new)) < 200


def test_a_text_that_goes_leaves_no_empty_line_behind() -> None:
    lines = shown("one\ntwo", None)
    assert [line.strip() for line in lines[2:]] == ["-one", "-two"]


@given(st.text(max_size=700), st.text(max_size=700))
def test_texts_of_any_shape_are_shown_in_bounded_lines(before: str, after: str) -> None:
    assert all(len(line) < 5000 for line in shown(before * 3, after * 3))
