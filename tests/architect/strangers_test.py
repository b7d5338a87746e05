"""What strangers send: nothing of it lingers, grows, or is stored where it cannot be read again."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from architect.examples import assistant, document, field, found, parsed, prompt
from understudy.architect import acceptance, near, walking
from understudy.architect.checking import Options
from understudy.architect.document import Document
from understudy.architect.fixing import fixed
from understudy.architect.limits import LARGEST, MOST_BYTES
from understudy.architect.models import Catalogue, Model
from understudy.config import Settings
from understudy.ops.architect import Architect


def numbered_from_one(count: int) -> str:
    """Return a document whose positions can be mended, spelt so that its keys are not counted."""
    prompts = [prompt(f"p{i}", position=i + 1) for i in range(20)]
    whole = document(*(assistant(prompts, name=f"Name {i}") for i in range(count)))
    return json.dumps({**whole, "$note": "x"}).replace('"$note"', '"$not\\u0065"')


def test_where_places_are_lost_nothing_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    text = numbered_from_one(3)
    mended = json.loads(fixed(Document.parse(text)))
    assert mended["assistants"][2]["prompts"][19]["position"] == 19
    monkeypatch.setattr(walking, "_MOST_STEPS", 60)
    assert fixed(Document.parse(text)) == text


@pytest.mark.parametrize("entries", [9_999, 10_000])
def test_mending_makes_no_object_wider_than_is_read(entries: int) -> None:
    value: dict[str, Any] = {f"$x{i}": 0 for i in range(entries - 1)}
    value["assistants"] = []
    mended = Document.parse(fixed(parsed(value)))
    assert "too_many_values" not in {finding.code for finding in mended.findings}
    assert ("version" in mended.value) is (entries < 10_000)


@pytest.mark.parametrize("number", [LARGEST + 1, -LARGEST - 1, 10**400])
def test_numbers_of_repositories_are_bounded_in_every_assistant(number: int) -> None:
    value = document(assistant(name="One"), assistant(name="Two", repositoryIds=[number]))
    one = parsed(value)
    assert found(one, "out_of_range").pointer == "/assistants/1/repositoryIds/0"
    assert one.findings == parsed(value, Options(closely=True)).findings


def test_what_is_said_of_long_names_and_positions_is_short() -> None:
    long, huge = "a" * 100_000, 10**4200
    value = document(
        assistant(
            [
                prompt(
                    content="{{zz}} {{prompt_7_output}}", input_mapping={long: "x"}, position=huge
                )
            ],
            [field(long)],
        )
    )
    for finding in parsed(value).findings:
        assert len(finding.message) < 1000, finding.code
        assert len(finding.hint) < 1000, finding.code


def test_names_of_strangers_do_not_stay_in_memory() -> None:
    near._nearest.cache_clear()
    assert near.nearest("topic", ["a" * 1000, "topics"]) == "topics"
    kept = near._nearest.cache_info()
    near._nearest("topic", ("topics",))  # what is kept has the short ones alone
    assert near._nearest.cache_info().hits == kept.hits + 1


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("a man is {{  a  }}", "a"),
        ("{{man}} and {{ an }}", "an"),
        ("nothing {{\tb\t}} b", "b"),
        ("x {{x y}} {{  x  }}", "x"),
    ],
)
def test_a_variable_is_pointed_at_within_its_braces(content: str, name: str) -> None:
    text = json.dumps(document(assistant([prompt(content=content)])), indent=1)
    one = Document.parse(text)
    (finding,) = (
        finding
        for finding in one.findings
        if finding.code == "unknown_variable" and finding.message.startswith(f'"{name}"')
    )
    line = text.split("\n")[finding.line - 1]
    braced = re.search(r"\{\{(?:\s|\\t)*(" + name + r")(?:\s|\\t)*\}\}", line)
    assert braced is not None
    assert finding.column == braced.start(1) + 1


def test_hundreds_of_models_that_are_not_there_are_not_compared() -> None:
    catalogue = Catalogue(tuple(Model(f"gpt-x{i}", "openai") for i in range(50)))
    prompts = [
        [prompt(f"p{j}", model_name=f"gpt-{i}-{j}", position=j) for j in range(20)]
        for i in range(30)
    ]
    whole = document(*(assistant(each, name=f"Name {i}") for i, each in enumerate(prompts)))
    one = parsed(whole, Options(catalogue))
    assert found(one, "too_many_models").pointer == "/assistants"
    assert len(one.models) == 200
    assert not one.sound


def test_letters_that_pass_quickly_are_printable_and_composed_already() -> None:
    for first, last in re.findall(r"(\S|\\u\{\w+\})-(\S|\\u\{\w+\})", acceptance.LETTERS):
        begin, end = (int(one[3:-1], 16) if len(one) > 1 else ord(one) for one in (first, last))
        for number in range(begin, end + 1):
            letter = chr(number)
            # Two in a row as well: some letters are composed of others.
            assert unicodedata.normalize("NFC", letter * 2) == letter * 2, hex(number)
            assert letter.isprintable(), hex(number)
            assert letter.strip() == letter


@pytest.mark.parametrize("name", ["é", "日本", "Привет", "한글", "naïve plan"])
def test_names_in_other_letters_pass_quickly(name: str) -> None:
    value = document(assistant([prompt(name)], [field(name)], name=f"{name} {name}"))
    assert acceptance.accepts(value["assistants"][0])


async def test_what_was_stored_can_be_approved_though_it_has_grown(tmp_path: Path) -> None:
    many = [{"value": f"{i:x}"} for i in range(330_000)]
    grown = assistant([prompt(content="{{pick}}")], [field("pick", "select", choices=many)])
    text = json.dumps(document(grown), separators=(",", ":"))
    assert len(text) <= MOST_BYTES
    async with Architect(Settings({}, {}, tmp_path)) as architect:
        one = architect.check_text(text)
        assert one.valid
        stored = f'{{"version":"1.0","assistants":[{one.assistants[0].canonical}]}}'
        assert len(stored) > MOST_BYTES
        assert not architect.check_text(stored).valid
        assert architect.check_stored(stored, "stored").valid
