"""The output directory: one run at a time, every file whole or absent."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.errors import OutputError
from understudy.files import TEMPORARY, write_whole, writing
from understudy.model.canonical import pretty
from understudy.ops.journal import Journal
from understudy.ops.recall import MAPPING
from understudy.redact import RedactingFilter, hide
from understudy.report.jsonlines import JsonFormatter

REPORT = "report.md"
NEEDED = "files-needed.md"
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
            self._tidy()
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

    def journal(self, run_id: str, header: Mapping[str, Any]) -> Journal:
        """Return the journal of a run; it appears with the first intent."""
        return Journal(self.path, run_id, header)

    def write(self, mapping: Mapping[str, Any], report: str, needed: str) -> None:
        """Write the reports; tries all of them and then raises the first OutputError.

        The list of files that are needed is there only while some are.
        """
        self._release()
        failures = []
        if not needed:
            with writing(self.path / NEEDED):
                (self.path / NEEDED).unlink(missing_ok=True)
        contents = {
            MAPPING: pretty(mapping, sort_keys=False),
            REPORT: report,
            LOG: "".join(line + "\n" for line in self._lines.lines),
            **({NEEDED: needed} if needed else {}),
        }
        for name, content in contents.items():
            try:
                self._write(name, content)
            except OutputError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _write(self, name: str, content: str) -> None:
        write_whole(self.path / name, hide(content).encode("utf-8", "backslashreplace"))

    def _tidy(self) -> None:
        """Remove what a run that was killed while it wrote its reports left half-written."""
        with writing(self.path):
            for path in self.path.glob(f"{TEMPORARY}*"):
                path.unlink(missing_ok=True)

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
