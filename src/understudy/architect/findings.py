"""What a check of a document found: one finding each, with a code that stays."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from understudy.architect.near import MOST_COMPARED, nearest
from understudy.architect.rules import RULES, Severity

#: Parts of a path within the document: names and places in lists.
Path = tuple[str | int, ...]

#: More findings than this are not collected: nobody reads them, and they would fill the memory.
MOST_FINDINGS = 20_000


#: What comparing names may cost in one document: pairs of characters, and something for each
#: question. That is enough for hundreds of usual mistakes; who has more learns from the first.
_MOST_COMPARED = 8_000_000
_QUESTION = 20_000

#: Names may have megabytes, and stand in the pointers of all that is in them.
_LONGEST_POINTER = 2000  # characters


class Finding(NamedTuple):
    """One finding. `pointer` is RFC 6901; `line` and `column` begin at 1, in characters.

    `message` says what is wrong, `hint` how to mend it. Both are 0 where there is no text to
    point into.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    pointer: str = ""
    line: int = 0
    column: int = 0

    @property
    def blocks(self) -> bool:
        """Whether the document cannot be imported because of it."""
        return self.severity is Severity.ERROR


Findings = tuple[Finding, ...]


class Draft(NamedTuple):
    """A finding before its line is known.

    `spot` is a text within the value that it is about; `on_key` means the name of a field,
    not its value. `offset` is a place in the text that was found already.
    """

    code: str
    severity: Severity
    message: str
    hint: str
    path: Path
    spot: str = ""
    on_key: bool = False
    offset: int = -1


class TooManyFindingsError(Exception):
    """There are so many findings that looking on makes no sense."""


class Collector:
    """Takes findings in the order in which they come, up to a bound."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self._room = _MOST_COMPARED
        self._answers: dict[tuple[str, tuple[str, ...]], str] = {}

    def near(self, name: str, names: Iterable[str]) -> str:
        """Return the nearest of the names, empty where none is near, or after many questions."""
        asked = (name, tuple(islice(names, MOST_COMPARED)))
        if asked not in self._answers:
            self._room -= _QUESTION + len(name) * sum(map(len, asked[1]))
            if self._room < 0:
                return ""
            self._answers[asked] = nearest(*asked)
        return self._answers[asked]

    def add(
        self,
        code: str,
        path: Path,
        message: str,
        hint: str = "",
        *,
        spot: str = "",
        on_key: bool = False,
        offset: int = -1,
        severity: Severity | None = None,
    ) -> None:
        """Add a finding; its severity is the rule's unless given. Raises TooManyFindingsError."""
        if len(self.drafts) >= MOST_FINDINGS:
            raise TooManyFindingsError
        weight = severity or RULES[code].severity
        self.drafts.append(Draft(code, weight, message, hint, path, spot, on_key, offset))


def pointer(path: Path) -> str:
    """Return the JSON pointer (RFC 6901) of a path; one that nobody would read breaks off."""
    made = ""
    for part in path:
        if isinstance(part, int):
            made += f"/{part}"
        elif (room := _LONGEST_POINTER - len(made)) >= 0:
            shown = part if len(part) <= room else part[:room]
            if "~" in shown or "/" in shown:
                shown = shown.replace("~", "~0").replace("/", "~1")
            made += f"/{shown}"
    return made


def errors(findings: Iterable[Finding]) -> Findings:
    """Return those that keep a document from being imported."""
    return tuple(finding for finding in findings if finding.blocks)
