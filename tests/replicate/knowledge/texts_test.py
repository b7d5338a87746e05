from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.replicate.knowledge.texts import FEWEST, Joiner, overlap, share_of


def joined(chunks: list[str]) -> str:
    joiner = Joiner()
    return "".join(joiner.add(chunk) for chunk in chunks)


def test_what_a_chunk_repeats_of_the_one_before_is_left_out() -> None:
    words = [f"word{n}" for n in range(300)]
    chunks = [" ".join(words[at : at + 60]) for at in range(0, 300, 40)]
    assert joined(chunks) == " ".join(words)


def test_chunks_that_do_not_overlap_are_kept_whole() -> None:
    assert joined(["one two three ", "four five six "]) == "one two three four five six "


def test_a_few_equal_characters_are_no_overlap() -> None:
    """They agree by chance: leaving them out would lose text."""
    assert joined(["... the end", "end of another story"]) == "... the endend of another story"


def naive(before: str, after: str) -> int:
    most = min(len(before), len(after))
    if before.endswith(after):
        return len(after)
    return next((n for n in range(most, FEWEST - 1, -1) if before.endswith(after[:n])), 0)


@given(st.text("ab", max_size=60), st.text("ab", max_size=60))
def test_the_longest_overlap_counts(before: str, after: str) -> None:
    assert overlap(before, after) == naive(before, after)


@given(st.lists(st.integers(0, 10**9), min_size=80, max_size=200, unique=True), st.integers(20, 40))
def test_a_text_of_distinct_words_is_put_together_again(numbers: list[int], step: int) -> None:
    words = [f"<{n:010}>" for n in numbers]
    chunks = ["".join(words[at : at + step + 5]) for at in range(0, len(words), step)]
    assert joined(chunks) == "".join(words)


def chunked(text: str, size: int, repeated: int) -> list[str]:
    """Cut a text as a vector store does."""
    step = size - repeated
    count = 1 + -(-max(0, len(text) - size) // step)
    return [text[i * step : i * step + size] for i in range(count)]


@pytest.mark.parametrize("repeated", [0, 100, 200, 400])
@pytest.mark.parametrize(
    "text",
    ["0;0;0\n" * 2000, "-" * 5000, "ab" * 40 + "c" * 3000, "".join(map(str, range(3000)))],
    ids=["rows", "line", "mixed", "numbers"],
)
def test_text_that_repeats_itself_is_kept_where_the_chunking_is_known(
    text: str, repeated: int
) -> None:
    joiner = Joiner(repeated / 800)
    assert "".join(joiner.add(chunk) for chunk in chunked(text, 800, repeated)) == text


@pytest.mark.parametrize(
    ("chunking", "share"),
    [
        ({"static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}, 0.5),
        ({"static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 0}}, 0.0),
        ({"static": {"max_chunk_size_tokens": 0, "chunk_overlap_tokens": 0}}, None),
        ({"type": "other"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_part_that_is_repeated_follows_from_the_chunking(
    chunking: dict[str, Any] | None, share: float | None
) -> None:
    assert share_of(chunking) == share
