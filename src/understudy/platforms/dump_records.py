"""The records of a dump side by side: which is which, and which cannot be told apart. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from understudy.model.canonical import identical
from understudy.model.findings import Finding, Findings, error
from understudy.model.naming import slug, unique


@dataclass(frozen=True, slots=True)
class Record:
    """An assistant as it stands somewhere; `key` is what it stands under in a map."""

    raw: dict[str, Any]
    where: str
    key: str = ""


def identify(records: Iterable[Record]) -> tuple[dict[str, dict[str, Any]], Findings]:
    """Return the records under their ids, and those that cannot stand side by side.

    Equal ones count once. Without an id, the key in the map or the name is taken.
    """
    by_id: dict[str, list[Record]] = {}
    nameless: dict[str, list[Record]] = {}
    findings: list[Finding] = []
    for record in records:
        one = record.raw.get("id")
        if one is not None and not isinstance(one, str):
            findings.append(_bad_id(record))
        elif one:
            _add(by_id, one, record)
        else:
            wanted = record.key or slug(_text(record.raw.get("name")))
            raw = {key: value for key, value in record.raw.items() if key != "id"}
            _add(nameless, wanted, replace(record, raw=raw))
    found = {}
    for one, versions in by_id.items():
        if len(versions) > 1:
            findings.append(_two_versions(one, versions))
        else:
            found[one] = versions[0].raw
    taken = {one.casefold() for one in by_id}
    for wanted, different in nameless.items():
        for record in different:
            one = unique(wanted, taken)
            found[one] = {**record.raw, "id": one}
    return found, tuple(findings)


def _add(known: dict[str, list[Record]], one: str, record: Record) -> None:
    """Add a record unless one that is equal is there."""
    versions = known.setdefault(one, [])
    if not any(_equal(record.raw, other.raw) for other in versions):
        versions.append(record)


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    try:
        return identical(one, other)
    except RecursionError:
        return False


def _bad_id(record: Record) -> Finding:
    return error(
        "bad-id",
        f"{record.where}: the assistant {_text(record.raw.get('name'))!r} has an id that is no "
        "text.",
        field="id",
        hint="Give it an id in quotes, or none.",
    )


def _two_versions(one: str, versions: list[Record]) -> Finding:
    places = " and ".join(record.where for record in versions[:3])
    more = f" (and {len(versions) - 3} more)" if len(versions) > 3 else ""
    return error(
        "two-versions",
        f"{one} is there in {len(versions)} different versions: {places}{more}.",
        field="id",
        hint="Remove those that are out of date; nothing is guessed.",
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
