"""What has to be done about one vector store. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from understudy.model.assistant import CLONED_FROM
from understudy.model.canonical import identical
from understudy.model.knowledge import STORE_FIELDS, Store, StoreFile
from understudy.platforms.knowledge import KnowledgeLimits
from understudy.replicate.diff import FieldChange, diff
from understudy.replicate.identity import Counterpart
from understudy.replicate.knowledge.holdings import Holdings

#: Failures of indexing that another attempt may cure.
PASSING = frozenset({"server_error", ""})


class StoreAction(StrEnum):
    """What is to be done about one vector store."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    MISSING = "missing"  # not to be had, or nothing of it would arrive
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class StoreStep:
    """One vector store of the source.

    `payload` are the fields to be sent; `attach` and `retag` name files by the source's ids,
    `detach` by the destination's. `carried` are the source's ids of all that the copy will hold,
    `lacking` of what it will not, `failed` those that the destination cannot make searchable,
    with its reason. `losses` is what of the store itself is lost, in words.
    """

    source_id: str
    name: str
    action: StoreAction
    destination_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    attach: tuple[StoreFile, ...] = ()
    retag: tuple[StoreFile, ...] = ()
    detach: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    losses: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    rivals: tuple[str, ...] = ()
    reason: str = ""
    indexing: bool = False
    users: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether applying it sends anything."""
        return self.action in (StoreAction.CREATE, StoreAction.UPDATE)


def plan_store(
    source_id: str,
    source: Holdings,
    destination: Holdings,
    counterpart: Counterpart[Store],
    copies: Mapping[str, str | None],
    replaced: Mapping[str, str],
    *,
    marked: bool,
    same_place: bool,
    limits: KnowledgeLimits,
    ours: Mapping[str, str] | None = None,
) -> StoreStep:
    """Return the step for one store.

    `copies` are the destination's ids of the files that will be there, None for those that still
    have to travel; `replaced` the destination's ids that a better copy makes obsolete. `ours` are
    the source's ids of remembered copies: they tell where there is no marker.
    """
    store = source.stores.get(source_id)
    if store is None:
        return StoreStep(source_id, "", StoreAction.MISSING, reason=source.absent)
    base = StoreStep(source_id, store.name, StoreAction.MISSING)
    if source_id in source.unreadable:
        return replace(base, reason=f"its files cannot be listed: {source.unreadable[source_id]}")
    inside = source.contents.get(source_id, ())
    if same_place:
        ids = tuple(f.file_id for f in inside if not f.unsearchable)
        return replace(base, action=StoreAction.UNCHANGED, destination_id=store.id, carried=ids)
    if store.expired and not inside:
        return replace(base, reason="it has expired in the source, and its files are unknown")
    if counterpart.rivals:
        rivals = tuple(one.id for one in counterpart.rivals)
        return replace(base, action=StoreAction.CONFLICT, reason=counterpart.reason, rivals=rivals)
    alive = tuple(f for f in inside if not f.unsearchable)
    dead = tuple(f for f in inside if f.unsearchable)
    carried = tuple(f for f in alive if f.file_id in copies)
    losses = tuple(f"{f.file_id} is not searchable in the source either: {f.error}" for f in dead)
    base = replace(
        base,
        carried=tuple(f.file_id for f in carried),
        lacking=tuple(f.file_id for f in alive if f.file_id not in copies),
        losses=losses[:3],
    )
    wanted = _fields(store, counterpart.one, marked=marked)
    if limits.metadata_pairs is not None and len(wanted["metadata"]) > limits.metadata_pairs:
        reason = (
            f"its metadata would hold {len(wanted['metadata'])} pairs, {limits.metadata_pairs} are "
            "allowed (one is needed to recognise the copy); remove one, or use --identity mapping"
        )
        return replace(base, action=StoreAction.CONFLICT, reason=reason)
    if counterpart.one is None:
        if alive and not carried:
            # An empty store would look like success.
            return replace(base, reason="none of its files can be had, so it is not created")
        return replace(
            base,
            action=StoreAction.CREATE,
            payload={name: value for name, value in wanted.items() if value not in (None, "", {})},
            attach=tuple(_tagged(f, _mark(f, None, copies, marked), limits) for f in carried),
        )
    present = {f.file_id: f for f in destination.contents.get(counterpart.one.id, ())}
    origins = {one: _origin(file, ours or {}, marked, limits) for one, file in present.items()}
    obsolete = _obsolete(base, origins, copies, replaced)
    return _update(
        base, counterpart.one, carried, wanted, present, copies, obsolete, marked, limits
    )


def _update(
    base: StoreStep,
    here: Store,
    carried: tuple[StoreFile, ...],
    wanted: Mapping[str, Any],
    present: Mapping[str, StoreFile],
    copies: Mapping[str, str | None],
    obsolete: list[str],
    marked: bool,
    limits: KnowledgeLimits,
) -> StoreStep:
    attach, retag, detach = [], [], []
    failed: list[tuple[str, str]] = []
    indexing = False
    for file in carried:
        copy = present.get(copies.get(file.file_id) or "")
        mark = _mark(file, copy, copies, marked)
        tagged = _tagged(file, mark, limits)
        if copy is None:
            attach.append(tagged)
            continue
        indexing = indexing or copy.status == "in_progress"
        if copy.unsearchable:
            if copy.error_code in PASSING:
                attach.append(tagged)
            else:
                failed.append((file.file_id, copy.error or copy.error_code))
        elif _cut_otherwise(file, copy):
            attach.append(tagged)
            detach.append(copy.file_id)
        elif not _same_tags(tagged, copy, own=bool(mark)):
            retag.append(tagged)
    detach += obsolete
    differing = {
        name: value for name, value in wanted.items() if not _same_field(value, here.raw.get(name))
    }
    stuck = [name for name in differing if name in limits.fixed]
    differing = {name: value for name, value in differing.items() if name not in stuck}
    losses = tuple(f"its {name} has changed, and cannot be changed there" for name in stuck)
    fields = tuple(
        change
        for name, value in differing.items()
        for change in diff(here.raw.get(name), value, name)
    )
    changed = differing or attach or retag or detach
    return replace(
        base,
        action=StoreAction.UPDATE if changed else StoreAction.UNCHANGED,
        destination_id=here.id,
        payload=differing,
        attach=tuple(attach),
        retag=tuple(retag),
        detach=tuple(detach),
        failed=tuple(failed),
        losses=(*base.losses, *losses),
        fields=fields,
        indexing=indexing,
    )


def _obsolete(
    base: StoreStep,
    origins: Mapping[str, str | None],
    copies: Mapping[str, str | None],
    replaced: Mapping[str, str],
) -> list[str]:
    """Return what has to leave the copy: files that left the source, and degraded copies.

    `origins` are the source's ids of what is in it. What has none was put there by somebody else
    and stays.
    """
    staying = {copies.get(one) for one in base.carried}
    kept: Collection[str] = {*base.carried, *base.lacking}
    gone = [
        one
        for one, origin in origins.items()
        if one not in staying and origin and origin not in kept
    ]
    better = [replaced[one] for one in base.carried if replaced.get(one) in origins]
    return [*gone, *(one for one in better if one not in gone)]


def _origin(
    file: StoreFile, ours: Mapping[str, str], marked: bool, limits: KnowledgeLimits
) -> str | None:
    """Return whose copy a file is, as its marker says, or memory where no marker could be."""
    if file.cloned_from:
        return file.cloned_from
    room = limits.attributes is None or len(file.attributes) < limits.attributes
    return None if marked and room else ours.get(file.file_id)


def _fields(store: Store, here: Store | None, *, marked: bool) -> dict[str, Any]:
    """Return the fields that the copy shall have."""
    wanted = {name: store.raw.get(name) for name in STORE_FIELDS if name != "metadata"}
    metadata = {k: v for k, v in store.metadata.items() if k != CLONED_FROM}
    if here is None:
        mark = {CLONED_FROM: store.id} if marked else {}
    elif here.id == store.id:
        mark = {k: v for k, v in store.metadata.items() if k == CLONED_FROM}
    elif here.cloned_from != store.id and store.cloned_from in (here.id, here.cloned_from):
        # The original, or a sibling: it keeps what it says of its own origin.
        mark = {k: v for k, v in here.metadata.items() if k == CLONED_FROM}
    else:
        mark = {CLONED_FROM: store.id} if marked or here.cloned_from == store.id else {}
    return {**wanted, "metadata": {**metadata, **mark}}


def _mark(
    file: StoreFile, copy: StoreFile | None, copies: Mapping[str, str | None], marked: bool
) -> str:
    """Return whose copy the destination's file shall say it is; empty for its original.

    A sibling, made of the same original, keeps what it says.
    """
    there = copies.get(file.file_id)
    if not marked or (there is not None and there in (file.file_id, file.cloned_from)):
        return ""
    if copy is not None and copy.cloned_from and copy.cloned_from == file.cloned_from:
        return copy.cloned_from
    return file.file_id


def _tagged(file: StoreFile, mark: str, limits: KnowledgeLimits) -> StoreFile:
    """Return a store's file as its copy shall be: with a marker, where there is room for one."""
    attributes = {k: v for k, v in file.attributes.items() if k != CLONED_FROM}
    room = limits.attributes is None or len(attributes) < limits.attributes
    if mark and room:
        attributes[CLONED_FROM] = mark
    return StoreFile(file.file_id, attributes, file.chunking)


def _same_tags(wanted: StoreFile, copy: StoreFile, *, own: bool) -> bool:
    if own:
        return identical(dict(wanted.attributes), dict(copy.attributes))
    plain = {k: v for k, v in copy.attributes.items() if k != CLONED_FROM}
    return identical({k: v for k, v in wanted.attributes.items() if k != CLONED_FROM}, plain)


def _cut_otherwise(file: StoreFile, copy: StoreFile) -> bool:
    """Tell whether both say how they are cut into chunks, and not the same."""
    if file.chunking is None or copy.chunking is None:
        return False
    return not identical(dict(file.chunking), dict(copy.chunking))


def _same_field(wanted: Any, there: Any) -> bool:
    empty: tuple[Any, ...] = (None, "", {})
    return (wanted in empty and there in empty) or identical(wanted, there)
