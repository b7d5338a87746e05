"""What is to be replicated, and how: given by flags, kept in saved plans and journals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from understudy.errors import SnapshotError
from understudy.ops.places import PlaceLike
from understudy.platforms.pacing import RetryPolicy
from understudy.replicate.knowledge.needs import KnowledgeOptions
from understudy.replicate.lost import SETTLE_SECONDS
from understudy.replicate.plan import Identity
from understudy.replicate.selection import Selection
from understudy.replicate.tailoring import Tailoring

DEFAULT_CONCURRENCY = 8

#: In the place of a pair of models: what the place or the dated table recommends.
RECOMMENDED = "recommended"
DEFAULT_SETTLE = SETTLE_SECONDS


@dataclass(frozen=True, slots=True)
class Prune:
    """Whether copies whose original is gone are deleted, and how many at most (None: 10 %)."""

    wanted: bool = False
    most: int | None = None
    force: bool = False


class FileSearch(StrEnum):
    """What becomes of file search where the destination has none."""

    DROP = "drop"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be replicated, and how. `rate` is in requests a second and key.

    `map_model` maps old models to new ones; the pair `recommended` to an empty text swaps every
    model that is gone or going. With `strict`, an assistant that would lose anything is not
    written.

    `files_dir` holds the owner's originals. `settle` is how long, in seconds, a list may lag
    behind creates; it matters only after answers that were lost and runs that were killed.
    """

    source: PlaceLike
    destination: PlaceLike
    selection: Selection = field(default_factory=Selection)
    identity: Identity = Identity.METADATA
    ignore: frozenset[str] = frozenset()
    check_models: bool = True
    allow_same: bool = False
    knowledge: KnowledgeOptions = field(default_factory=KnowledgeOptions)
    files_dir: Path | None = None
    prune: Prune = field(default_factory=Prune)
    map_model: Mapping[str, str] = field(default_factory=dict)
    file_search_as: FileSearch = FileSearch.DROP
    strict: bool = False
    settle: float = DEFAULT_SETTLE
    concurrency: int = DEFAULT_CONCURRENCY
    rate: float | None = None
    output_dir: Path | None = None
    retry: RetryPolicy | None = None

    @property
    def carried(self) -> KnowledgeOptions:
        """The knowledge to carry; where nothing may be lost, nothing may lack either."""
        return replace(self.knowledge, require=True) if self.strict else self.knowledge

    def tailoring(self, today: str) -> Tailoring:
        """Return what is to be changed on the way; `today` is an ISO 8601 date."""
        pairs = {old: new for old, new in self.map_model.items() if new}
        return Tailoring(
            pairs,
            recommended=RECOMMENDED in self.map_model,
            search_function=self.file_search_as is FileSearch.FUNCTION,
            today=today,
        )


def request_fields(request: Request) -> dict[str, Any]:
    """Return a request as JSON; places are named as the user named them."""
    return {
        "from": str(request.source),
        "to": str(request.destination),
        "ids": list(request.selection.ids),
        "names": list(request.selection.names),
        "identity": str(request.identity),
        "ignore": sorted(request.ignore),
        "check_models": request.check_models,
        "allow_same": request.allow_same,
        "knowledge": asdict(request.knowledge),
        "files_dir": None if request.files_dir is None else str(request.files_dir.absolute()),
        "prune": asdict(request.prune),
        "map_model": dict(request.map_model),
        "file_search_as": str(request.file_search_as),
        "strict": request.strict,
        "settle": request.settle,
        "concurrency": request.concurrency,
        "rate": request.rate,
    }


def parse_request(value: Mapping[str, Any], name: str, *, output_dir: Path) -> Request:
    """Return the request in a journal; raises SnapshotError naming the file."""
    try:
        files_dir = value["files_dir"]
        return Request(
            source=str(value["from"]),
            destination=str(value["to"]),
            selection=Selection(tuple(value["ids"]), tuple(value["names"])),
            identity=Identity(value["identity"]),
            ignore=frozenset(value["ignore"]),
            check_models=bool(value["check_models"]),
            allow_same=bool(value["allow_same"]),
            knowledge=KnowledgeOptions(**_known(value["knowledge"], KnowledgeOptions)),
            files_dir=None if files_dir is None else Path(files_dir),
            prune=Prune(**_known(value["prune"], Prune)),
            map_model={str(k): str(v) for k, v in dict(value.get("map_model", {})).items()},
            file_search_as=FileSearch(value.get("file_search_as", FileSearch.DROP)),
            strict=bool(value.get("strict", False)),
            settle=float(value["settle"]),
            concurrency=int(value["concurrency"]),
            rate=value["rate"],
            output_dir=output_dir,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SnapshotError(
            f"{name} does not say what its run was asked to do: {type(error).__name__} {error}.",
            hint="Run the command itself again: it finds what the run left.",
        ) from error


def _known(value: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return the fields that this version knows; a newer one may have written more."""
    names = {one.name for one in fields(kind)}
    return {key: item for key, item in value.items() if key in names}
