"""The rows of a batch, read from a file: CSV with a header, or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.architect.definition import Definition
from understudy.architect.format import FieldType
from understudy.architect.inputs import Entered, InputFinding
from understudy.errors import InputsError, UnderstudyError, UsageError
from understudy.ops.playing import upload

#: Characters of one cell or line; a prompt takes as many.
_LONGEST = 10_000_000
MOST_ROWS = 1_000_000
_BETWEEN = "|"  # choices in one cell


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands there, with its number from 1; or what is wrong with it."""

    number: int
    values: Mapping[str, Any]
    wrong: str = ""


def raw_rows(path: Path) -> Iterator[RawRow]:
    """Yield the rows of a file; raises UsageError for one that cannot be read as a whole."""
    kinds = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines}
    kind = path.suffix.casefold()
    if kind not in kinds:
        raise UsageError(
            f"{path} is neither CSV nor JSON lines.", hint="Name it .csv, .jsonl or .ndjson."
        )
    try:
        for row in kinds[kind](path):
            if row.number > MOST_ROWS:
                raise UsageError(f"{path} has over {MOST_ROWS:,} rows.", hint="Split it.")
            yield row
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8.", hint="Save it as UTF-8.") from error
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV file: {error}.") from error


def _csv(path: Path) -> Iterator[RawRow]:
    before = csv.field_size_limit(_LONGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = [name.strip() for name in next(lines, [])]
            if not header or len(set(header)) < len(header) or not all(header):
                raise UsageError(
                    f"{path} has no usable header.", hint="Its first line names the fields, once."
                )
            number = 0
            for cells in lines:
                if not cells:
                    continue
                number += 1
                if len(cells) != len(header):
                    wrong = f"The row has {len(cells)} cells, the header {len(header)}."
                    yield RawRow(number, {}, wrong)
                else:
                    yield RawRow(number, dict(zip(header, cells, strict=True)))
    finally:
        csv.field_size_limit(before)


def _json_lines(path: Path) -> Iterator[RawRow]:
    number = 0
    with path.open(encoding="utf-8-sig") as file:
        while line := file.readline(_LONGEST + 1):
            if len(line) > _LONGEST:
                raise UsageError(f"{path} has a line of over {_LONGEST:,} characters.")
            if not line.strip():
                continue
            number += 1
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                yield RawRow(number, {}, "The line is not JSON.")
                continue
            wrong = "" if isinstance(value, dict) else "The line is no object of fields."
            yield RawRow(number, {} if wrong else value, wrong)


async def entered(
    row: RawRow, definition: Definition, folder: Path
) -> dict[str, Entered] | tuple[InputFinding, ...]:
    """Return what a row enters, or what is wrong with it.

    A file's field holds its path, which stays within the folder of the rows.
    """
    if row.wrong:
        return (InputFinding("", "bad_row", row.wrong),)
    kinds = {one.name: one.field_type for one in definition.input_fields}
    given: dict[str, Entered] = {}
    findings: list[InputFinding] = []
    for name, value in row.values.items():
        texts = _texts(value, kinds.get(name))
        if texts is None:
            findings.append(
                InputFinding(name, "wrong_type", f'"{name[:80]}" takes text.', "Put it in quotes.")
            )
        elif kinds.get(name) is FieldType.FILE_UPLOAD:
            try:
                given[name] = [await upload(_within(folder, text)) for text in texts]
            except UnderstudyError as error:
                findings.append(InputFinding(name, "unreadable_file", error.message, error.hint))
        elif texts:
            given[name] = texts[0] if len(texts) == 1 else texts
    return tuple(findings) if findings else given


def _texts(value: object, kind: FieldType | None) -> list[str] | None:
    """Return the values of a cell, None where one of them is no text; an empty cell has none."""
    if value is None:
        return []
    if isinstance(value, str):
        several = kind in (FieldType.MULTI_SELECT, FieldType.FILE_UPLOAD)
        return [one for one in (value.split(_BETWEEN) if several else [value]) if one.strip()]
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return list(value)
    return None


def _within(folder: Path, text: str) -> Path:
    path = (folder / text.strip().removeprefix("@")).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputsError(
            f"{text[:80]!r} lies outside of the folder of the rows.", hint="Put it beside the rows."
        )
    return path
