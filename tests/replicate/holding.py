"""Places as values: what they hold, what is planned for them, and what a plan makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.model.assistant import CLONED_FROM
from understudy.model.knowledge import File, Store, StoreFile
from understudy.platforms.knowledge import KnowledgeLimits
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.matching import text_name
from understudy.replicate.knowledge.needs import KnowledgeOptions, Needs
from understudy.replicate.knowledge.plan import (
    FileAction,
    Identities,
    KnowledgePlan,
    match,
    plan_knowledge,
    to_survey,
)
from understudy.replicate.knowledge.route import Offer, Route
from understudy.replicate.knowledge.store_plan import StoreAction, StoreStep

BOTH = KnowledgeOptions(file_search=True, code_interpreter=True)
EXACT = Offer((Route.DOWNLOAD,))
TEXT = Offer((Route.TEXT,), reason="the source does not hand it out")
CLOSED = Offer(reason="the source does not hand it out")
LIMITS = KnowledgeLimits()
_NUMBERS = itertools.count(1)


def file(id_: str, name: str = "a.txt", size: int | None = 1, at: int = 100, **more: Any) -> File:
    """Return a file that was made at that time."""
    return File(id_, name, size, created_at=at, **more)


def store(id_: str, name: str = "Store", **fields: Any) -> Store:
    """Return a vector store."""
    return Store(id_, {"id": id_, "name": name, **fields})


def inside(id_: str, cloned_from: str = "", **more: Any) -> StoreFile:
    """Return a file in a store, with a marker if one is given."""
    attributes = dict(more.pop("attributes", {}))
    if cloned_from:
        attributes[CLONED_FROM] = cloned_from
    return StoreFile(id_, attributes, **more)


def holding(
    files: Iterable[File] = (),
    stores: Iterable[tuple[Store, Sequence[StoreFile]]] = (),
    **more: Any,
) -> Holdings:
    """Return what a place holds."""
    pairs = list(stores)
    return Holdings(
        {one.id: one for one in files},
        {one.id: one for one, _ in pairs},
        {one.id: tuple(members) for one, members in pairs},
        **more,
    )


@dataclass
class Pair:
    """A source, a destination, and how their plans are made; it may remember its copies."""

    source: Holdings
    destination: Holdings = field(default_factory=Holdings)
    needs: Mapping[str, Needs] = field(default_factory=dict)
    offers: Mapping[str, Offer] = field(default_factory=dict)
    otherwise: Offer = EXACT
    options: KnowledgeOptions = BOTH
    identities: Identities = field(default_factory=Identities)
    lists: Sequence[tuple[Sequence[str], Sequence[str]]] = ()
    limits: KnowledgeLimits = LIMITS
    clock: int = 1_000
    remembers: bool = False

    def plan(self) -> KnowledgePlan:
        """Return the plan; where no needs are given, one assistant leans on everything."""
        stores, files = tuple(self.source.stores), tuple(self.source.files)
        needs = self.needs or {"asst": Needs(stores, () if stores else files)}
        identities = replace(self.identities, among=self.source.stores.keys())
        matched = match(needs, self.source, self.destination, identities, self.lists)
        offers = {
            one.id: self.offers.get(one.id, self.otherwise)
            for one in to_survey(needs, self.source, matched)
        }
        return plan_knowledge(
            needs,
            self.source,
            self.destination,
            matched,
            offers,
            options=self.options,
            identities=identities,
            limits=self.limits,
        )

    def carry(self) -> KnowledgePlan:
        """Plan, let the destination be what the plan makes of it, remember; return the plan."""
        plan = self.plan()
        self.clock += 100
        self.destination, files, stores = enact(plan, self.source, self.destination, self.clock)
        if self.remembers:
            known = self.identities
            self.identities = replace(
                known,
                known_files={**known.known_files, **files},
                known_stores={**known.known_stores, **stores},
            )
        return plan


def enact(
    plan: KnowledgePlan, source: Holdings, destination: Holdings, now: int
) -> tuple[Holdings, dict[str, str], dict[str, str]]:
    """Return what the plan makes of the destination, and the ids of all copies."""
    files = dict(destination.files)
    ids: dict[str, str] = {}
    for step in plan.files:
        if step.action is FileAction.THERE and step.destination_id:
            ids[step.source_id] = step.destination_id
        elif step.action is FileAction.MOVE:
            made = f"copy-{next(_NUMBERS)}"
            text = step.routes[0] is Route.TEXT
            name = text_name(source.files[step.source_id]) if text else step.name
            files[made] = File(made, name, 7 if text else step.bytes, step.purpose, now)
            ids[step.source_id] = made
    stores, contents = dict(destination.stores), dict(destination.contents)
    copies: dict[str, str] = {}
    for one in plan.stores:
        if one.writes:
            here = one.destination_id or f"made-{next(_NUMBERS)}"
            raw = {**(stores[here].raw if here in stores else {"id": here}), **one.payload}
            stores[here] = Store(here, raw)
            contents[here] = _members(one, contents.get(here, ()), ids)
            copies[one.source_id] = here
        elif one.action is StoreAction.UNCHANGED and one.destination_id:
            copies[one.source_id] = one.destination_id
    return Holdings(files, stores, contents), ids, copies


def _members(
    step: StoreStep, present: Iterable[StoreFile], ids: Mapping[str, str]
) -> tuple[StoreFile, ...]:
    """Return a store's files after a step, in the order in which it is carried out."""
    found = {one.file_id: one for one in present}
    attach = [replace(one, file_id=ids[one.file_id], status="completed") for one in step.attach]
    again = {one.file_id for one in attach}
    for gone in (one for one in step.detach if one in again):
        found.pop(gone, None)
    for one in attach:
        found[one.file_id] = one
    for one in step.retag:
        there = ids[one.file_id]
        found[there] = replace(found[there], attributes=one.attributes)
    for gone in (one for one in step.detach if one not in again):
        found.pop(gone, None)
    return tuple(found.values())
