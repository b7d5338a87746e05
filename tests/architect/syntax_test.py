"""What is no JSON is told so that its writer finds the place and mends it."""

from __future__ import annotations

import pytest

from understudy.architect.document import Document


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ('```json\n{"a": 1}\n```', "this is Markdown", (1, 1)),
        ('Here it is:\n{"a": 1}', "words stand before the document", (1, 1)),
        ('{"a": "say "hi" now"}', "the text has ended before this", (1, 13)),
        ('{"a": 01}', "no zeros before its first digit", (1, 8)),
        ('{"a": "b" + "c"}', "JSON joins no texts", (1, 11)),
        ('{"a": [1}', "does not fit what is open", (1, 9)),
        ('{"a": 1 "b": 2}', "a comma is missing before this", (1, 9)),
        ('{"a": 1,}', "a comma stands before the end", (1, 9)),
        ('{"a": [,]}', "a comma stands where a value should", (1, 8)),
        ("{'a': 1}", "straight double quotes", (1, 2)),
        ("{a: 1}", "the name of a field should stand here", (1, 2)),
        ('{"a" 1}', "a colon is missing", (1, 6)),
        ('{"a": True}', "True is not JSON", (1, 7)),
        ('{"a": 1} // done', "something follows after the end", (1, 10)),
        ('// first\n{"a": 1}', "JSON has no comments", (1, 1)),
        ('{"a": "b\nc"}', "a line break or another control character", (1, 9)),
        ('{"a": "b', "a text begins here and is not closed", (1, 7)),
        ('{"a": "\\x"}', "a backslash is followed by", (1, 8)),
        ('{"a": [1, 2', "the text breaks off", (1, 12)),
    ],
)
def test_a_mistake_is_named_where_it_is(text: str, message: str, place: tuple[int, int]) -> None:
    (finding,) = Document.parse(text).findings
    assert finding.code == "not_json"
    assert finding.message.startswith("Invalid file format: ")
    assert message in finding.message
    assert (finding.line, finding.column) == place


def test_bytes_that_are_no_text_have_their_place() -> None:
    (finding,) = Document.parse('{"ä":\n "b'.encode() + b'\xff"}').findings
    assert (finding.code, finding.line, finding.column) == ("not_utf8", 2, 4)


def test_an_assistant_without_its_document_is_recognised() -> None:
    (finding,) = Document.parse('{"name": "Bare One", "prompts": [], "input_fields": []}').findings
    assert finding.message == "Missing or invalid assistants array"
    assert "This is an assistant" in finding.hint
