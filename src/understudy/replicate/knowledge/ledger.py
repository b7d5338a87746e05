"""What an assistant's ledger says of its knowledge. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from understudy.model.fidelity import Fidelity, LedgerEntry
from understudy.replicate.knowledge.needs import Needs
from understudy.replicate.knowledge.plan import Lack
from understudy.replicate.knowledge.store_plan import StoreStep


def knowledge_ledger(
    need: Needs, texts: Mapping[str, str], stores: Mapping[str, StoreStep]
) -> Iterator[LedgerEntry]:
    """Yield what of an assistant's knowledge does not arrive as it is.

    `texts` are the names of files of which only the parsed text is there, under source ids.
    """
    for one in need.stores:
        if one not in stores:  # only assistants that are not written lean on it
            continue
        if degraded := [texts[i] for i in stores[one].carried if i in texts]:
            yield _as_text("file_search", degraded)
        for reason in stores[one].losses:
            yield LedgerEntry("file_search", Fidelity.DEGRADED, reason)
    if degraded := [texts[i] for i in need.files if i in texts]:
        yield _as_text("code_interpreter", degraded)


def _as_text(tool: str, names: Sequence[str]) -> LedgerEntry:
    reason = f"{named(names)}: the parsed text instead of the file"
    return LedgerEntry(tool, Fidelity.DEGRADED, reason)


def lack_entries(lacks: Iterable[Lack]) -> Iterator[LedgerEntry]:
    """Yield one entry for each reason why something is missing."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for lack in lacks:
        reasons[lack.tool, lack.reason].append(lack.name or lack.source_id)
    for (tool, reason), names in reasons.items():
        yield LedgerEntry(tool, Fidelity.DROPPED, f"{named(names)}: {reason}")


def named(names: Sequence[str], most: int = 3) -> str:
    """Return a few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
