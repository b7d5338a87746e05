"""What a killed run may have left: an intent whose result nobody wrote down. Pure but for time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from understudy.model.assistant import definition
from understudy.model.canonical import identical
from understudy.model.knowledge import File, Store
from understudy.model.naming import wire_name
from understudy.ops.recall import Open, Recalled
from understudy.platforms.environments import Environment
from understudy.replicate.hosting import template_name
from understudy.replicate.inventory import Inventory
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.plan import FileAction
from understudy.replicate.knowledge.store_plan import StoreAction
from understudy.replicate.plan import Action, Plan
from understudy.replicate.shelves import fingerprint

#: How far the clocks of a place and of this machine may differ, in seconds.
SKEW = 300.0


def doubtful(plan: Plan, recalled: Recalled) -> dict[str, float]:
    """Return the source ids that are to be created and may have been, with the time of intent."""
    to_create = {c.source_id for c in plan.changes if c.action is Action.CREATE}
    if plan.knowledge is not None:
        files, stores = plan.knowledge.files, plan.knowledge.stores
        to_create |= {s.source_id for s in files if s.action is FileAction.MOVE}
        to_create |= {s.source_id for s in stores if s.action is StoreAction.CREATE}
    return {
        one.source_id: one.at
        for one in recalled.open
        if one.source_id in to_create and not one.is_environment
    }


def unlisted(plan: Plan, recalled: Recalled, there: Iterable[Environment]) -> bool:
    """Tell whether a killed run may have made an environment that the plan needs and none lists."""
    names = {one.name for one in there}
    meant = {one.source_id for one in recalled.open if one.is_environment}
    meant |= recalled.environments.keys()
    return any(
        change.needs.files
        and change.source_id in meant
        and template_name(change.source_id) not in names
        for change in plan.writes
    )


def seconds_left(recalled: Recalled, settle: float) -> float:
    """Return for how long a list may still lag behind what the killed run created last."""
    return max(0.0, recalled.last + settle - time.time())


def adopted(
    plan: Plan, recalled: Recalled, destination: Inventory, there: Holdings | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return pairs of assistants and of stores that an interrupted create explains.

    For identity that is kept in mapping.json: what came into being after the intent, has the very
    content that was to be created, and is nobody else's copy as far as is known.
    """
    since = doubtful(plan, recalled)
    taken = {*recalled.assistants.values(), *recalled.stores.values()}
    assistants: dict[str, str] = {}
    for change in plan.changes:
        if change.action is Action.CREATE and change.source_id in since:
            payload = {k: v for k, v in change.payload.items() if k != "tool_resources"}
            for one in _fresh(destination.assistants, taken, since[change.source_id]):
                if fingerprint(payload) == fingerprint(definition(one.raw), like=payload):
                    taken.add(one.id)
                    assistants[change.source_id] = one.id
                    break
    stores: dict[str, str] = {}
    steps = plan.knowledge.stores if plan.knowledge is not None else ()
    for step in steps:
        if there is not None and step.action is StoreAction.CREATE and step.source_id in since:
            for store in _fresh(there.stores.values(), taken, since[step.source_id]):
                if _made_of(store, step.payload):
                    taken.add(store.id)
                    stores[step.source_id] = store.id
                    break
    return assistants, stores


def adopted_files(plan: Plan, recalled: Recalled, there: Holdings | None) -> dict[str, str]:
    """Return pairs of files that an interrupted upload explains.

    Files carry no marker, and one of two with the same name and size cannot be told by them: but
    two such uploads are never in flight together, so the newest that is nobody's copy is it.
    """
    if there is None or plan.knowledge is None:
        return {}
    since = doubtful(plan, recalled)
    taken = {*recalled.files.values(), *(s.destination_id for s in plan.knowledge.files)}
    taken |= {f.file_id for inside in there.contents.values() for f in inside if f.cloned_from}
    files: dict[str, str] = {}
    for one in recalled.open:
        if one.what != "upload file" or one.source_id not in since or one.source_id in files:
            continue
        fitting = [f for f in there.files.values() if f.id not in taken and _sent(f, one)]
        if fitting:
            found = max(fitting, key=lambda file: file.created_at or 0)
            taken.add(found.id)
            files[one.source_id] = found.id
    return files


def _sent(file: File, upload: Open) -> bool:
    """Tell whether that upload may have made the file."""
    if (wire_name(file.name), file.bytes) != (upload.name, upload.bytes):
        return False
    return file.created_at is None or file.created_at >= upload.at - SKEW


def _fresh(items: Iterable[Any], taken: set[str], since: float) -> Iterator[Any]:
    """Yield what is nobody's yet and not older than the intent."""
    for one in items:
        created = one.raw.get("created_at")
        old = isinstance(created, int | float) and created < since - SKEW
        if one.id not in taken and not one.cloned_from and not old:
            yield one


def _made_of(store: Store, payload: Mapping[str, Any]) -> bool:
    return all(identical(payload[name], store.raw.get(name)) for name in payload)
