"""Which clone is whose, as earlier runs into an output directory left it.

`mapping.json` says it once a run is over. Until then the journal does: a line for each clone,
on disk before the next step, so that a run that is killed leaves no clone to be made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from understudy.errors import SnapshotError, UsageError
from understudy.files import read_json, read_text, writing
from understudy.platforms.base import PlaceInfo
from understudy.report.jsonlines import FORMAT_VERSION, place_fields

MAPPING = "mapping.json"
JOURNAL = "journal.jsonl"


class Journal:
    """Appends pairs of one source and one destination; the file appears with the first.

    A `durable` one survives a power cut, too, which costs a few milliseconds a pair.
    """

    def __init__(
        self, directory: Path, source: PlaceInfo, destination: PlaceInfo, *, durable: bool
    ) -> None:
        self._path = directory / JOURNAL
        self._places = {"source": place_fields(source), "destination": place_fields(destination)}
        self._durable = durable
        self._handle: int | None = None

    def add(self, source_id: str, destination_id: str) -> None:
        """Remember a pair for good; raises OutputError."""
        with writing(self._path):
            if self._handle is None:
                self._handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
                # A line that a crash tore must not spoil the next one.
                self._append({"format_version": FORMAT_VERSION, **self._places}, before="\n")
            self._append({"srcId": source_id, "dstId": destination_id})
            if self._durable:
                os.fsync(self._handle)

    def close(self) -> None:
        """Release the file; may be called twice."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _append(self, record: Mapping[str, Any], *, before: str = "") -> None:
        assert self._handle is not None  # noqa: S101 - add() opens it
        data = f"{before}{json.dumps(record)}\n".encode()
        while data:
            data = data[os.write(self._handle, data) :]


def remembered(
    directory: Path, source: PlaceInfo, destination: PlaceInfo, *, required: bool
) -> dict[str, str]:
    """Return destination ids under source ids, as earlier runs into the directory left them.

    What was copied the other way is remembered the other way round, so that copying back finds
    the originals. Empty where nothing is remembered of these two places. With `required`, what
    belongs to others is a UsageError: identity is kept there, and writing over it would lose it.
    Raises SnapshotError for a file that is damaged.
    """
    wanted = _pair_of(place_fields(source), place_fields(destination))
    known: dict[str, str] = {}
    for path, read in ((directory / MAPPING, _of_mapping), (directory / JOURNAL, _of_journal)):
        if not path.is_file():
            continue
        try:
            found = list(read(path))
        except (SnapshotError, KeyError, TypeError, AttributeError, ValueError) as error:
            reason = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else error
            raise SnapshotError(
                f"{path} cannot be used: {reason}",
                hint="Move it away, or choose another --output-dir.",
            ) from error
        if required and any(set(pair) != set(wanted) for pair, _ in found):
            raise UsageError(
                f"{path} belongs to other places than these.",
                hint="With --identity mapping every pair needs its own --output-dir.",
            )
        for pair, ids in found:
            if pair == wanted:
                known.update(ids)
            elif pair == wanted[::-1]:
                known.update({other: one for one, other in ids.items()})
    return known


_Places = tuple[tuple[Any, ...], tuple[Any, ...]]
_Found = Iterator[tuple[_Places, dict[str, str]]]


def _of_mapping(path: Path) -> _Found:
    """Yield the places of a mapping.json with its pairs; raises what a damaged one causes."""
    mapping = read_json(path)
    places = _places(mapping)
    entries = [*mapping["mappings"], *mapping.get("known", [])]
    yield places, dict(pair for entry in entries for pair in _pair(entry))


def _of_journal(path: Path) -> _Found:
    """Yield the same of each run in a journal; a line that a crash tore says nothing."""
    places, ids = None, dict[str, str]()
    for line in read_text(path).splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if "source" in record:
            if places:
                yield places, ids
            places, ids = _places(record), {}
        else:
            ids.update(_pair(record))
    if places:
        yield places, ids


def _places(record: Mapping[str, Any]) -> _Places:
    version = record.get("format_version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise ValueError(f"its format_version is {version}, this version reads {FORMAT_VERSION}.")
    return _pair_of(record["source"], record["destination"])


def _pair(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    one, other = entry["srcId"], entry.get("dstId")
    if not isinstance(one, str) or not isinstance(other, str | None):
        raise TypeError(f"{one!r} and {other!r} are no pair of ids.")
    return [(one, other)] if other else []


def _pair_of(source: Mapping[str, Any], destination: Mapping[str, Any]) -> _Places:
    """Return what tells two places apart; their names where only the keys differ."""
    one, other = _where(source), _where(destination)
    if one == other:
        return (*one, source.get("name")), (*other, destination.get("name"))
    return one, other


def _where(place: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(place.get(key, "") for key in ("platform", "address", "organization", "project"))
