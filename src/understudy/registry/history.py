"""The history of syncs: one small file each, so that nothing is rewritten and nothing torn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from understudy.errors import OutputError, SnapshotError
from understudy.files import read_json, sweep, write_whole, writing
from understudy.model.canonical import pretty
from understudy.registry.entries import Difference, Entry

FORMAT_VERSION = 1

#: Records that are kept of those that changed something, and of the others; older ones go.
MOST = 500
MOST_OTHERS = 100

_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class Record:
    """One sync. `at` is an ISO 8601 time in UTC, `id` sorts by it, and later ones sort later.

    `result` is `changed`, `unchanged`, `refused`, `denied`, `failed` or
    `restored`, `reason` why. `removed`
    holds what went, whole.
    """

    id: str
    at: str
    result: str
    source: str = ""
    count: int = 0
    difference: Difference = field(default_factory=Difference)
    removed: Mapping[str, Entry] = field(default_factory=dict)
    reason: str = ""


class History:
    """The records beside a registry's file, in a folder of their own."""

    def __init__(self, registry: Path) -> None:
        self._folder = registry.with_name(f"{registry.stem}.history")
        self._pins = self._folder / "pins.json"

    def add(self, record: Record) -> None:
        """Keep a record and let the oldest go; raises OutputError.

        An id that does not sort behind the others, because a clock was put back, is replaced.
        """
        newest = self.newest()
        if record.id <= newest:
            record = replace(record, id=_behind(newest, record.id))
        fields = {
            "format_version": FORMAT_VERSION,
            "id": record.id,
            "at": record.at,
            "result": record.result,
            "source": record.source,
            "count": record.count,
            "added": list(record.difference.added),
            "changed": {key: list(names) for key, names in record.difference.changed.items()},
            "removed": dict(record.removed),
            "reason": record.reason,
        }
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        sweep(self._folder)
        kind = "changed" if record.difference else "other"
        name = f"sync-{record.id}-{kind}.json"
        write_whole(self._folder / name, pretty(fields, sort_keys=False))
        for kind, most in (("changed", MOST), ("other", MOST_OTHERS)):
            for path in [path for path in self._paths() if path.stem.endswith(kind)][:-most]:
                with writing(path):
                    path.unlink(missing_ok=True)

    def changes(self, *, after: str = "") -> list[str]:
        """Return the ids of the records that changed something after that one, oldest first."""
        paths = [path for path in self._paths() if path.stem.endswith("-changed")]
        return [found for path in paths if (found := _id(path)) > after]

    def newest(self) -> str:
        """Return the id of the newest record of any result, an empty text where there is none."""
        paths = self._paths()
        return _id(paths[-1]) if paths else ""

    def record(self, id: str) -> Record:  # noqa: A002 - as the field is called
        """Return one that `changes` named; raises SnapshotError when it cannot be read."""
        path = self._folder / f"sync-{id}-changed.json"
        try:
            return _record(read_json(path))
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(f"{path} is no record of a sync.") from error

    def records(self, *, most: int = MOST) -> list[Record]:
        """Return the newest records, newest first; what cannot be read is left out."""
        found: list[Record] = []
        for path in reversed(self._paths()):
            if len(found) == most:
                break
            try:
                found.append(_record(read_json(path)))
            except (SnapshotError, KeyError, TypeError, ValueError):
                continue  # a history is for looking back; a damaged page must not stop a sync
        return found

    def removed(self, key: str) -> Entry | None:
        """Return the last content of what was removed under a key, None if nothing was."""
        for record in self.records():
            if key in record.removed:
                return dict(record.removed[key])
        return None

    def pins(self) -> dict[str, Entry]:
        """Return what was restored by hand and is kept although the source has it no more."""
        if not self._pins.exists():
            return {}
        value = read_json(self._pins)
        return (
            {k: v for k, v in value.items() if isinstance(v, dict)}
            if isinstance(value, dict)
            else {}
        )

    def pin(self, pins: Mapping[str, Entry]) -> None:
        """Keep these, and no others; raises OutputError."""
        if not pins and not self._pins.exists():
            return
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._pins, pretty({key: pins[key] for key in sorted(pins)}, sort_keys=False))

    def _paths(self) -> list[Path]:
        try:
            return sorted(self._folder.glob("sync-*.json"))
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be read: {error.strerror}.") from error


def _id(path: Path) -> str:
    return path.stem.removeprefix("sync-").rpartition("-")[0]


def _behind(newest: str, id: str) -> str:  # noqa: A002 - as the field is called
    """Return an id right behind the newest one, with the end of the one that was wanted."""
    stamp, _, _ = newest.partition("-")
    try:
        after = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC) + timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return id  # a file that somebody named by hand
    return f"{after:{_STAMP}}-{id.rpartition('-')[2]}"


def _record(value: Any) -> Record:
    changed = {str(key): tuple(names) for key, names in dict(value["changed"]).items()}
    removed = dict(value["removed"])
    at = str(value["at"])
    if datetime.fromisoformat(at).tzinfo is None:
        raise ValueError("a time without a zone")
    return Record(
        str(value["id"]),
        at,
        str(value["result"]),
        str(value["source"]),
        int(value["count"]),
        Difference(tuple(value["added"]), changed, tuple(removed)),
        removed,
        str(value["reason"]),
    )
