"""The output directory: one run at a time, every file whole or absent."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.errors import OutputError, SnapshotError, UsageError
from understudy.files import read_json, write_whole, writing
from understudy.model.canonical import pretty
from understudy.platforms.base import PlaceInfo
from understudy.redact import RedactingFilter, hide
from understudy.report.jsonlines import FORMAT_VERSION, JsonFormatter, place_fields

MAPPING = "mapping.json"
REPORT = "report.md"
LOG = "log.jsonl"
_LOCK = ".lock"
_RESERVE = ".reserve"
_LOGGER = logging.getLogger("understudy")


class OutputDirectory:
    """Locked from `open` to `close`; collects the log of the run in between."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Any = None
        self._lines = _Lines()
        self._level = logging.NOTSET

    def open(self) -> None:
        """Make the directory, see that it can be written, and lock it.

        Raises OutputError before anything else of a run happens.
        """
        from filelock import FileLock, Timeout

        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path / _LOCK)
            try:
                self._lock.acquire(timeout=0)
            except Timeout as error:
                self._lock = None
                raise OutputError(
                    f"Another run is writing into {self.path} right now.",
                    hint="Wait for it, or choose another --output-dir.",
                ) from error
        try:
            self._probe()
        except OutputError:
            self._lock.release()
            self._lock = None
            raise
        self._level = _LOGGER.level
        if not _LOGGER.isEnabledFor(logging.INFO):
            _LOGGER.setLevel(logging.INFO)
        _LOGGER.addHandler(self._lines)

    def close(self) -> None:
        """Unlock; may be called twice."""
        _LOGGER.removeHandler(self._lines)
        lock, self._lock = self._lock, None
        if lock is not None:
            self._release()
            _LOGGER.setLevel(self._level)
            lock.release()

    def reserve(self, size: int) -> None:
        """Hold room for reports of that many bytes until they are written; raises OutputError.

        A full disk shall stop a run before it writes anything that no report would tell of.
        """
        write_whole(self.path / _RESERVE, b"\0" * size)

    def write_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Write mapping.json alone, in the middle of a run; raises OutputError."""
        self._write(MAPPING, pretty(mapping, sort_keys=False))

    def write(self, mapping: Mapping[str, Any], report: str) -> None:
        """Write the three files; tries all of them and then raises the first OutputError."""
        self._release()
        failures = []
        contents = {
            MAPPING: pretty(mapping, sort_keys=False),
            REPORT: report,
            LOG: "".join(line + "\n" for line in self._lines.lines),
        }
        for name, content in contents.items():
            try:
                self._write(name, content)
            except OutputError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _write(self, name: str, content: str) -> None:
        data = hide(content).encode("utf-8", "backslashreplace")
        try:
            write_whole(self.path / name, data)
        except OutputError:
            self._release()
            write_whole(self.path / name, data)

    def _probe(self) -> None:
        """See that files can be written there at all."""
        try:
            self.reserve(65536)
        finally:
            self._release()

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            (self.path / _RESERVE).unlink(missing_ok=True)


class _Lines(logging.Handler):
    """Keeps the run's log in memory until the files are written."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        self.setFormatter(JsonFormatter())
        self.addFilter(RedactingFilter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def remembered(
    directory: Path, source: PlaceInfo, destination: PlaceInfo, *, required: bool
) -> dict[str, str]:
    """Return destination ids under source ids, as earlier runs into the directory left them.

    Empty where nothing is remembered of this pair. With `required`, a mapping of another pair
    is a UsageError: identity is kept there, and writing over it would lose it.
    """
    path = directory / MAPPING
    if not path.is_file():
        return {}
    try:
        pair, known = _pairs(read_json(path))
    except (SnapshotError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else error
        raise UsageError(
            f"{path} cannot be used: {reason}",
            hint="Move it away, or choose another --output-dir.",
        ) from error
    if pair == [_where(place_fields(source)), _where(place_fields(destination))]:
        return known
    if required:
        raise UsageError(
            f"{path} belongs to other places than these.",
            hint="With --identity mapping every pair needs its own --output-dir.",
        )
    return {}


def _pairs(mapping: Any) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    """Return the places of a mapping.json and its pairs; raises what a damaged one causes."""
    version = mapping.get("format_version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise ValueError(f"its format_version is {version}, this version reads {FORMAT_VERSION}.")
    known = {}
    for entry in [*mapping["mappings"], *mapping.get("known", [])]:
        one, other = entry["srcId"], entry.get("dstId")
        if not isinstance(one, str) or not isinstance(other, str | None):
            raise TypeError(f"{one!r} and {other!r} are no pair of ids.")
        if other:
            known[one] = other
    return [_where(mapping["source"]), _where(mapping["destination"])], known


def _where(place: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(place.get(key, "") for key in ("platform", "address", "organization", "project"))
