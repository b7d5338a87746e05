"""An answer that comes in pieces hides what a whole one would."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from understudy.model.dialogue import Call, Noted, Output, Said
from understudy.redact import hide, register
from understudy.report.ask import Veil, note_text, said_text

KEY = "sk-veiled-0123456789abcdef"


@given(
    text=st.lists(
        st.sampled_from([KEY, " ", "\n", "so", "größe", ".", KEY[:9], "x" * 299]), max_size=9
    ),
    cuts=st.lists(st.integers(0, 900), max_size=9),
)
def test_however_an_answer_is_cut_it_comes_out_as_if_it_were_whole(
    text: list[str], cuts: list[int]
) -> None:
    register(KEY)
    whole, veil = "".join(text), Veil()
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(places)]
    shown = "".join(map(veil.pass_on, pieces)) + veil.rest()
    assert shown == hide(whole)


def test_what_has_no_words_is_held_back_no_longer_than_a_key() -> None:
    veil = Veil()
    assert len(veil.pass_on("x" * 1000)) == 700
    assert veil.pass_on("名前") == "x" * 300 + "名前"


def test_what_is_shown_of_calls_is_harmless_and_short() -> None:
    assert note_text(Call("c", "f\x1b", '{"a": "\x1b"}')) == '→ f\\x1b {"a": "\\x1b"}'
    assert note_text(Output("c", "f", "x" * 999)).endswith("x… (999 characters)")
    assert note_text(Output("c", "f", "no", failed=True)) == "← failed: no"
    assert note_text(Noted("a\nb")) == "a\\nb"
    assert note_text(Said("x")) == ""
    assert said_text("a\n\tb\x07") == "a\n\tb\\x07"
