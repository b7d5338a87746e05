"""Under which key an assistant is looked up: the specification's rules, and their holes filled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.model.assistant import Assistant
from understudy.model.naming import registry_key
from understudy.registry.names import Index, assign

names = st.sampled_from(["Bot", "bot!", "B O T", "", "日本語", "🙂", "Other", "a  b", "A B"])


def assistant(one: str, name: str | None, created: int | None = None) -> Assistant:
    return Assistant(one, {"id": one, "name": name, "created_at": created})


@st.composite
def populations(draw: st.DrawFn) -> list[Assistant]:
    """Assistants with ids of their own, many of one name."""
    chosen = draw(st.lists(names, max_size=8))
    ids = draw(
        st.lists(
            st.from_regex(r"asst_[a-zA-Z0-9]{1,4}", fullmatch=True),
            min_size=len(chosen),
            max_size=len(chosen),
            unique=True,
        )
    )
    ages = [draw(st.none() | st.integers(0, 3)) for _ in chosen]
    return [assistant(*each) for each in zip(ids, chosen, ages, strict=True)]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Arcanos Runtime Companion", "ARCANOS_RUNTIME_COMPANION"),
        ("Test Assistant-123", "TEST_ASSISTANT123"),
        ("My AI Helper (v2)", "MY_AI_HELPER_V2"),
        ("  many   spaces\tand\nlines ", "MANY_SPACES_AND_LINES"),
        ("__proto__", "PROTO"),
        ("..%2f..%2fetc", "2F2FETC"),
        ("日本語 🙂", ""),
    ],
)
def test_keys_are_those_of_the_specification(name: str, key: str) -> None:
    assert registry_key(name) == key


@given(st.text(max_size=300))
def test_a_key_is_its_own_key(name: str) -> None:
    assert registry_key(registry_key(name).replace("_", " ")) == registry_key(name)


@given(populations(), st.randoms())
def test_no_two_are_lost_and_the_order_is_no_matter(
    population: list[Assistant], random: object
) -> None:
    keys = assign(population)
    assert sorted(one.id for one in keys.by_key.values()) == sorted(one.id for one in population)
    shuffled = list(population)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = assign(shuffled)
    assert {k: a.id for k, a in again.by_key.items()} == {k: a.id for k, a in keys.by_key.items()}


@given(populations(), populations())
def test_a_key_once_given_stays_whoever_comes_or_goes(
    before: list[Assistant], more: list[Assistant]
) -> None:
    first = {key: one.id for key, one in assign(before).by_key.items()}
    known = {one.id for one in before}
    everybody = [*before, *(one for one in more if one.id not in known)]
    later = {one.id: key for key, one in assign(everybody, first).by_key.items()}
    assert {one: key for key, one in first.items()}.items() <= later.items()
    assert assign(everybody, {k: i for i, k in later.items()}).by_key.keys() == set(later.values())


def test_the_oldest_gets_the_plain_key_and_the_others_a_suffix_of_their_ids() -> None:
    keys = assign([assistant("asst_younger1", "Bot", 2), assistant("asst_older22", "Bot!", 1)])
    assert {key: one.id for key, one in keys.by_key.items()} == {
        "BOT": "asst_older22",
        "BOT_UNGER1": "asst_younger1",
    }
    assert keys.shared == {"BOT": ("asst_older22", "asst_younger1")}


def test_one_that_is_renamed_gets_the_key_of_its_new_name() -> None:
    keys = assign([assistant("asst_1", "New")], {"OLD": "asst_1"})
    assert list(keys.by_key) == ["NEW"]


def test_who_has_nothing_left_of_its_name_is_kept_under_its_id() -> None:
    found = [assistant("asst_1", None), assistant("asst_2", "日本語"), assistant("asst_3", "🙂")]
    assert list(assign(found).by_key) == ["asst_1", "asst_2", "asst_3"]


NAMES = {
    "SUPPORT_BOT": ("asst_1", "Support Bot"),
    "BOT": ("asst_2", "Bot"),
    "BOT_ASST3": ("asst_3", "Bot!"),
    "asst_4": ("asst_4", "日本語"),
}


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("SUPPORT_BOT", "SUPPORT_BOT"),
        ("support bot", "SUPPORT_BOT"),
        ("asst_3", "BOT_ASST3"),
        ("Bot!", "BOT_ASST3"),
        ("bot", "BOT"),
        ("日本語", "asst_4"),
        ("", None),
        ("../BOT", "BOT"),
        ("nobody", None),
    ],
)
def test_anybody_is_found_by_key_id_name_or_spelling(wanted: str, key: str | None) -> None:
    assert Index(NAMES).find(wanted) == key


def test_a_vacant_key_leads_to_the_only_one_that_could_be_meant() -> None:
    assert Index({"BOT_ASST3": ("asst_3", "Bot!")}).find("BOT") == "BOT_ASST3"
    two = {"BOT_A": ("a", "Bot"), "BOT_B": ("b", "bot")}
    assert Index(two).find("BOT") is None


def test_a_misspelt_name_has_near_ones() -> None:
    assert Index(NAMES).near("suport bot")[0] == "SUPPORT_BOT"
