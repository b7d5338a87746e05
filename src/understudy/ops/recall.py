"""What earlier runs into an output directory left: which copy is whose, and what may exist.

`mapping.json` says it once a run is over. Of a run that was killed, its journal does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from understudy.errors import SnapshotError, UsageError
from understudy.files import read_json, read_text
from understudy.ops.journal import FOLDER
from understudy.platforms.base import PlaceInfo
from understudy.replicate.records import Records
from understudy.report.jsonlines import FORMAT_VERSION, place_fields

MAPPING = "mapping.json"

#: What an intent creates, and where its result is remembered.
_KINDS = {
    "create assistant": "assistants",
    "create store": "stores",
    "upload file": "files",
    "create environment": "environments",  # under the source id of the agent that it is for
}
_DELETES = ("delete environment template", "delete vector store", "delete file")


@dataclass(frozen=True, slots=True)
class Open:
    """A create of which no result is known: it may have been carried out. `at` is a Unix time.

    Of an upload `name` and `bytes` (None if not known) are what was to be sent.
    """

    what: str
    source_id: str
    at: float
    name: str = ""
    bytes: int | None = None

    @property
    def is_environment(self) -> bool:
        """Whether it is about an agent's environment, and not about the agent."""
        return _KINDS[self.what] == "environments"


@dataclass(slots=True)
class Recalled:
    """Destination ids under source ids; `digests` are sha256 under source ids of files.

    `open` are creates of killed runs without a result, `last` when such a run wrote last (Unix
    time); `containers` were left in the source. `killed` are the journals of such runs.
    `condemned` are stores and files in the destination that a run meant to delete and may not have.
    """

    assistants: dict[str, str] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    environments: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    open: tuple[Open, ...] = ()
    containers: tuple[str, ...] = ()
    last: float = 0.0
    killed: tuple[Path, ...] = ()
    condemned: set[str] = field(default_factory=set)

    def records(self) -> Records:
        """Return the pairs alone."""
        return Records(self.assistants, self.stores, self.files, self.digests)


_Places = tuple[tuple[Any, ...], tuple[Any, ...]]


@dataclass(slots=True)
class _Run:
    """One record of a run: the places, the pairs of each kind, and what is open."""

    run_id: str
    places: _Places
    pairs: dict[str, dict[str, str]]
    ended: bool = False
    digests: dict[str, str] = field(default_factory=dict)
    open: list[Open] = field(default_factory=list)
    last: float = 0.0
    containers: list[str] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    condemned: set[str] = field(default_factory=set)


def recall(
    directory: Path, source: PlaceInfo, destination: PlaceInfo, *, required: bool
) -> Recalled:
    """Return what earlier runs between these places left in the directory.

    What was copied the other way is remembered the other way round, so that copying back finds
    the originals. With `required`, what belongs to other places is a UsageError: identity is
    kept there, and writing over it would lose it. Raises SnapshotError for a damaged file.
    """
    wanted = _pair_of(place_fields(source), place_fields(destination))
    recalled = Recalled()
    paths = [path for path in (directory / MAPPING, *journals(directory)) if path.is_file()]
    runs = [(run, path) for path in paths if (run := _read(path)) is not None]
    for run, path in sorted(runs, key=lambda each: each[0].run_id):  # ids sort by time
        if required and set(run.places) != set(wanted):
            raise UsageError(
                f"{path} belongs to other places than these.",
                hint="With --identity mapping every pair needs its own --output-dir.",
            )
        if run.places == wanted:
            _merge(recalled, run)
            recalled.killed += () if run.ended else (path,)
        elif run.places == wanted[::-1]:
            _merge_back(recalled, run)
    known = {**recalled.assistants, **recalled.stores, **recalled.files}
    recalled.open = tuple(
        one
        for one in recalled.open
        if one.source_id not in (recalled.environments if one.is_environment else known)
    )
    return recalled


def journals(directory: Path) -> list[Path]:
    """Return the journals in an output directory, oldest first."""
    return sorted((directory / FOLDER).glob("*.jsonl"))


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a journal's records; a line that a crash tore says nothing."""
    for line in read_text(path).splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def _merge(recalled: Recalled, run: _Run) -> None:
    recalled.assistants.update(run.pairs["assistants"])
    recalled.stores.update(run.pairs["stores"])
    recalled.files.update(run.pairs["files"])
    recalled.environments.update(run.pairs["environments"])
    recalled.digests.update(run.digests)
    recalled.open += tuple(run.open)
    recalled.condemned |= run.condemned
    recalled.containers += tuple(one for one in run.containers if one not in run.deleted)
    if run.open or run.pairs["environments"]:
        recalled.last = max(recalled.last, run.last)


def _merge_back(recalled: Recalled, run: _Run) -> None:
    for kind in ("assistants", "stores", "files"):
        back = {other: one for one, other in run.pairs[kind].items()}
        getattr(recalled, kind).update(back)
    for one, other in run.pairs["files"].items():
        if one in run.digests:
            recalled.digests[other] = run.digests[one]


def _read(path: Path) -> _Run | None:
    try:
        return _of_mapping(path) if path.name == MAPPING else _of_journal(path)
    except (SnapshotError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else error
        raise SnapshotError(
            f"{path} cannot be used: {reason}",
            hint="Move it away, or choose another --output-dir.",
        ) from error


def _of_mapping(path: Path) -> _Run:
    content = read_json(path)
    run = _Run(str(content.get("run_id", "")), _places(content), _kinds(), ended=True)
    entries = [*content["mappings"], *content.get("known", [])]
    gone = {entry["srcId"] for entry in entries if entry.get("status") == "deleted"}
    for entry in entries:
        if entry["srcId"] not in gone:
            run.pairs["assistants"].update(_pair(entry))
    knowledge = content.get("knowledge", {})
    for kind in ("files", "stores"):
        for entry in knowledge.get(kind, []):
            run.pairs[kind].update(_pair(entry))
            # The digest of a text says nothing of the file that is still to be found.
            exact = entry.get("fidelity") != "degraded"
            if exact and isinstance(sha256 := entry.get("sha256"), str) and sha256:
                run.digests[entry["srcId"]] = sha256
    return run


def _of_journal(path: Path) -> _Run | None:
    """Return what a journal says; None for an empty one. Of an ended run only what is open."""
    run: _Run | None = None
    intents: dict[int, dict[str, Any]] = {}
    for record in lines_of(path):
        kind = record.get("type")
        if kind == "run":
            run = _Run(record["run_id"], _places(record), _kinds(), last=path.stat().st_mtime)
        elif kind == "end" and run is not None:
            # mapping.json has its pairs, and knows what became of them since.
            run.pairs, run.digests, run.ended = _kinds(), {}, True
        elif run is None:
            raise ValueError("it does not begin with its run.")
        elif kind == "intent":
            intents[record["n"]] = record
        elif kind == "result":
            _result(run, intents.pop(record["n"], {"what": ""}), record)
    if run is not None:
        left = intents.values()
        run.open += [_open(intent) for intent in left if intent["what"] in _KINDS]
        run.condemned |= {intent["id"] for intent in left if intent["what"] in _DELETES}
    return run


def _open(intent: Mapping[str, Any]) -> Open:
    name, size = intent.get("name"), intent.get("bytes")
    return Open(
        intent["what"],
        intent["srcId"],
        _moment(intent),
        name if isinstance(name, str) else "",
        size if isinstance(size, int) else None,
    )


def _result(run: _Run, intent: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    if "error" in result:
        return
    if intent["what"] == "create container":
        run.containers.append(result["dstId"])
    if intent["what"].startswith("delete "):
        run.deleted.add(result["dstId"])
    kind = _KINDS.get(intent["what"])
    if kind is not None:
        run.pairs[kind].update(_pair({"srcId": intent["srcId"], "dstId": result["dstId"]}))
    if isinstance(sha256 := result.get("sha256"), str):
        run.digests[intent["srcId"]] = sha256


def _moment(record: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(record["time"]).timestamp()


def _kinds() -> dict[str, dict[str, str]]:
    return {kind: {} for kind in _KINDS.values()}


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
