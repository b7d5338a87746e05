"""What a check of Architect documents found: as text, JSON lines, GitHub annotations and SARIF."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from understudy._version import __version__
from understudy.architect.document import Document
from understudy.architect.findings import Finding
from understudy.architect.models import Mapped
from understudy.architect.rules import RULES, Severity
from understudy.report.clean import clean
from understudy.report.jsonlines import line

_COLORS: Mapping[Severity, str] = {
    Severity.ERROR: "red",
    Severity.WARNING: "yellow",
    Severity.INFO: "blue",
}
_GITHUB: Mapping[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "notice",
}
_SARIF: Mapping[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def findings_text(document: Document) -> Iterator[str]:
    """Yield each finding where it is, with how to mend it below; the counts last."""
    for finding in document.findings:
        weight = click.style(finding.severity.value, fg=_COLORS[finding.severity], bold=True)
        yield f"{clean(where(document.source, finding))}: {weight}: {clean(finding.message)}"
        note = f" {clean(finding.hint)}" if finding.hint else ""
        yield click.style(f"    {finding.code}:{note}", fg="bright_black")
    yield document_counts(document)


def where(source: str, finding: Finding) -> str:
    """Return file, line and column as editors and terminals read them."""
    return f"{source}:{finding.line}:{finding.column}" if finding.line else source


def document_counts(document: Document) -> str:
    """Return one line: whether the document is valid, and how many findings of each kind it has."""
    counts = Counter(finding.severity for finding in document.findings)
    said = [
        f"{counts[severity]} {severity.value}{'s' if counts[severity] != 1 else ''}"
        for severity in Severity
        if counts[severity] and severity is not Severity.INFO
    ]
    if counts[Severity.INFO]:
        said.append(f"{counts[Severity.INFO]} note{'s' if counts[Severity.INFO] != 1 else ''}")
    found = ", ".join(said) or "nothing found"
    if document.valid:
        many = len(document.assistants)
        good = f"valid, {many} assistant{'s' if many != 1 else ''}"
        return f"{clean(document.source)}: {click.style(good, fg='green')} ({found})"
    return f"{clean(document.source)}: {click.style('not valid', fg='red')} ({found})"


def finding_fields(finding: Finding) -> dict[str, Any]:
    """Return a finding for machines; `line` and `column` are missing where there are none."""
    fields: dict[str, Any] = {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "hint": finding.hint,
        "pointer": finding.pointer,
    }
    if finding.line:
        fields |= {"line": finding.line, "column": finding.column}
    return fields


def mapping_fields(mapped: Mapped) -> dict[str, Any]:
    """Return which model answers for a name, and why."""
    return {"model": mapped.model.id if mapped.model else None, "why": mapped.why}


def document_fields(document: Document) -> dict[str, Any]:
    """Return what is said of a document as a whole."""
    counts = Counter(finding.severity.value for finding in document.findings)
    return {
        "file": document.source,
        "valid": document.valid,
        "errors": counts["error"],
        "warnings": counts["warning"],
        "infos": counts["info"],
        "assistants": [{"name": n, "digest": d} for n, d in document.digests.items()],
        "models": {name: mapping_fields(mapped) for name, mapped in document.models.items()},
    }


def findings_lines(document: Document) -> Iterator[str]:
    """Yield a JSON line for each finding, then one for the document."""
    for finding in document.findings:
        yield line("architect_finding", {"file": document.source, **finding_fields(finding)})
    yield line("architect_document", document_fields(document))


def github_lines(document: Document) -> Iterator[str]:
    """Yield workflow commands, which GitHub shows beside the lines of a pull request."""
    for finding in document.findings:
        place = {"file": document.source}
        if finding.line:
            place |= {"line": str(finding.line), "col": str(finding.column)}
        place["title"] = finding.code
        said = ",".join(f"{key}={_escaped(clean(value), ':,')}" for key, value in place.items())
        yield f"::{_GITHUB[finding.severity]} {said}::{_escaped(clean(_said(finding)))}"


def _said(finding: Finding) -> str:
    return " ".join(filter(None, (finding.message, finding.hint)))


def _unlinked(text: str) -> str:
    """Return a text in which SARIF's readers see no link (SARIF 2.1.0, 3.11.6)."""
    return text.replace("](", "] (")


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def sarif(documents: Sequence[Document]) -> str:
    """Return one SARIF 2.1.0 log for code scanning."""
    used = {finding.code for document in documents for finding in document.findings}
    rules = [
        {
            "id": code,
            "shortDescription": {"text": rule.about},
            "defaultConfiguration": {"level": _SARIF[rule.severity]},
        }
        for code, rule in RULES.items()
        if code in used
    ]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    driver = {"name": "understudy", "version": __version__, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": list(_results(documents, index)),
            }
        ],
    }
    return json.dumps(log, indent=2)


def _results(documents: Iterable[Document], index: Mapping[Any, int]) -> Iterator[dict[str, Any]]:
    for document in documents:
        uri = quote(document.source.replace(os.sep, "/"), safe="/:")
        for finding in document.findings:
            place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
            if finding.line:
                place["region"] = {"startLine": finding.line, "startColumn": finding.column}
            yield {
                "ruleId": finding.code,
                "ruleIndex": index[finding.code],
                "level": _SARIF[finding.severity],
                "message": {"text": _unlinked(clean(_said(finding)))},
                "locations": [
                    {
                        "physicalLocation": place,
                        "logicalLocations": [{"fullyQualifiedName": finding.pointer or "/"}],
                    }
                ],
            }
