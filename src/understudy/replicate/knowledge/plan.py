"""What has to be done so that the destination holds the knowledge. Pure.

Planning twice gives the same plan; applying it and planning again gives nothing to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from understudy.model.fidelity import Fidelity
from understudy.model.knowledge import File, Held, Store, StoreFile
from understudy.platforms.knowledge import KnowledgeLimits
from understudy.replicate.identity import Counterpart, counterparts
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.matching import Hints, Match, match_files, sent_name
from understudy.replicate.knowledge.needs import KnowledgeOptions, Needs
from understudy.replicate.knowledge.route import FIDELITY, Offer, Route
from understudy.replicate.knowledge.store_plan import StoreAction, StoreStep, plan_store

__all__ = ["FileAction", "FileStep", "KnowledgePlan", "Lack", "StoreAction", "StoreStep"]


class FileAction(StrEnum):
    """What is to be done about one file."""

    MOVE = "move"
    THERE = "there"
    MISSING = "missing"  # no route
    LEFT_OUT = "left-out"  # a route, but over the limit of bytes


@dataclass(frozen=True, slots=True)
class FileStep:
    """One file of the source; `bytes` is its size, `users` the source ids of who leans on it.

    `routes` are those to try, best first. A file that is `there` as `text` only is degraded.
    `replaces` is a degraded copy that the moved bytes make obsolete. `held_as_text`: the source
    itself, a snapshot, has no more than the text.
    """

    source_id: str
    name: str
    action: FileAction
    bytes: int | None = None
    purpose: str = "assistants"
    destination_id: str | None = None
    routes: tuple[Route, ...] = ()
    path: str = ""
    sha256: str = ""
    reason: str = ""
    users: tuple[str, ...] = ()
    replaces: str = ""
    text: bool = False
    held_as_text: bool = False
    by_name: bool = False

    @property
    def to_be_had(self) -> bool:
        """Whether the destination will hold it, if all goes well."""
        return self.action in (FileAction.MOVE, FileAction.THERE)


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that an assistant leans on and will not have: a file or a store."""

    tool: str
    source_id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class KnowledgePlan:
    """All steps, in the order in which assistants need them.

    `lacks` and `needs` are under the assistants' source ids; `storage_bytes` is what is new in
    the destination's vector stores; `blocked` are the assistants that `require`
    keeps from being written, now or when a file does not arrive after all.
    """

    files: tuple[FileStep, ...] = ()
    stores: tuple[StoreStep, ...] = ()
    needs: Mapping[str, Needs] = field(default_factory=dict)
    lacks: Mapping[str, tuple[Lack, ...]] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()
    storage_bytes: int = 0
    require: bool = False

    def count(self, action: FileAction) -> int:
        """Return how many files are of that kind."""
        return sum(1 for step in self.files if step.action is action)

    @property
    def moved_bytes(self) -> int:
        """How many bytes will travel, as far as sizes are known."""
        return sum(step.bytes or 0 for step in self.files if step.action is FileAction.MOVE)

    def routes(self) -> dict[str, dict[str, int]]:
        """Return how many files and bytes travel by which route, best route first."""
        found: dict[str, dict[str, int]] = {}
        for route in Route:
            steps = [s for s in self.files if s.action is FileAction.MOVE and s.routes[0] is route]
            if steps:
                size = sum(step.bytes or 0 for step in steps)
                found[str(route)] = {"files": len(steps), "bytes": size}
        return found

    @property
    def pending(self) -> bool:
        """Whether anything will be written."""
        return bool(self.count(FileAction.MOVE)) or any(step.writes for step in self.stores)


@dataclass(frozen=True, slots=True)
class Matched:
    """What the destination already has: copies of files, counterparts of stores."""

    files: Mapping[str, Match]
    stores: Mapping[str, Counterpart[Store]]


@dataclass(frozen=True, slots=True)
class Identities:
    """How copies are told: `marked` in metadata and attributes, or by what is `known`."""

    known_files: Mapping[str, str] = field(default_factory=dict)
    known_stores: Mapping[str, str] = field(default_factory=dict)
    among: Collection[str] = ()
    marked: bool = True
    same_place: bool = False
    one_home: bool = True


def match(
    needs: Mapping[str, Needs],
    source: Holdings,
    destination: Holdings,
    identities: Identities,
    lists: Sequence[tuple[Sequence[str], Sequence[str]]] = (),
) -> Matched:
    """Return what of the needed knowledge the destination has already.

    `lists` are the files of assistants that are each other's copies, source and destination.
    """
    files, stores = _wanted(needs, source)
    if identities.same_place:
        same = {one: Match(source.files[one]) for one in files if one in source.files}
        own = {one: Counterpart(source.stores[one]) for one in stores if one in source.stores}
        return Matched(same, own)
    hints = Hints(identities.known_files, lists, identities.one_home)
    present = [source.stores[one] for one in stores if one in source.stores]
    # What a place has thrown away is nobody's counterpart any more: a new one is made.
    alive = [store for store in destination.stores.values() if not store.expired]
    found = counterparts(
        present,
        alive,
        known=identities.known_stores,
        among=identities.among,
        one_home=identities.one_home,
        what="vector stores",
    )
    matched = {store.id: one for store, one in zip(present, found, strict=True)}
    return Matched(match_files(files, source, destination, hints), matched)


def to_survey(needs: Mapping[str, Needs], source: Holdings, matched: Matched) -> list[File]:
    """Return the files that have to travel, or of which the destination has the text only."""
    files, _ = _wanted(needs, source)
    return [
        source.files[one]
        for one in files
        if one in source.files and (one not in matched.files or matched.files[one].text)
    ]


def plan_knowledge(
    needs: Mapping[str, Needs],
    source: Holdings,
    destination: Holdings,
    matched: Matched,
    offers: Mapping[str, Offer],
    *,
    options: KnowledgeOptions,
    identities: Identities,
    limits: KnowledgeLimits,
) -> KnowledgePlan:
    """Return the steps for what these assistants need; `needs` in the order of the plan."""
    plan = _plan(needs, source, destination, matched, offers, options, identities, limits)
    plan = replace(plan, require=options.require)
    if not (options.require and plan.lacks):
        return plan
    # What only blocked assistants lean on is not moved either.
    rest = {one: need for one, need in needs.items() if one not in plan.lacks}
    kept = _plan(rest, source, destination, matched, offers, options, identities, limits)
    missing = tuple(s for s in plan.files if not s.to_be_had)
    seen = {step.source_id for step in kept.files}
    return replace(
        kept,
        files=kept.files + tuple(s for s in missing if s.source_id not in seen),
        needs=plan.needs,
        lacks=plan.lacks,
        blocked=frozenset(plan.lacks),
        require=True,
    )


def _plan(
    needs: Mapping[str, Needs],
    source: Holdings,
    destination: Holdings,
    matched: Matched,
    offers: Mapping[str, Offer],
    options: KnowledgeOptions,
    identities: Identities,
    limits: KnowledgeLimits,
) -> KnowledgePlan:
    users = _users(needs, source)
    _, stores = _wanted(needs, source)
    steps = plan_files(needs, source, matched, offers, options=options, limits=limits)
    planned = {
        one: replace(
            plan_store(
                one,
                source,
                destination,
                matched.stores.get(one, Counterpart()),
                {i: s.destination_id for i, s in steps.items() if s.to_be_had},
                {i: s.replaces for i, s in steps.items() if s.replaces},
                marked=identities.marked and not identities.same_place,
                same_place=identities.same_place,
                limits=limits,
                ours={copy: one for one, copy in identities.known_files.items()},
            ),
            users=tuple(users[one]),
        )
        for one in stores
    }
    lacks = {}
    for assistant, need in needs.items():
        if found := tuple(_lacks(need, steps, planned)):
            lacks[assistant] = found
    fresh = sum(
        source.stores[step.source_id].usage_bytes or _size(step, steps)
        for step in planned.values()
        if step.action is StoreAction.CREATE
    )
    return KnowledgePlan(
        tuple(steps.values()), tuple(planned.values()), dict(needs), lacks, storage_bytes=fresh
    )


def plan_files(
    needs: Mapping[str, Needs],
    source: Holdings,
    matched: Matched,
    offers: Mapping[str, Offer],
    *,
    options: KnowledgeOptions,
    limits: KnowledgeLimits,
) -> dict[str, FileStep]:
    """Return the step for each file that is needed, in the order of need."""
    users = _users(needs, source)
    files, _ = _wanted(needs, source)
    steps = {}
    left = options.max_bytes
    for one in files:
        step = _file_step(one, source, matched, offers.get(one, Offer()), limits)
        if step.action is FileAction.MOVE and left is not None:
            if (step.bytes or 0) > left:
                reason = "it does not fit into --max-bytes"
                step = replace(step, action=FileAction.LEFT_OUT, reason=reason)
            else:
                left -= step.bytes or 0
        steps[one] = replace(step, users=tuple(users[one]))
    return steps


def _file_step(
    one: str, source: Holdings, matched: Matched, offer: Offer, limits: KnowledgeLimits
) -> FileStep:
    file = source.files.get(one)
    if file is None:
        return FileStep(one, "", FileAction.MISSING, reason=source.absent)
    base = FileStep(
        one,
        sent_name(file),
        FileAction.MISSING,
        file.bytes,
        file.purpose,
        sha256=file.sha256,
        held_as_text=file.held is Held.TEXT,
    )
    here = matched.files.get(one)
    if here is not None and not (here.text and offer.exact):
        return replace(
            base,
            action=FileAction.THERE,
            destination_id=here.file.id,
            text=here.text or base.held_as_text,
            by_name=here.by_name,
        )
    if not offer.routes:
        return replace(base, reason=offer.reason or "there is no route to its bytes")
    if (file.bytes or 0) > limits.largest:
        reason = f"the destination takes files of at most {limits.largest:,} bytes"
        return replace(base, reason=reason)
    best = FIDELITY[offer.routes[0]][0]
    return replace(
        base,
        action=FileAction.MOVE,
        routes=offer.routes,
        path=offer.path,
        reason="" if best is Fidelity.EXACT else offer.reason,
        replaces=here.file.id if here else "",
        text=best is not Fidelity.EXACT or base.held_as_text,
    )


def _wanted(needs: Mapping[str, Needs], source: Holdings) -> tuple[list[str], list[str]]:
    """Return the files and stores that are needed, each once, in the order of need.

    What the source could not make searchable is not carried: it would fail again.
    """
    files: dict[str, None] = {}
    stores: dict[str, None] = {}
    for need in needs.values():
        for store in need.stores:
            stores[store] = None
            files.update(dict.fromkeys(f.file_id for f in indexed(source.contents.get(store, ()))))
        files.update(dict.fromkeys(need.files))
    return list(files), list(stores)


def indexed(contents: Iterable[StoreFile]) -> Iterator[StoreFile]:
    """Yield what of a store's files is, or will be, searchable."""
    return (inside for inside in contents if not inside.unsearchable)


def _users(needs: Mapping[str, Needs], source: Holdings) -> Mapping[str, dict[str, None]]:
    users: dict[str, dict[str, None]] = defaultdict(dict)
    for assistant, need in needs.items():
        for one in need.files:
            users[one][assistant] = None
        for store in need.stores:
            users[store][assistant] = None
            for inside in source.contents.get(store, ()):
                users[inside.file_id][assistant] = None
    return users


def _lacks(
    need: Needs, files: Mapping[str, FileStep], stores: Mapping[str, StoreStep]
) -> Iterator[Lack]:
    for one in need.stores:
        step = stores[one]
        if step.action in (StoreAction.MISSING, StoreAction.CONFLICT) and not step.lacking:
            yield Lack("file_search", one, step.name, step.reason)
        for lacking in step.lacking:
            file = files[lacking]
            yield Lack("file_search", lacking, file.name, file.reason)
        for failed, reason in step.failed:
            yield Lack("file_search", failed, files[failed].name, f"not searchable: {reason}")
    for one in need.files:
        if not files[one].to_be_had:
            yield Lack("code_interpreter", one, files[one].name, files[one].reason)


def _size(step: StoreStep, files: Mapping[str, FileStep]) -> int:
    return sum(files[one].bytes or 0 for one in step.carried if one in files)
