"""An Architect document: one JSON file, read and checked, with everything that was found."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any

from understudy.architect import limits
from understudy.architect.checking import Checked, Options, check_document
from understudy.architect.definition import Definition, from_json, kept_name
from understudy.architect.findings import (
    Collector,
    Draft,
    Finding,
    Findings,
    Path,
    TooManyFindingsError,
    errors,
    pointer,
)
from understudy.architect.flow import Flow
from understudy.architect.meaning import Reading
from understudy.architect.models import Mapped
from understudy.architect.positions import Locator
from understudy.architect.reading import TOO_WIDE, Read, TooWideError, oddities, read, refuse
from understudy.architect.rules import RULES
from understudy.architect.stages import Stage
from understudy.errors import SnapshotError

_CHECKED = Options()
_OWN = 2  # parts of a path that lead to one assistant


@contextmanager
def _collector_rests() -> Iterator[None]:
    """Keep the cycle collector from looking through what cannot have cycles: half of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            # Straight to the oldest generation: what has just been made needs no looking through.
            gc.freeze()
            gc.unfreeze()
        gc.enable()


class Document:
    """A document with all its findings; reading one raises for files only, never for content.

    `stages`, `variables` and `digests` have an entry for each assistant, under its name; they are
    there for valid documents only.
    """

    def __init__(self, source: str, result: Read, checked: Checked, drafts: list[Draft]) -> None:
        self.source = source
        self.text = result.text
        self._read = result
        self._checked = checked
        self._drafts = drafts

    @classmethod
    def load(cls, path: str | FilePath, options: Options = _CHECKED) -> Document:
        """Read and check a file; raises SnapshotError where it cannot be opened."""
        try:
            with FilePath(path).open("rb") as file:
                data = file.read(limits.MOST_BYTES + 1)
        except OSError as error:
            raise SnapshotError(f"{path} cannot be read: {error.strerror}.") from error
        return cls.parse(data, source=str(path), options=options)

    @classmethod
    def parse(
        cls, data: bytes | str, *, source: str = "document", options: Options = _CHECKED
    ) -> Document:
        """Check a document's bytes or text; `source` names it in reports."""
        with _collector_rests():
            return cls(source, *_examined(data, options))

    @classmethod
    def unreadable(cls, source: str, why: str) -> Document:
        """Return what stands for a file that cannot be read, with that as its finding."""
        found = Collector()
        found.add("unreadable_file", (), why, "Check the path, and who may read it.")
        return cls(source, Read(), Checked(), found.drafts)

    @property
    def value(self) -> Any:
        """The JSON value as it was read; None where there is none."""
        return self._read.value

    @property
    def valid(self) -> bool:
        """Whether it can be imported: no finding is an error."""
        return not any(draft.severity == "error" for draft in self._drafts)

    @cached_property
    def findings(self) -> Findings:
        """Everything that was found, in the order of the text."""
        with _collector_rests():
            return self._placed()

    def _placed(self) -> Findings:
        doubled = any(draft.code == "duplicate_key" for draft in self._drafts)
        text = self.text or self._read.shown
        locator = Locator(text, value=self.value, doubled=doubled) if text else None
        placed = [(*_offset(draft, locator, self._read), draft) for draft in self._drafts]
        placed.sort(key=lambda entry: entry[0])
        return tuple(_finding(draft, offset, locator) for offset, draft in placed)

    @property
    def errors(self) -> Findings:
        """The findings that keep it from being imported."""
        return errors(self.findings)

    def where(self, *path: str | int) -> tuple[int, int]:
        """Return line and column, from 1, of what a path leads to, such as ("assistants", 0)."""
        return self._locator.line(self._locator.offset(path))

    def places(self, paths: Iterable[Path]) -> list[tuple[int, int]]:
        """Return the same for many paths, in their order: faster than one by one."""
        line, offset = self._locator.line, self._locator.offset
        with _collector_rests():
            return [line(offset(path)) for path in paths]

    @cached_property
    def _locator(self) -> Locator:
        return Locator(self.text, value=self.value)

    @cached_property
    def assistants(self) -> tuple[Definition, ...]:
        """The assistants in their order; empty where the document is not valid."""
        if not self.valid:
            return ()
        return self.definitions(range(len(self.value["assistants"])))

    def definitions(self, indices: Iterable[int]) -> tuple[Definition, ...]:
        """Return assistants that are without errors, by their index; see `sound`."""
        return tuple(from_json(self.value["assistants"][i]) for i in indices)

    @property
    def sound(self) -> tuple[int, ...]:
        """The indices of assistants without errors; none where the document itself has some."""
        blocked = {draft.path[:2] for draft in self._drafts if draft.severity == "error"}
        if any(len(path) < _OWN or path[0] != "assistants" for path in blocked):
            return ()
        return tuple(i for i in range(len(self.flows)) if ("assistants", i) not in blocked)

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Stages and readings of each assistant, in their order."""
        return tuple(self._checked.flows)

    @property
    def stages(self) -> Mapping[str, tuple[Stage, ...]]:
        """Which prompts run together, in order."""
        return {name: flow.stages for name, flow in self._named_flows()}

    @property
    def variables(self) -> Mapping[str, tuple[tuple[Reading, ...], ...]]:
        """What each prompt reads."""
        return {name: flow.reads for name, flow in self._named_flows()}

    def _named_flows(self) -> Iterator[tuple[str, Flow]]:
        if self.valid:
            for one, flow in zip(self.value["assistants"], self.flows, strict=True):
                yield kept_name(one["name"]), flow

    @property
    def models(self) -> Mapping[str, Mapped]:
        """Which model answers for each portable name, and why."""
        return dict(self._checked.mapped)

    @property
    def digests(self) -> Mapping[str, str]:
        """The digest of each assistant's normalised content."""
        return {one.name: one.digest for one in self.assistants}

    @property
    def digest(self) -> str:
        """The digest of all of the document's assistants; blanks and order of keys do not count."""
        listed = ",".join(one.canonical for one in self.assistants)
        return sha256(f"[{listed}]".encode()).hexdigest()


def _examined(data: bytes | str, options: Options) -> tuple[Read, Checked, list[Draft]]:
    """Read and check, until there is nothing more or too much to report."""
    found, checked, result = Collector(), Checked(), Read()
    try:
        data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        result = read(data, found, quickly=not options.closely, bounded=not options.stored)
        if result.odd:
            oddities(result.value, found)
        if result.readable:
            closely = options.closely or result.odd
            options = replace(options, closely=closely, unseen=result.quick)
            check_document(result.value, found, options, checked)
    except TooWideError:
        found.drafts = [draft for draft in found.drafts if draft.offset >= 0]
        refuse(TOO_WIDE, found)
        result, checked = Read(result.text), Checked()
    except TooManyFindingsError:
        found.drafts[-1] = Draft(
            "more_findings",
            RULES["more_findings"].severity,
            f"There are more findings; the first {len(found.drafts) - 1:,} are shown.",
            "Mend those and validate again.",
            (),
        )
    return result, checked, found.drafts


def _offset(draft: Draft, locator: Locator | None, result: Read) -> tuple[int]:
    if locator is None:
        return (-1,)
    if draft.offset >= 0 or not result.readable:
        return (draft.offset,)
    offset = locator.offset(draft.path, on_key=draft.on_key)
    return (locator.spot(offset, draft.spot) if draft.spot else offset,)


def _finding(draft: Draft, offset: int, locator: Locator | None) -> Finding:
    line, column = locator.line(offset) if locator is not None and offset >= 0 else (0, 0)
    return Finding(
        draft.code, draft.severity, draft.message, draft.hint, pointer(draft.path), line, column
    )
