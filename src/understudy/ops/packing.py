"""Reading the knowledge of both places and planning what to carry; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from understudy.errors import UsageError
from understudy.model.assistant import Assistant
from understudy.model.kinds import Kind, kind_of
from understudy.model.knowledge import Store
from understudy.ops.recall import Recalled
from understudy.platforms.base import Platform
from understudy.platforms.knowledge import Knowledge
from understudy.replicate.apply import Luggage
from understudy.replicate.events import Listener, Read
from understudy.replicate.identity import RANDOM
from understudy.replicate.inventory import Inventory
from understudy.replicate.knowledge.holdings import (
    Holdings,
    contents_of,
    destination_holdings,
    source_holdings,
)
from understudy.replicate.knowledge.linking import Linker
from understudy.replicate.knowledge.needs import KnowledgeOptions, Needs, ids_of, needs_of
from understudy.replicate.knowledge.originals import Originals
from understudy.replicate.knowledge.plan import (
    FileAction,
    FileStep,
    Identities,
    KnowledgePlan,
    StoreAction,
    StoreStep,
    match,
    plan_knowledge,
    to_survey,
)
from understudy.replicate.knowledge.routes import survey
from understudy.replicate.plan import Identity, PlanOptions
from understudy.replicate.planning import make_plan, one_home, pair
from understudy.replicate.reading import together

#: What to do about a destination without knowledge: a snapshot, or else a bundle.
_REMEDY = {
    False: "A snapshot with knowledge is a directory: give a path that does not end in .json.",
    True: "A bundle names what lies in a project: make a profile of it, and give it a key.",
}


@dataclass(frozen=True, slots=True)
class Packed:
    """The knowledge's part of a plan, and what carrying it takes (None with nothing to carry)."""

    linker: Linker
    luggage: Luggage | None = None


async def pack(
    source: Platform,
    destination: Platform,
    inventories: tuple[Inventory, Inventory],
    options: PlanOptions,
    wanted: KnowledgeOptions,
    recalled: Recalled,
    *,
    finisher: Platform,
    closer: Platform,
    originals: Originals,
    spool: Path | None,
    listener: Listener,
) -> Packed:
    """Return what carrying the knowledge of the selected assistants takes.

    Raises UsageError when the destination can hold none, PlaceError when a place cannot be read.
    """
    wanted, homeless = at_home(wanted, options, destination, inventories[0].assistants)
    pairs = pair(*inventories, options)
    refused = _refused(inventories, options, destination)
    needs = {
        one.id: need
        for one, _ in pairs
        if one.id not in refused and (need := needs_of(one.raw, wanted))
    }
    if not needs:
        return Packed(Linker(KnowledgePlan(), wanted, homeless))
    if destination.knowledge is None or finisher.knowledge is None:
        raise UsageError(
            f"{destination.info.name} can hold no files and vector stores.",
            hint=f"{_REMEDY[destination.capabilities.inline]} Or go without --file-search and "
            "--code-interpreter.",
        )
    in_place = False
    if source.knowledge is None:
        held = there = await _in_place(source, destination, needs, listener)
        in_place = True
    else:
        held, there = await _read(source, destination, needs, options, recalled, listener)
    identities = Identities(
        known_files=recalled.files,
        known_stores=recalled.stores,
        among=held.stores.keys(),
        marked=options.identity is Identity.METADATA,
        same_place=options.same_place or in_place,
        one_home=one_home(*inventories),
    )
    lists = [
        (list(ids_of(one.raw, "code_interpreter")), list(ids_of(here.one.raw, "code_interpreter")))
        for one, here in pairs
        if here.one is not None and not here.rivals
    ]
    matched = match(needs, held, there, identities, lists)
    offers = {}
    if source.knowledge is not None and (moving := to_survey(needs, held, matched)):
        offers = await survey(
            moving, held, source.knowledge, originals, wanted, digests=recalled.digests
        )
    plan = plan_knowledge(
        needs,
        held,
        there,
        matched,
        offers,
        options=wanted,
        identities=identities,
        limits=destination.knowledge.traits.limits,
    )
    luggage = None
    if source.knowledge is not None:
        luggage = Luggage(
            source.knowledge,
            destination.knowledge,
            finisher.knowledge,
            held,
            there,
            originals,
            spool,
            wanted.index_seconds,
            closer.knowledge,
        )
    return Packed(Linker(plan, wanted, homeless), luggage)


def at_home(
    wanted: KnowledgeOptions,
    options: PlanOptions,
    destination: Platform,
    assistants: Iterable[Assistant],
) -> tuple[KnowledgeOptions, Mapping[str, str]]:
    """Return what to carry to where it has a home, and why the rest has none.

    Agents that name vector stores have a function that searches them, and take them along.
    """
    homeless = dict(destination.capabilities.homeless)
    searching = any(
        kind_of(one.raw) is Kind.AGENT and any(ids_of(one.raw, "file_search")) for one in assistants
    )
    if searching or options.tailoring.search_function:
        homeless.pop("file_search", None)
    tools = dict.fromkeys(homeless, False)
    return replace(wanted, **tools), homeless


def _refused(
    inventories: tuple[Inventory, Inventory], options: PlanOptions, destination: Platform
) -> set[str]:
    """Return who will not be written because of a loss: nothing is carried for them either."""
    if not options.strict:
        return set()
    # What becomes of knowledge is not known yet; a request's search hangs on it.
    open_still = {
        "tool_resources",
        *(["tools.file_search"] if destination.capabilities.inline else []),
    }
    plan = make_plan(*inventories, options, destination.render)
    return {
        change.source_id
        for change in plan.changes
        if any(f.code == "loss-refused" and f.field not in open_still for f in change.findings)
    }


async def _in_place(
    source: Platform, destination: Platform, needs: Mapping[str, Needs], listener: Listener
) -> Holdings:
    """Return what of the needed knowledge the destination holds under the very same ids.

    A dump of a project holds definitions only; its files and stores may well be where they were.
    """
    absent = f"{source.info.name} holds definitions only"
    if destination.knowledge is None or not destination.knowledge.traits.unique_ids:
        return Holdings(absent=absent)
    absent += f", and {destination.info.name} has nothing under that id"
    stores = [one for need in needs.values() for one in need.stores if len(one) >= RANDOM]
    files = [one for need in needs.values() for one in need.files if len(one) >= RANDOM]
    held = await source_holdings(
        destination.knowledge,
        stores=dict.fromkeys(stores),
        files=dict.fromkeys(files),
        everything=False,
        on_read=_counter(destination, listener),
    )
    return replace(held, absent=absent)


def assumed(
    assistants: Iterable[Assistant],
    wanted: KnowledgeOptions,
    options: PlanOptions,
    destination: Platform,
) -> Linker:
    """Return what ties assistants to their knowledge as if all of it had arrived."""
    assistants = tuple(assistants)
    wanted, homeless = at_home(wanted, options, destination, assistants)
    needs = {one.id: need for one in assistants if (need := needs_of(one.raw, wanted))}
    files = dict.fromkeys(one for need in needs.values() for one in need.files)
    stores = dict.fromkeys(one for need in needs.values() for one in need.stores)
    there = KnowledgePlan(
        tuple(FileStep(one, "", FileAction.THERE, destination_id=one) for one in files),
        tuple(StoreStep(one, "", StoreAction.UNCHANGED, destination_id=one) for one in stores),
        needs,
    )
    return Linker(there, wanted, homeless)


async def everything_held(knowledge: Knowledge) -> Holdings:
    """Return all files and stores of a place, with the contents of every store."""
    return await destination_holdings(knowledge, relevant=lambda _: True)


async def _read(
    source: Platform,
    destination: Platform,
    needs: Mapping[str, Needs],
    options: PlanOptions,
    recalled: Recalled,
    listener: Listener,
) -> tuple[Holdings, Holdings]:
    """Read both places at once; the destination's stores are looked into where they matter."""
    stores = dict.fromkeys(one for need in needs.values() for one in need.stores)
    files = dict.fromkeys(one for need in needs.values() for one in need.files)
    assert source.knowledge is not None  # noqa: S101 - the caller has looked
    assert destination.knowledge is not None  # noqa: S101 - the caller has looked
    if options.same_place:
        held = await source_holdings(
            source.knowledge,
            stores=stores,
            files=files,
            everything=options.selection.everything,
            on_read=_counter(source, listener),
        )
        return held, held
    known = {recalled.stores[one] for one in stores if one in recalled.stores}

    def relevant(store: Store) -> bool:
        return store.cloned_from in stores or store.id in known or store.id in stores

    held, there = await together(
        source_holdings(
            source.knowledge,
            stores=stores,
            files=files,
            everything=options.selection.everything,
            on_read=_counter(source, listener),
        ),
        destination_holdings(
            destination.knowledge,
            relevant=relevant,
            known_stores=known,
            known_files=set(recalled.files.values()),
            on_read=_counter(destination, listener),
        ),
    )
    # Copying back, or on to a third place: originals and siblings are looked into, too.
    origins = {s.cloned_from for s in held.stores.values() if s.cloned_from}
    akin = {s.id for s in there.stores.values() if s.id in origins or s.cloned_from in origins}
    return held, await _with_contents(destination, there, akin - there.contents.keys())


async def _with_contents(destination: Platform, there: Holdings, stores: set[str]) -> Holdings:
    assert destination.knowledge is not None  # noqa: S101 - the caller has looked
    found = {one: await contents_of(destination.knowledge, one) for one in sorted(stores)}
    return replace(there, contents={**there.contents, **found})


def _counter(place: Platform, listener: Listener) -> Callable[[int], None]:
    count = 0

    def add(number: int) -> None:
        nonlocal count
        count += number
        listener(Read(place.info.name, count, "files and stores"))

    return add
