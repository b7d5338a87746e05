"""What a reader with little room is shown of a difference, and that nothing goes missing unsaid."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from understudy.registry.brief import brief

TEXTS = st.text(max_size=40)


def asked(before: Any, after: Any, **added: Any) -> dict[str, Any]:
    changed = {"BOT": {"instructions": {"before": before, "after": after}}}
    return {"type": "registry_difference", "added": added, "changed": changed, "removed": {}}


@given(TEXTS, TEXTS)
def test_what_fits_is_shown_whole_on_one_line_that_prints(before: str, after: str) -> None:
    question = asked(before, after)
    shown = brief(question, 10_000)
    assert shown is not None
    text, shortened = shown
    assert json.loads(text) == question
    assert text.isprintable()
    assert not shortened


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_where_long_texts_differ_is_always_shown(
    head: str, one: str, other: str, tail: str
) -> None:
    before, after = (head + "h" * 9000 + mid + "t" * 9000 + tail for mid in (one, other))
    shown = brief(asked(before, after), 5_000)
    assert shown is not None
    text, shortened = shown
    values = json.loads(text)["changed"]["BOT"]["instructions"]
    assert shortened
    assert len(text) <= 5_000
    assert (values["before"] == values["after"]) == (before == after)
    assert "characters left out" in values["before"]


def test_a_long_text_keeps_head_and_tail_and_says_how_much_is_gone() -> None:
    text = "begin" + "x" * 300_000 + "end"
    shown = brief(asked("a", "b", NEW={"instructions": text}), 30_000)
    assert shown is not None
    given_text = json.loads(shown[0])["added"]["NEW"]["instructions"]
    assert given_text.startswith("begin")
    assert given_text.endswith("end")
    gone = len(text) - 20_000
    assert f"[... {gone} characters left out ...]" in given_text


def test_what_does_not_fit_even_so_is_not_shown_at_all() -> None:
    many = {f"BOT_{i}": {"name": "x" * 50} for i in range(1000)}
    assert brief(asked("a", "b", **many), 20_000) is None
    assert brief(asked("a", "b", NEW={"n" * 30_000: 1}), 20_000) is None
