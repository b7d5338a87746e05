"""What holds for every document, however broken; properties and the fuzzer ask for the same."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from understudy.architect.checking import Options
from understudy.architect.definition import Definition, from_json, to_json
from understudy.architect.document import Document
from understudy.architect.findings import Finding
from understudy.architect.fixing import fixed
from understudy.architect.rules import RULES
from understudy.architect.schema import json_schema

SCHEMA = Draft202012Validator(json_schema())
LENIENT = Options(allow_unknown_variables=True)


def hold(data: bytes | str) -> Document:
    """Return the document after every invariant was asked for; raises AssertionError, if any."""
    document = Document.parse(data)
    for finding in document.findings:
        _sound(document, finding)
    assert document.valid is not any(finding.blocks for finding in document.findings)
    _closely(data, document)
    _schema(document)
    _mended(document)
    if document.valid:
        for one in document.assistants:
            _kept(one)
        assert Document.parse(data).digest == document.digest
        assert Document.parse(data, options=LENIENT).valid
    return document


def _sound(document: Document, finding: Finding) -> None:
    rule = RULES[finding.code]
    assert finding.severity is rule.severity, finding
    assert finding.message, finding
    if document.text and finding.code not in ("not_utf8", "file_too_large"):
        lines = document.text.split("\n")
        assert 1 <= finding.line <= len(lines), finding
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1, finding
    for text in (finding.message, finding.hint, finding.pointer):
        assert len(text) < 5000, finding


def _closely(data: bytes | str, document: Document) -> None:
    """The quick tests decide as the complete ones do."""
    closely = Document.parse(data, options=Options(closely=True))
    assert closely.findings == document.findings
    assert closely.flows == document.flows


def _schema(document: Document) -> None:
    """What JSON Schema refuses has a finding, too; what it accepts has the right shape."""
    if document.value is None or any(f.code == "duplicate_key" for f in document.findings):
        return
    try:
        error = next(SCHEMA.iter_errors(document.value), None)
    except (RecursionError, OverflowError):
        return
    assert error is None or document.findings, error


def _mended(document: Document) -> None:
    text = fixed(document)
    again = Document.parse(text)
    assert fixed(again) == text, "mending twice changes more"
    if document.valid:
        assert again.valid, again.errors
        assert [bare(one) for one in again.assistants] == [bare(one) for one in document.assistants]
    if document.value is None:
        assert text == document.text
    else:
        assert again.value is not None


def bare(one: Definition) -> Any:
    """Return what mending never changes: all but positions, whose order counts."""
    value = json.loads(json.dumps(one.content))
    places = sorted({prompt["position"] for prompt in value["prompts"]})
    for prompt in value["prompts"]:
        prompt["position"] = places.index(prompt["position"])
    # Fields of one position stand in the order of the list.
    for field in value["input_fields"]:
        field["position"] = 0
    shown = sorted(one.input_fields, key=lambda field: field.position)
    return value, [field.name for field in shown]


def _kept(one: Definition) -> None:
    """What is stored is JSON, and comes back as the same."""
    stored = json.loads(one.canonical)
    back = from_json(stored)
    assert back == one
    assert back.digest == one.digest
    assert from_json(to_json(one, advanced=True)) == one
    text = json.dumps({"version": "1.0", "assistants": [stored]})
    document = Document.parse(text, options=LENIENT)
    assert document.valid, document.errors
    assert document.assistants[0].digest == one.digest
