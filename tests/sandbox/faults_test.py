import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.sandbox import Fault, parse_fault
from understudy.sandbox.faults import GROUPS, KINDS, PLACES, REQUESTS, FaultBook

kinds = st.sampled_from(sorted(set(KINDS) - {"latency"}))
places = st.sampled_from(PLACES)
requests = st.lists(st.sampled_from(REQUESTS), max_size=60)


def struck(fault: Fault, arriving: list[str], seed: int = 0) -> list[int]:
    """Which requests the fault hits, counted from 1 over all requests."""
    book = FaultBook([fault], seed)
    verdicts = [book.judge(place) for place in arriving]
    return [index for index, verdict in enumerate(verdicts, 1) if verdict.fault]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("503", Fault("503")),
        ("503:list@0.1", Fault("503", "list", chance=0.1)),
        ("drop-after:create#3", Fault("drop-after", "create", nth=3)),
        ("quota:create#10-", Fault("quota", "create", nth=10, last=math.inf)),
        ("500:update#3-5", Fault("500", "update", nth=3, last=5)),
        ("429=2:any@0.2x5", Fault("429", chance=0.2, times=5, seconds=2)),
        ("429-ms=.5", Fault("429-ms", seconds=0.5)),
        ("hangx2", Fault("hang", times=2)),
        ("latency=0.1~0.05:list", Fault("latency", "list", seconds=0.1, jitter=0.05)),
        ("truncated:files.content#2", Fault("truncated", "files.content", nth=2)),
        ("503:store_files@0.5", Fault("503", "store_files", chance=0.5)),
        (" gone ", Fault("gone")),
    ],
)
def test_the_text_form_says_what_and_when(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["", "503:", "503#", "503@", "503@0.5#2", "503:list x2", "=2"])
def test_what_cannot_be_read_is_refused_with_an_example_and_all_kinds(text: str) -> None:
    with pytest.raises(ValueError, match=r"503:list@0\.1") as refusal:
        parse_fault(text)
    assert all(kind in str(refusal.value) for kind in KINDS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("504", "unknown kind '504': choose from latency, 429,"),
        ("explode:list", "unknown kind 'explode': choose from"),
        ("503:nowhere", "unknown place 'nowhere': choose from any, create"),
        ("503:files.fly", "unknown place 'files.fly': choose from any, create"),
        ("503#0", "requests count from 1"),
        ("503#5-3", "must not end before it starts"),
        ("503#5-0", "must not end before it starts"),
        ("503@1.5", "a chance lies between 0 and 1"),
        ("503x0", "strikes at least once"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_fault(text)


def test_a_range_needs_a_start() -> None:
    with pytest.raises(ValueError, match="a range needs its first request"):
        Fault("503", last=3)


@given(kinds, st.integers(1, 60), requests)
def test_the_nth_request_overall_is_hit_and_no_other(
    kind: str, nth: int, arriving: list[str]
) -> None:
    assert struck(Fault(kind, nth=nth), arriving) == ([nth] if nth <= len(arriving) else [])


@given(kinds, places, st.integers(1, 9), st.integers(0, 9), requests)
def test_a_range_counts_among_the_requests_that_the_place_selects(
    kind: str, where: str, first: int, more: int, arriving: list[str]
) -> None:
    matching = [
        index
        for index, kind in enumerate(arriving, 1)
        if where in ("any", kind) or kind.startswith(f"{where}.")
    ]
    hit = struck(Fault(kind, where, nth=first, last=first + more), arriving)
    assert hit == matching[first - 1 : first + more]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_means_each_of_its_kinds_and_nothing_else(group: str) -> None:
    hit = struck(Fault("503", group), list(REQUESTS))
    assert [REQUESTS[index - 1] for index in hit] == [f"{group}.{deed}" for deed in GROUPS[group]]


@given(st.floats(0, 1), st.integers(1, 5), requests, st.integers())
def test_chance_is_the_same_for_the_same_seed_and_bounded_by_times(
    chance: float, times: int, arriving: list[str], seed: int
) -> None:
    unbounded = struck(Fault("503", chance=chance), arriving, seed)
    assert struck(Fault("503", chance=chance), arriving, seed) == unbounded
    assert struck(Fault("503", chance=chance, times=times), arriving, seed) == unbounded[:times]


def test_chance_means_about_that_many() -> None:
    assert 250 < len(struck(Fault("503", chance=0.3), ["list"] * 1000)) < 350
    assert not struck(Fault("503", chance=0), ["list"] * 100)


def test_delays_add_up_and_the_first_fault_wins() -> None:
    faults = [parse_fault(text) for text in ("latency=1", "500#2", "latency=2~1:list", "503")]
    book = FaultBook(faults, seed=0)
    first, second = book.judge("list"), book.judge("create")
    assert 3 <= first.delay < 4
    assert first.fault == faults[3]
    assert (second.delay, second.fault) == (1, faults[1])


def test_a_rule_keeps_its_count_when_others_are_replaced() -> None:
    kept = Fault("503", nth=3)
    book = FaultBook([Fault("500", "list"), kept], seed=0)
    assert [book.judge("create").fault for _ in range(2)] == [None, None]
    book.replace([kept, Fault("502", "list")])
    assert [book.judge("create").fault for _ in range(2)] == [kept, None]
