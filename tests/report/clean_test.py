import unicodedata

import pytest
from click import style, unstyle
from hypothesis import given
from hypothesis import strategies as st

from understudy.redact import register
from understudy.report.clean import cell, clean, clean_lines, code, fit, width, wrapped

ANY = st.text(st.characters(), max_size=80)  # surrogates too


@given(ANY)
def test_what_is_clean_is_one_printable_line(text: str) -> None:
    shown = clean(text)
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(shown)
    shown.encode()


@given(ANY)
def test_cleaning_lines_keeps_line_breaks_and_tabs_alone(text: str) -> None:
    controls = {c for c in clean_lines(text) if unicodedata.category(c) == "Cc"}
    assert controls <= {"\n", "\t"}
    assert clean_lines(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("text", ["Support Bot", "Größe", "支援", "👩‍🚀", "e\u0301"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@given(st.lists(st.text("ab支 ", max_size=9)), st.integers(20, 40), st.integers(0, 4))
def test_a_wrapped_line_fits_and_keeps_its_words(
    words: list[str], columns: int, indent: int
) -> None:
    line = style(" " * indent + " ".join(["x", *words]), fg="red")
    pieces = [unstyle(piece) for piece in wrapped(line, columns)]
    assert " ".join(pieces).split() == unstyle(line).split()
    assert max(map(width, (piece.rstrip() for piece in pieces))) <= columns
    assert all(piece.startswith(" " * (indent + 2)) for piece in pieces[1:])


def test_what_fits_is_shown_as_it_is_and_a_word_is_never_cut() -> None:
    assert list(wrapped("  a   b  ", 80)) == ["  a   b  "]
    assert list(wrapped("an " + "x" * 30, 10)) == ["an", "  " + "x" * 30]


@given(st.text(max_size=60), st.integers(2, 40))
def test_what_is_fitted_takes_its_columns(text: str, columns: int) -> None:
    assert width(fit(clean(text), columns)) == columns


@pytest.mark.parametrize("character", ["x", "支", "\u0301", "😀"])
def test_a_name_of_a_million_characters_is_fitted_at_once(character: str) -> None:
    fitted = fit(character * 1_000_000, 36)
    assert "…" in fitted or character == "\u0301"


@given(ANY)
def test_a_cell_never_breaks_its_table(text: str) -> None:
    shown = cell(text)
    assert "\n" not in shown
    plain = shown.replace("\\\\", "")
    assert "|" not in plain.replace("\\|", "")
    assert "<" not in plain.replace("\\<", "")
    assert "`" not in plain.replace("\\`", "")
    assert shown.strip() or shown == " "


def test_a_key_goes_from_a_cell_before_it_is_escaped() -> None:
    register("canary_in_a_cell_0123")
    assert cell("x canary_in_a_cell_0123 y") == "x \\[redacted\\] y"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("asst_abc123", "`asst_abc123`"),
        ("grösse-0", "grösse-0"),
        ("a`|b", "a\\`\\|b"),
        ("x\n# y", "x\\\\n\\# y"),
    ],
)
def test_an_id_is_code_unless_it_would_break_out(text: str, shown: str) -> None:
    assert code(text) == shown
