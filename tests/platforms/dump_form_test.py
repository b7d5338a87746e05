"""Saved JSON in every shape, whole and broken: what is read of it, and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import definitions
from understudy.platforms.dump_form import Reading, read_content, read_text
from understudy.platforms.dump_records import identify

Records = list[dict[str, Any]]


def bot(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"asst_{number}",
        "object": "assistant",
        "model": "gpt-4o",
        "name": f"Bot {number}",
        **fields,
    }


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def page(records: Records, *, more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": records, "first_id": "x", "has_more": more}


def pages(records: Records) -> list[dict[str, Any]]:
    return [page(records[:2], more=True), page(records[2:])]


def registry(records: Records) -> dict[str, Any]:
    return {f"BOT_{n}": record for n, record in enumerate(records)}


SHAPES: dict[str, Callable[[Records], str]] = {
    "a page": lambda r: text(page(r)),
    "an indented page": lambda r: json.dumps(page(r), indent=2),
    "a page a record a line": lambda r: (
        '{"object":"list","data":[\n' + ",\n".join(map(text, r)) + '\n],"has_more":false}\n'
    ),
    "pages in a list": lambda r: text(pages(r)),
    "pages one after another": lambda r: "".join(map(text, pages(r))),
    "a page a line": lambda r: "\n".join(map(text, pages(r))) + "\n",
    "a list": text,
    "an indented list": lambda r: json.dumps(r, indent=4),
    "a record a line": lambda r: "".join(text(one) + "\n" for one in r),
    "indented records": lambda r: "\n".join(json.dumps(one, indent=2) for one in r),
    "records glued together": lambda r: "".join(map(text, r)),
    "records behind 0x1e": lambda r: "".join(f"\x1e{text(one)}\n" for one in r),
    "an export": lambda r: text({"exported_at": "2025", "source": {}, "assistants": r}),
    "a map": lambda r: json.dumps(registry(r), indent=2),
    "a map without spaces": lambda r: text(registry(r)),
    "a service's answer": lambda r: text({"success": True, "assistants": registry(r)}),
}
#: Shapes whose beginning may be whole by itself.
OPEN = {
    "pages one after another",
    "a page a line",
    "a record a line",
    "indented records",
    "records glued together",
    "records behind 0x1e",
}


@st.composite
def dumps(draw: st.DrawFn) -> Records:
    found = draw(st.lists(definitions(extra=True), min_size=1, max_size=5))
    kind = draw(st.sampled_from(["assistant", "agent"]))
    return [{"id": f"asst_{n}", "object": kind, **one} for n, one in enumerate(found)]


def raws(reading: Reading) -> Records:
    return [record.raw for record in reading.records]


def codes(reading: Reading) -> list[str]:
    return [finding.code for finding in reading.findings]


@given(dumps(), st.sampled_from(sorted(SHAPES)))
@settings(max_examples=150, deadline=None)
def test_records_come_back_as_they_were_in_every_shape(records: Records, shape: str) -> None:
    found = read_content(SHAPES[shape](records).encode(), "x")
    assert raws(found) == records
    assert found.findings == ()


@given(dumps(), st.sampled_from(sorted(SHAPES)), st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]))
@settings(max_examples=60, deadline=None)
def test_a_byte_order_mark_says_how_to_read(records: Records, shape: str, encoding: str) -> None:
    found = read_content(SHAPES[shape](records).encode(encoding), "x")
    assert (raws(found), found.findings) == (records, ())


@given(dumps(), st.sampled_from(sorted(SHAPES)), st.data())
@settings(max_examples=250, deadline=None)
def test_a_cut_at_any_byte_keeps_every_whole_record_before_it(
    records: Records, shape: str, data: st.DataObject
) -> None:
    whole = SHAPES[shape](records).encode()
    cut = data.draw(st.integers(1, len(whole.rstrip()) - 1))
    found = read_content(whole[:cut], "x")
    kept = raws(found)
    assert kept == records[: len(kept)]
    ends = ends_of(whole.decode(), records)
    assert len(kept) >= sum(end <= cut for end in ends)
    if shape not in OPEN:
        assert any(finding.blocks for finding in found.findings)
    elif not any(finding.blocks for finding in found.findings):
        assert raws(read_text(whole[:cut].decode(), "x")) == kept  # it ends between two values


def ends_of(whole: str, records: Records) -> list[int]:
    """Return at which byte each record ends; its id stands first in it."""
    ends = []
    for record in records:
        start = whole.rindex("{", 0, whole.index(f'"{record["id"]}"'))
        _, end = json.JSONDecoder().raw_decode(whole, start)
        ends.append(len(whole[:end].encode()))
    return ends


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
@settings(max_examples=150, deadline=None)
def test_any_text_at_all_is_read_without_a_traceback(anything: str) -> None:
    read_text(anything, "x")


@given(dumps(), st.sampled_from(sorted(SHAPES)), st.data())
@settings(max_examples=150, deadline=None)
def test_a_byte_that_was_hit_makes_up_no_record(
    records: Records, shape: str, data: st.DataObject
) -> None:
    whole = bytearray(SHAPES[shape](records).encode())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    assert len(read_content(bytes(whole), "x").records) <= len(records)


def test_of_a_page_that_breaks_off_the_whole_records_are_kept() -> None:
    cut = text(page([bot(1), bot(2), bot(3)]))
    cut = cut[: cut.index('"name": "Bot 3"') + 4]
    found = read_text(cut, "dump.json")
    assert raws(found) == [bot(1), bot(2)]
    (finding,) = found.findings
    assert finding.code == "cut-short"
    assert finding.message.startswith(
        f"dump.json, line 1, column {len(cut) - 3}: the record asst_3"
    )
    assert finding.hint


BAD = '{"id": "asst_9", "model": oops}'
DAMAGED = {
    "in a page": (f'{{"object":"list","data":[{text(bot(1))},{BAD},{text(bot(2))}]}}', 2),
    "in an export": (f'{{"assistants":[{text(bot(1))},{BAD},{text(bot(2))}]}}', 2),
    "in a map": (f'{{"A":{text(bot(1))},"B":{BAD},"C":{text(bot(2))}}}', 2),
    "in a line": (f"{text(bot(1))}\n{BAD}\n{text(bot(2))}\n", 2),
    "a line that breaks off": (f'{text(bot(1))}\n{{"id": "asst_9", "na\n{text(bot(2))}\n', 2),
    "a line that swallows": (f'{text(bot(1))}\n{{"id": "x", "tools":\n{text(bot(2))}\n', 2),
    "a page before another": (text(page([bot(1), bot(9)]))[:-90] + "\n" + text(page([bot(2)])), 2),
    "a comma that is missing": (f"[{text(bot(1))} {text(bot(2))}, {text(bot(3))}]", 3),
    "words in between": (f"one: {text(bot(1))} two: {text(bot(2))}", 2),
    "a list of rubbish": (f"[{text(bot(1))}, oops, nothing, {text(bot(2))}]", 2),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_whole_around_a_damage_is_kept(case: str) -> None:
    content, count = DAMAGED[case]
    found = read_text(content, "x")
    assert raws(found) == [bot(number) for number in range(1, count + 1)]
    assert any(finding.blocks for finding in found.findings)
    assert all("line " in finding.message for finding in found.findings)


def test_of_a_damaged_map_the_keys_of_the_others_stay() -> None:
    nameless = {"model": "gpt-4o", "instructions": "Hi", "name": "x"}
    found = read_text(f'{{"A":{text(nameless)},"B":{{oops}},"C":{text(nameless)}}}', "x")
    assert [record.key for record in found.records] == ["A", "C"]


def test_within_a_damaged_record_nothing_is_taken_for_another_one() -> None:
    inner = {"model": "gpt-4o", "name": "An example", "id": "x"}
    broken = f'{{"id":"asst_1","model":"m","metadata":{text(inner)},"top_p": oops}}'
    assert raws(read_text(f"[{broken},{text(bot(2))}]", "x")) == [bot(2)]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"object": "file", "id": "file-1"}, "kind 'file' (file-1)"),
        ({"object": "vector_store"}, "kind 'vector_store'"),
        ({"object": "thread", "id": "t"}, "kind 'thread'"),
        ({"a": 1}, "an object with a"),
        (None, "null"),
        (7, "a number"),
        ("text", "a text"),
        (True, "true"),
    ],
)
@pytest.mark.parametrize("shape", ["a list", "a page", "a record a line", "a map"])
def test_what_is_no_assistant_is_told_and_left_out(value: Any, words: str, shape: str) -> None:
    found = read_text(SHAPES[shape]([bot(1), value, bot(2)]), "x")
    assert raws(found) == [bot(1), bot(2)]
    (finding,) = found.findings
    assert (finding.code, finding.blocks) == ("no-assistant", False)
    assert words in finding.message


@pytest.mark.parametrize("name", [None, 7, [], "\ud800"])
def test_a_name_or_tools_that_are_off_go_through_as_they_are(name: Any) -> None:
    record = bot(1, name=name, tools={"no": "list"})
    assert raws(read_text(json.dumps([record]), "x")) == [record]


def test_a_page_that_says_that_more_follow_is_noticed() -> None:
    assert read_text(text(page([bot(1)], more=True)), "x").open_end == "x, line 1, column 1"
    assert read_text(SHAPES["a page a line"]([bot(1), bot(2), bot(3)]), "x").closed


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":[', '{"data":[', '{"assistants":{"A":'])
def test_deep_nesting_is_a_finding(opening: str) -> None:
    found = read_text(f"{opening * 50_000}\n{text(bot(1))}", "x")
    assert "nested-too-deeply" in codes(found)
    assert raws(found) == [bot(1)]


def test_bytes_of_no_utf8_cost_the_record_that_they_are_in() -> None:
    content = text([bot(1), bot(2, name="José"), bot(3)]).encode("latin-1")
    found = read_content(content, "x")
    assert raws(found) == [bot(1), bot(3)]
    assert codes(found) == ["not-utf8"]
    assert "byte 0xe9" in found.findings[0].message


def test_findings_are_bounded_and_counted() -> None:
    found = read_text("null\n" * 5000, "x")
    assert len(found.findings) == 1001
    assert "4000 more" in found.findings[-1].message


def test_a_newer_snapshot_is_not_guessed_at() -> None:
    found = read_text(text({"format_version": 2, "assistants": [bot(1)]}), "x")
    assert (raws(found), codes(found)) == ([], ["newer-format"])


def settled(*texts: str) -> tuple[dict[str, Any], list[str]]:
    found, findings = identify(
        record for n, one in enumerate(texts) for record in read_text(one, f"{n}.json").records
    )
    return found, [f"{finding.code}: {finding.message}" for finding in findings]


def test_equal_records_of_one_id_count_once() -> None:
    found, said = settled(text([bot(1), bot(2)]), text(dict(reversed(bot(1).items()))))
    assert (list(found), said) == (["asst_1", "asst_2"], [])


def test_different_records_of_one_id_are_left_out_and_both_are_named() -> None:
    found, (said,) = settled(text([bot(1), bot(2)]), text(bot(1, name="Other")))
    assert list(found) == ["asst_2"]
    assert said.startswith("two-versions: asst_1 ")
    assert "0.json, line 1, column 2 and 1.json, line 1, column 1" in said


def test_an_id_that_is_no_text_is_told() -> None:
    found, (said,) = settled(text([bot(1), bot(2, id=7)]))
    assert list(found) == ["asst_1"]
    assert said.startswith("bad-id: 0.json, line 1, column ")


def test_records_without_an_id_are_known_by_their_key_or_name() -> None:
    plain = {"model": "gpt-4o", "name": "Support Bot"}
    found, said = settled(
        text({"SUPPORT": plain}),
        text([plain, {**plain, "model": "o3"}, {"model": "gpt-4o"}, {**plain, "id": None}]),
        text(bot(1, id="support-bot-2")),
    )
    assert said == []
    expected = ["support-bot-2", "SUPPORT", "support-bot", "support-bot-3", "assistant"]
    assert list(found) == expected
    assert all(record["id"] == one for one, record in found.items())
