"""What saved JSON says: which values in a text are assistants, and what cannot be read. Pure.

Shapes are told by content: pages of a listing, lists, single records one after another or a
line each, exports under the key `assistants`, and maps of names to records.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from understudy.model.findings import Finding, Findings, Severity, error
from understudy.platforms.dump_records import Record
from understudy.platforms.dump_scan import HOLDERS, Damage, Node, Scanner

#: What an assistant's `object` says where it says anything.
_KINDS = frozenset({"assistant", "agent"})
_TELLING = frozenset({"model", "instructions", "tools"})
_OWN = frozenset({*_TELLING, "id", "object", "name", "description", "created_at", "metadata"})
_IDS = ("asst_", "agent_")
_MOST_FINDINGS = 1000  # of one text
_FORMAT_VERSION = 1  # of the snapshots whose records are taken here

_BAD_BYTE = re.compile("[\udc80-\udcff]")
_MARKS = (  # UTF-32 first: its mark begins like that of UTF-16
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text holds. `open_end` is where a listing says that it goes on elsewhere.

    `recognised`: it has the shape of a dump, though nothing may be in it.
    """

    records: tuple[Record, ...] = ()
    findings: Findings = ()
    open_end: str = ""
    closed: bool = False
    recognised: bool = False


def is_assistant(value: Any) -> bool:
    """Tell whether a value is an assistant or an agent, whatever may be wrong with it."""
    if not isinstance(value, dict):
        return False
    kind = value.get("object")
    if isinstance(kind, str):
        return kind in _KINDS
    one = value.get("id")
    named = isinstance(one, str) and one.startswith(_IDS)
    return named or not _TELLING.isdisjoint(value)


def read_content(content: bytes, name: str) -> Reading:
    """Return what a file's bytes hold; `name` is what to call it in findings."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _read_marked(content, encoding, name)
    try:
        return read_text(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError:
        return read_text(content.decode("utf-8-sig", "surrogateescape"), name, foreign=True)


def _read_marked(content: bytes, encoding: str, name: str) -> Reading:
    try:
        return read_text(content.decode(encoding), name)
    except UnicodeDecodeError as broken:
        found = read_text(content[: broken.start].decode(encoding, "ignore"), name)
        said = f"{name} is not {encoding.upper()} from byte {broken.start} on."
        lost = error("not-utf8", said, hint="Save it as UTF-8; what precedes it was read.")
        return Reading(
            found.records, (*found.findings, lost), found.open_end, found.closed, found.recognised
        )


def read_text(text: str, name: str, *, foreign: bool = False) -> Reading:
    """Return what a text holds; `foreign` when surrogates in it stand for bytes of no UTF-8."""
    reader = _Reader(text, name, foreign=foreign)
    reader.read()
    return reader.reading()


@dataclass
class _Reader:
    """Reads one text from its beginning to its end, over whatever is broken."""

    text: str
    name: str
    foreign: bool = False
    records: list[Record] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unsaid: int = 0
    recognised: bool = False
    open_end: str = ""
    closed: bool = False

    def __post_init__(self) -> None:
        self._scanner = Scanner(self.text, is_assistant)
        self._lines = [found.start() for found in re.finditer("\n", self.text)]
        self._bad = [b.start() for b in _BAD_BYTE.finditer(self.text)] if self.foreign else []
        self._lenient = False  # behind a damage: what closes brackets is no news
        self._keyed = False
        self._garbage = False  # the last thing was garbage, and was told

    def reading(self) -> Reading:
        findings = self.findings
        if self.unsaid:
            said = f"{self.name}: {self.unsaid} more like these."
            findings = [*findings, error("and-more", said)]
        return Reading(
            tuple(self.records), tuple(findings), self.open_end, self.closed, self.recognised
        )

    def read(self) -> None:
        at, end = 0, len(self.text)
        while True:
            at = self._scanner.blank(at)
            if at >= end:
                break
            mark = self.text[at]
            if mark in "{[":
                at = self._top(at)
            elif self._lenient and mark in ",]}":
                at += 1
            else:
                at = self._between(at)
        self._tell_foreign()

    def _top(self, start: int) -> int:
        """Take the value that begins here and return where to go on."""
        key = self._scanner.key_before(start) if self._keyed else ""
        node = self._scanner.node(start)
        before = len(self.records)
        since = self._take(node._replace(key=key), top=True)
        self._garbage &= len(self.records) == before
        if node.damage is None:
            return node.end
        self._keyed = self._is_map(node)
        holder = isinstance(node.value, list) or self._keyed or self._is_holder(node)
        at = self._scanner.resume(since, node.damage.at, _stands_alone, keyed=self._keyed)
        self._lenient = holder or at <= node.damage.at
        return max(at, start + 1)

    def _take(self, node: Node, *, top: bool = False) -> int:
        """Take what a value is and holds; return from where to look on if it is damaged."""
        value = node.value
        if isinstance(value, list) and node.parts:
            return self._all(node, node.parts)
        if node.damage is None and is_assistant(value):
            return self._record(node)
        if self._is_holder(node):
            return self._holder(node)
        if self._is_map(node):
            return self._all(node, node.parts)
        if node.damage is not None:
            self._broken(node, node.damage)
            return node.start + 1
        if not (top and (value == {} or value == [])):  # nothing to tell of
            self._misfit(node)
        return node.end

    def _record(self, node: Node) -> int:
        if self._is_foreign(node.start, node.end):
            return node.end  # what its text says nobody knows; told in the end
        where = self._where(node.start)
        self.records.append(Record(node.value, where, node.key))
        return node.end

    def _all(self, node: Node, parts: Iterable[Node]) -> int:
        since = node.start + 1
        for part in parts:
            since = self._take(part)
        if node.damage is not None and (not node.parts or node.parts[-1].damage is None):
            self._broken(node, node.damage)
        return since

    def _holder(self, node: Node) -> int:
        version = node.value.get("format_version", _FORMAT_VERSION)
        if isinstance(version, int) and version > _FORMAT_VERSION:
            said = f"{self._where(node.start)}: format_version {version} is newer than this program"
            self._say(error("newer-format", f"{said} reads.", hint="Upgrade understudy."))
            return node.end
        held = [part for part in node.parts if part.key in HOLDERS]
        since = node.start + 1
        for part in held:
            if isinstance(part.value, list | dict) or part.damage is not None:
                since = self._take(part._replace(key=""), top=True)
            else:
                self._misfit(part)
        self.recognised |= any(isinstance(part.value, list) for part in held)
        more = node.value.get("has_more")
        if more is True and not self.open_end:
            self.open_end = self._where(node.start)
        self.closed |= more is False
        told = bool(node.parts) and bool(node.parts[-1].damage) and node.parts[-1].key in HOLDERS
        if node.damage is not None and not told:
            self._broken(node, node.damage)
        return since

    def _between(self, at: int) -> int:
        """Tell of what is neither an object nor a list, and return where to go on."""
        node = self._scanner.value(at)
        whole = node.damage is None and self.text[node.end : node.end + 1].strip() == ""
        if whole and not self._lenient:
            self._garbage = False
            self._misfit(node)
            return node.end
        following = re.compile(r"[\[{]").search(self.text, at)
        end = following.start() if following else len(self.text)
        if not self._lenient and not self._garbage:
            self._garbage = True
            why = node.damage.message if node.damage else "Extra data"
            self._say(
                error(
                    "no-json",
                    f"{self._where(at)}: this is not JSON: {why}.",
                    hint="What follows it is read again from the next object on.",
                )
            )
        return end

    def _is_holder(self, node: Node) -> bool:
        value = node.value
        if not isinstance(value, dict) or is_assistant(value):
            return False
        held = any(p.key in HOLDERS and (p.damage or _holds(p.value)) for p in node.parts)
        return held or value.get("object") == "list"

    def _is_map(self, node: Node) -> bool:
        value = node.value
        if not isinstance(value, dict) or not _OWN.isdisjoint(value):
            return False
        return any(map(is_assistant, value.values()))

    def _broken(self, node: Node, damage: Damage) -> None:
        """Tell of something that breaks off or stops to be JSON."""
        unclosed = damage.message.startswith("Unterminated string")
        ends = unclosed or damage.at >= len(self.text.rstrip())
        deep = damage.message == "nested too deeply"
        what = _called(node)
        said = "breaks off here" if ends else f"is damaged here, not JSON: {damage.message}"
        if deep:
            said = "is nested too deeply to be read"
        begun = self._position(node.start)[0]
        at = f", begun on line {begun}," if begun != self._position(damage.at)[0] else ""
        code = "nested-too-deeply" if deep else "cut-short" if ends else "broken-record"
        hint = (
            "Save it again as a whole; what precedes it was read."
            if ends
            else "Repair it; what is whole around it was read."
        )
        self._say(error(code, f"{self._where(damage.at)}: {what}{at} {said}.", hint=hint))

    def _misfit(self, node: Node) -> None:
        what = _described(node.value)
        key = f" under the key {node.key}" if node.key else ""
        said = f"{self._where(node.start)}: {what}{key} is no assistant and is left out."
        self._say(Finding("no-assistant", Severity.WARNING, said))

    def _tell_foreign(self) -> None:
        if self._bad:
            byte = ord(self.text[self._bad[0]]) - 0xDC00
            said = f"{self._where(self._bad[0])}: this is not UTF-8 (byte 0x{byte:02x})"
            more = f", nor are {len(self._bad) - 1} more bytes" if len(self._bad) > 1 else ""
            hint = "Save the file as UTF-8; records with such bytes are left out."
            self.findings.insert(0, error("not-utf8", f"{said}{more}.", hint=hint))

    def _is_foreign(self, start: int, end: int) -> bool:
        first = bisect_left(self._bad, start)
        return first < len(self._bad) and self._bad[first] < end

    def _say(self, finding: Finding) -> None:
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(finding)
        else:
            self.unsaid += 1

    def _position(self, at: int) -> tuple[int, int]:
        line = bisect_left(self._lines, at)
        begin = self._lines[line - 1] + 1 if line else 0
        return line + 1, at - begin + 1

    def _where(self, at: int) -> str:
        line, column = self._position(at)
        return f"{self.name}, line {line}, column {column}"


def _stands_alone(value: Any) -> bool:
    """Tell whether a value in the middle of broken text is surely an assistant, or a page."""
    if not isinstance(value, dict):
        return False
    if value.get("object") == "list":
        return True
    known = value.get("object") in _KINDS or "model" in value or "instructions" in value
    named = not {"id", "name"}.isdisjoint(value)
    return is_assistant(value) and known and named and "type" not in value


def _holds(value: Any) -> bool:
    """Tell whether this is a list or a map of records."""
    return isinstance(value, list | dict)


def _called(node: Node) -> str:
    """Return what to call something of which only the beginning is known."""
    if isinstance(node.value, list):
        return "a list"
    value = node.value if isinstance(node.value, dict) else {}
    if value.get("object") == "list":
        return "a listing"
    name = _text(value.get("id")) or _text(value.get("name")) or node.key
    return f"the record {name[:80]}" if name else "a record"


def _described(value: Any) -> str:
    if isinstance(value, dict):
        kind = value.get("object")
        if isinstance(kind, str):
            one = _text(value.get("id"))
            return f"an object of the kind {kind[:60]!r}{f' ({one[:80]})' if one else ''}"
        keys = ", ".join(list(value)[:4])[:80]
        return f"an object with {keys}" if keys else "an empty object"
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    if isinstance(value, list):
        return "a list"
    return "a text" if isinstance(value, str) else "a number"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
