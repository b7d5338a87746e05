"""What is wrong or worth knowing, found before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`error`: this assistant cannot be written. `warning`: it can, but look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding with a stable code; `field` is a path such as `tools[3].function.name`."""

    code: str
    severity: Severity
    message: str
    field: str = ""
    hint: str = ""

    @property
    def blocks(self) -> bool:
        """Whether the assistant cannot be written because of it."""
        return self.severity is Severity.ERROR


Findings = tuple[Finding, ...]


def error(code: str, message: str, *, field: str = "", hint: str = "") -> Finding:
    """Return a finding that keeps the assistant from being written."""
    return Finding(code, Severity.ERROR, message, field, hint)
