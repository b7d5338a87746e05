"""Looking without changing anything: list, export, profiles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from understudy.config import Settings
from understudy.errors import OutputError, UnderstudyError
from understudy.model.assistant import Assistant
from understudy.ops.listeners import log_events
from understudy.ops.places import PlaceLike, Places
from understudy.platforms.base import PlaceInfo, Wait
from understudy.platforms.pacing import RetryPolicy
from understudy.platforms.snapshot import Snapshot
from understudy.profile import Profile
from understudy.replicate.gather import gather
from understudy.replicate.selection import Selection


@dataclass(frozen=True, slots=True)
class Listing:
    """What was asked for of a place; `removed` is how many an export took out of a snapshot."""

    place: PlaceInfo
    assistants: tuple[Assistant, ...]
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """A profile, and what its place said when it was asked; empty if it was not."""

    profile: Profile
    answer: str = ""
    error: UnderstudyError | None = None


async def list_assistants(
    place: PlaceLike,
    settings: Settings,
    *,
    selection: Selection | None = None,
    rate: float | None = None,
    stop: asyncio.Event | None = None,
    on_wait: Callable[[Wait], None] = log_events,
) -> Listing:
    """Return the selected assistants of a place, oldest first; raises PlaceError."""
    places = Places(settings, rate=rate, stop=stop, on_wait=on_wait)
    try:
        inventory = await gather(places.open(place, must_exist=True))
    finally:
        await places.aclose()
    chosen = (selection or Selection()).choose(inventory.assistants, place=inventory.info.name)
    return Listing(inventory.info, chosen)


async def export(
    place: PlaceLike,
    out: Path,
    settings: Settings,
    *,
    selection: Selection | None = None,
    stop: asyncio.Event | None = None,
) -> Listing:
    """Write the selected assistants into a snapshot and return them.

    May be repeated: a directory is brought up to date, and what is gone from the place goes
    when everything was selected. Raises OutputError, and then an earlier file is as it was.
    """
    selection = selection or Selection()
    listing = await list_assistants(place, settings, selection=selection, stop=stop)
    _require_elsewhere(out, listing.place)
    removed = Snapshot(out).keep(listing.assistants, listing.place, prune=selection.everything)
    return replace(listing, removed=removed)


async def check_profile(profile: Profile, settings: Settings) -> Checked:
    """Ask a profile's place for one page, without retries; never raises a place's error."""
    places = Places(settings, policy=RetryPolicy(attempts=1, patience=0))
    try:
        platform = places.open(profile.name, must_exist=True)
        page = await platform.list_page()
    except UnderstudyError as error:
        return Checked(profile, error=error)
    finally:
        await places.aclose()
    more = " or more" if page.after else ""
    return Checked(profile, answer=f"answers, {len(page.assistants)}{more} assistants")


def _require_elsewhere(out: Path, place: PlaceInfo) -> None:
    if out.exists() and out.resolve() == Path(place.address).resolve():
        raise OutputError(f"{out} is the place itself; export into another path.")
