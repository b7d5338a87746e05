"""Looking without changing anything: list, verify, profiles."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from understudy.config import Settings
from understudy.errors import ExitCode, UnderstudyError
from understudy.model.assistant import Assistant
from understudy.model.findings import Findings
from understudy.model.verification import Verification
from understudy.ops.listeners import log_events
from understudy.ops.places import PlaceLike, Places
from understudy.platforms.base import PlaceInfo, Wait
from understudy.platforms.pacing import RetryPolicy
from understudy.platforms.snapshot import Snapshot
from understudy.profile import Profile
from understudy.replicate.gather import gather
from understudy.replicate.selection import Selection

_NOT_YET = "is not there yet: a clone into it makes it"


@dataclass(frozen=True, slots=True, repr=False)
class Listing:
    """What was asked for of a place, and what of it could not be read."""

    place: PlaceInfo
    assistants: tuple[Assistant, ...]
    unread: Findings = ()

    @property
    def exit_code(self) -> ExitCode:
        """What the process should tell its caller."""
        lacking = any(finding.blocks for finding in self.unread)
        return ExitCode.PARTLY if lacking else ExitCode.DONE


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
    return Listing(inventory.info, chosen, inventory.findings)


def verify(path: Path) -> Verification:
    """Read every file of a snapshot again and say what is wrong; raises SnapshotError."""
    snapshot = Snapshot(path, must_exist=True)
    snapshot.require_readable()
    if snapshot.knowledge is None:
        return Verification()
    return snapshot.knowledge.verify()


async def check_profile(profile: Profile, settings: Settings) -> Checked:
    """Ask a profile's place for one page, without retries; never raises a place's error.

    What is not there yet and could be made is no error: it may be a destination.
    """
    places = Places(settings, policy=RetryPolicy(attempts=1, patience=0))
    try:
        if _can_be_made(profile, places):
            return Checked(profile, answer=_NOT_YET)
        platform = places.open(profile.name, must_exist=True)
        page = await platform.list_page()
    except UnderstudyError as error:
        return Checked(profile, error=error)
    finally:
        await places.aclose()
    more = " or more" if page.after else ""
    return Checked(profile, answer=f"answers, {len(page.assistants)}{more} assistants")


def _can_be_made(profile: Profile, places: Places) -> bool:
    """Tell whether a profile's path holds nothing yet, and a folder of ours to make it in."""
    path = Path(profile.get("path")).absolute()
    if not profile.get("path") or os.path.lexists(path):
        return False
    if places.open(profile.name, must_exist=False).capabilities.read_only:
        return False
    nearest = next(one for one in path.parents if os.path.lexists(one))
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
