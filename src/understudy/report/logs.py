"""Logs on standard error: lines for people, or JSON lines for what collects them."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from understudy.redact import RedactingFilter
from understudy.report.clean import clean, clean_lines


class PlainFormatter(logging.Formatter):
    """One line a record, so that no name can look like another record; tracebacks keep theirs."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Return the line."""
        return clean(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it where there is one."""
        return clean_lines(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time in UTC, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object's text."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {
            "type": "log",
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text or record.exc_info:
            fields["traceback"] = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
        return json.dumps(fields)


def log_to_stderr(level: int, *, json_lines: bool = False, text: str = "%(message)s") -> None:
    """Send the logs of this process to standard error, without keys; may be repeated."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(JsonFormatter() if json_lines else PlainFormatter(text))
    logging.basicConfig(level=min(level, logging.INFO), handlers=[handler], force=True)
