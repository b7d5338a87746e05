"""What a sync would store, decided without touching anything. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from understudy.model.assistant import Assistant
from understudy.registry.entries import (
    Difference,
    Entries,
    Entry,
    difference,
    entry_of,
    unreadable,
)
from understudy.registry.names import assign

#: Of what is there, at most this part may go without being allowed.
SHARE = 0.5


@dataclass(frozen=True, slots=True, repr=False)
class Proposal:
    """The next state, how it differs from the last, and what to tell.

    `quarantined` are records that nobody could use, with the reason; `shared` are keys that
    several assistants wanted, `pinned` what stays although the source has it no more. `refused`
    says why it must not be stored, empty if it may be. `marks` are those of the records, under
    their ids, where all of them were seen.
    """

    entries: Entries
    difference: Difference
    quarantined: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pinned: tuple[str, ...] = ()
    refused: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)


def propose(
    before: Entries,
    assistants: Iterable[Assistant],
    *,
    pins: Mapping[str, Entry] | None = None,
    complete: bool = True,
    allow_removal: bool = False,
) -> Proposal:
    """Return what to store after `before`.

    `pins` are entries that were restored by hand and stay until the source has them again. A
    record that cannot be read keeps the last good copy of it; where the source is not `complete`,
    nothing goes at all. More than half of what is there goes only with `allow_removal`.
    """
    readable: dict[str, Entry] = {}
    quarantined: dict[str, str] = {}
    usable: list[Assistant] = []
    for assistant in assistants:
        entry = entry_of(assistant)
        if why := unreadable(entry):
            quarantined[assistant.id] = why
        else:
            readable[assistant.id] = entry
            usable.append(assistant)
    ids = {key: str(entry["id"]) for key, entry in before.items()}
    keys = assign(usable, ids)
    entries: dict[str, Entry] = {key: readable[one.id] for key, one in keys.by_key.items()}
    there = {str(entry["id"]) for entry in entries.values()}
    for key, one in ids.items():
        lacking = one in quarantined or not complete
        if lacking and one not in there and key not in entries:
            entries[key] = before[key]
    pinned = []
    for key, entry in (pins or {}).items():
        if entry["id"] not in there and key not in entries:
            entries[key] = entry
            pinned.append(key)
    found = difference(before, entries)
    refused = ""
    # Counted by ids: whoever was renamed is still there.
    gone = set(ids.values()) - {str(entry["id"]) for entry in entries.values()}
    if not allow_removal and len(gone) > SHARE * len(before):
        refused = f"it would remove {len(gone)} of {len(before)} assistants, more than half"
    return Proposal(
        dict(sorted(entries.items())), found, quarantined, keys.shared, tuple(pinned), refused
    )
