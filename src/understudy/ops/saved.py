"""Saved plans: written whole, read back with everything checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from understudy.errors import OutputError, SnapshotError, StalePlanError
from understudy.files import read_json, write_whole
from understudy.model.canonical import pretty
from understudy.ops.replicate import Job
from understudy.ops.request import FileSearch, Prune
from understudy.replicate.inventory import changed_since
from understudy.replicate.knowledge.needs import KnowledgeOptions
from understudy.replicate.plan import Action, Change, Identity, Plan
from understudy.replicate.selection import Selection
from understudy.report.jsonlines import plan_summary

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class PlaceState:
    """A place as the user named it, and the fingerprints of what it held."""

    named: str
    state: Mapping[str, str]


class SavedPlan(BaseModel):
    """A plan with what is needed to see that it still fits. Holds no secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = "plan"
    format_version: int = FORMAT_VERSION
    summary: dict[str, Any]
    source: PlaceState
    destination: PlaceState
    selection: Selection
    ignore: tuple[str, ...]
    identity: Identity
    same_place: bool
    knowledge: KnowledgeOptions
    files_dir: str | None
    prune: Prune
    map_model: dict[str, str] = {}
    file_search_as: FileSearch = FileSearch.DROP
    strict: bool = False
    plan: Plan


def save_plan(path: Path, job: Job, plan: Plan) -> None:
    """Write the plan that the job made; the same plan gives the same bytes. Raises OutputError."""
    request = job.request
    source, destination = job.state()
    files_dir = request.files_dir
    saved = SavedPlan(
        summary=plan_summary(plan),
        source=PlaceState(str(request.source), source),
        destination=PlaceState(str(request.destination), destination),
        selection=request.selection,
        ignore=tuple(sorted(request.ignore)),
        identity=plan.identity,
        same_place=request.allow_same,
        knowledge=request.knowledge,
        files_dir=None if files_dir is None else str(files_dir.absolute()),
        prune=request.prune,
        map_model=dict(request.map_model),
        file_search_as=request.file_search_as,
        strict=request.strict,
        plan=plan,
    )
    try:
        text = pretty(saved.model_dump(mode="json"), sort_keys=False)
    except (ValueError, RecursionError) as error:
        raise OutputError(f"The plan cannot be saved: {error}.") from error
    write_whole(path, text)


def load_plan(path: Path) -> SavedPlan:
    """Return a saved plan; raises SnapshotError naming what is wrong with the file."""
    value = read_json(path)
    if not isinstance(value, dict) or value.get("type") != "plan":
        raise SnapshotError(
            f"{path} is no saved plan.", hint="understudy plan ... --out plan.json writes one."
        )
    version = value.get("format_version")
    if version != FORMAT_VERSION:
        raise SnapshotError(
            f"{path} has format_version {version!r}; this version reads {FORMAT_VERSION}.",
            hint="Upgrade understudy, or make the plan again.",
        )
    try:
        saved = SavedPlan.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SnapshotError(
            f"{path} is damaged at {where}: {first['msg']}.", hint="Make the plan again."
        ) from error
    for index, change in enumerate(saved.plan.changes):
        if problem := _problem(change):
            raise SnapshotError(
                f"{path} is damaged at plan.changes.{index}: {problem}.",
                hint="Make the plan again.",
            )
    return saved


def _problem(change: Change) -> str:
    """Return why a change cannot be carried out, or an empty text."""
    if change.action is Action.CREATE and change.destination_id:
        return "a create that names what it creates"
    if change.action is Action.UPDATE and not change.destination_id:
        return "an update that does not name its target"
    if change.writes != bool(change.payload):
        return f"{change.action} and its payload do not go together"
    return ""


async def require_unchanged(job: Job, saved: SavedPlan) -> None:
    """Read both places; raise StalePlanError unless they are as they were for the plan."""
    lines = []
    planned = (saved.plan.source, saved.plan.destination)
    states = (saved.source.state, saved.destination.state)
    await job.gather()
    found = zip(planned, states, job.inventories(), job.state(), strict=True)
    for info, state, now, state_now in found:
        if info != now.info:
            lines.append(f"  {info.name}: was {info}, is {now.info}")
        lines += [f"  {info.name}: {line}" for line in changed_since(state, state_now, now)]
    if lines:
        raise StalePlanError(
            "The plan no longer fits; since it was made something has changed:\n"
            + "\n".join(lines),
            hint="Make a new plan and review it.",
        )
