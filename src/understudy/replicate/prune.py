"""Which copies in the destination have lost their original, and may go. Pure.

Only copies that the records of earlier runs between these two places know are considered: an id
in `cloned_from` does not tell from which of several projects it came.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from understudy.errors import SelectionError
from understudy.model.assistant import Assistant
from understudy.model.fieldmap.to_agent import TEMPLATE
from understudy.model.knowledge import LISTS
from understudy.platforms.environments import Environment
from understudy.replicate.hosting import template_name
from understudy.replicate.inventory import Inventory
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.needs import ids_of
from understudy.replicate.records import Records

#: Part of the copies of this source that may go without being asked for twice.
SHARE = 0.1


class Kind(StrEnum):
    """What is to be deleted; in this order."""

    ASSISTANT = "assistant"
    ENVIRONMENT = "environment template"
    STORE = "vector store"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing in the destination that goes. `source_id` is the original that is gone."""

    kind: Kind
    destination_id: str
    name: str
    source_id: str = ""


@dataclass(frozen=True, slots=True)
class Pruning:
    """What goes. `unproven` are clones of which no record tells whose they are: they stay."""

    deletions: tuple[Deletion, ...] = ()
    unproven: int = 0
    copies: int = 0


def orphans(source: Inventory, destination: Inventory, records: Records) -> list[Assistant]:
    """Return the recorded copies in the destination whose original the source does not list."""
    originals = source.by_id()
    there = destination.by_id()
    pairs = records.assistants.items()
    kept = {copy for original, copy in pairs if original in originals}
    lost = {
        copy: there[copy]
        for original, copy in pairs
        if original not in originals
        and copy in there
        and copy not in kept
        and there[copy].cloned_from in (original, None)
    }
    return list(lost.values())


def plan_pruning(
    gone: Collection[Assistant],
    source: Inventory,
    destination: Inventory,
    records: Records,
    holdings: Holdings | None,
    needed: Collection[str] = (),
    condemned: Collection[str] = (),
    environments: Mapping[str, Environment] | None = None,
) -> Pruning:
    """Return what goes with these copies, whose originals are certainly gone.

    `condemned` are stores and files that an earlier run meant to delete and did not come to.
    `needed` are ids of knowledge in the destination that the plan leans on: it stays. `holdings`
    are all stores and files of the destination with the contents of every store, None when
    knowledge is not carried: then none of it goes; `environments` are its templates. Raises
    SelectionError when the records do not fit the source: it may be another project under the
    same name.
    """
    originals = source.by_id()
    there = destination.by_id()
    recorded = {one: copy for one, copy in records.assistants.items() if copy in there}
    if gone and not any(one in originals for one in recorded):
        raise SelectionError(
            f"None of the {len(recorded)} recorded originals is in {source.info.name}: it looks "
            "like another project, so nothing is pruned.",
            hint="Check the key of the source. If everything was deleted there on purpose, delete "
            "the copies by hand.",
        )
    going = {one.id for one in gone}
    copies = set(recorded.values())
    unproven = sum(
        1
        for one in destination.assistants
        if one.cloned_from and one.cloned_from not in originals and one.id not in copies
    )
    back = {copy: one for one, copy in records.assistants.items()}
    deletions = [Deletion(Kind.ASSISTANT, a.id, a.name, back.get(a.id, "")) for a in gone]
    staying = [a for a in destination.assistants if a.id not in going]
    deletions += _environments(gone, staying, back, environments or {}, set(condemned))
    if holdings is not None:
        left = set(condemned)
        deletions += _knowledge(list(gone), staying, records, holdings, set(needed), left)
    return Pruning(tuple(deletions), unproven, len(copies))


def require_few(pruning: Pruning, *, most: int | None, force: bool) -> None:
    """Raise SelectionError when more assistants would go than is allowed without `force`."""
    number = sum(d.kind is Kind.ASSISTANT for d in pruning.deletions)
    allowed = math.floor(pruning.copies * SHARE) if most is None else most
    if number > allowed and not force:
        limit = f"--max-delete {most}" if most is not None else f"{SHARE:.0%} of {pruning.copies}"
        raise SelectionError(
            f"{number} of {pruning.copies} copies have lost their original; {limit} may go.",
            hint="Look at them with: understudy plan --prune --force. Then allow it with "
            f"--max-delete {number}, or with --force.",
        )


def _environments(
    gone: Collection[Assistant],
    staying: Collection[Assistant],
    back: Mapping[str, str],
    environments: Mapping[str, Environment],
    condemned: set[str],
) -> Iterator[Deletion]:
    """Yield the templates that we made for agents that go, and that nobody else names."""
    used = {str(agent.metadata.get(TEMPLATE)) for agent in staying}
    for one in sorted(condemned & environments.keys() - used):
        yield Deletion(Kind.ENVIRONMENT, one, environments[one].name)
    for agent in gone:
        source_id = back.get(agent.id, "")
        template = environments.get(str(agent.metadata.get(TEMPLATE)))
        ours = template is not None and template.name == template_name(source_id)
        if template is not None and ours and template.id not in used:
            yield Deletion(Kind.ENVIRONMENT, template.id, template.name, source_id)


def _knowledge(
    going: list[Assistant],
    staying: list[Assistant],
    records: Records,
    holdings: Holdings,
    needed: set[str],
    condemned: set[str],
) -> Iterator[Deletion]:
    """Yield our copies of stores and files that only the assistants that go lean on.

    Ours is what is recorded: a marker alone may speak of another source's.
    """
    used = needed | {one for a in staying for tool in LISTS for one in ids_of(a.raw, tool)}
    our_stores = {*records.stores.values(), *condemned}
    our_files = {*records.files.values(), *condemned}
    stores = dict.fromkeys(one for a in going for one in ids_of(a.raw, "file_search"))
    stores |= dict.fromkeys(sorted(condemned))
    doomed = [
        holdings.stores[one]
        for one in stores
        if one in our_stores and one not in used and one in holdings.stores
    ]
    for store in doomed:
        yield Deletion(Kind.STORE, store.id, store.name, store.cloned_from or "")
    gone = {store.id for store in doomed}
    attached: set[str] = set()
    candidates = dict.fromkeys(one for a in going for one in ids_of(a.raw, "code_interpreter"))
    candidates |= dict.fromkeys(sorted(condemned))
    for store_id, inside in holdings.contents.items():
        if store_id not in gone:
            attached |= {file.file_id for file in inside}
            continue
        candidates.update(dict.fromkeys(file.file_id for file in inside))
    # A store that could not be read may hold any of them.
    if holdings.unreadable.keys() - gone:
        return
    for one in candidates:
        if one in our_files and one not in attached and one not in used and one in holdings.files:
            file = holdings.files[one]
            yield Deletion(Kind.FILE, one, file.name)
