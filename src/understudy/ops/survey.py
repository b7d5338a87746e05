"""models and fidelity: what is used, and what another place would make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import SecretStr

from understudy.config import Settings
from understudy.errors import UsageError
from understudy.ops.listeners import log_events
from understudy.ops.packing import assumed
from understudy.ops.places import PlaceLike, Places
from understudy.ops.request import Request
from understudy.platforms.base import Platform, Wait
from understudy.platforms.catalog import PLATFORMS, PlaceSettings, build
from understudy.profile import OPENAI_URL
from understudy.replicate.gather import gather
from understudy.replicate.inventory import Inventory
from understudy.replicate.plan import PlanOptions
from understudy.replicate.planning import make_plan
from understudy.replicate.selection import Selection
from understudy.replicate.survey import FidelityTable, ModelSurvey, survey_models


async def models_of(
    place: PlaceLike,
    settings: Settings,
    *,
    selection: Selection | None = None,
    stop: asyncio.Event | None = None,
    on_wait: Callable[[Wait], None] = log_events,
) -> ModelSurvey:
    """Return which models a place's assistants use and what becomes of them.

    Raises PlaceError, SelectionError. May be repeated; writes nothing.
    """
    places = Places(settings, stop=stop, on_wait=on_wait)
    try:
        opened = places.open(place, must_exist=True)
        inventory = await gather(opened)
        offered = await opened.models()
    finally:
        await places.aclose()
    chosen = (selection or Selection()).choose(inventory.assistants, place=inventory.info.name)
    return survey_models(inventory.info, chosen, offered, today(), inventory.findings)


async def fidelity_of(
    request: Request,
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    on_wait: Callable[[Wait], None] = log_events,
) -> FidelityTable:
    """Return what each field would become on the way to a place, or to a platform by its name.

    The destination is not read, and needs no key; knowledge that is asked for counts as carried.
    Raises PlaceError, UsageError, SelectionError.
    """
    places = Places(settings, stop=stop, on_wait=on_wait)
    try:
        source = places.open(request.source, must_exist=True)
        destination = _destination(request.destination, settings, places)
        inventory = await gather(source)
    finally:
        await places.aclose()
    if destination.capabilities.read_only:
        raise UsageError(f"{request.destination} can only be copied from.")
    options = PlanOptions(
        selection=request.selection,
        check_models=False,
        tailoring=request.tailoring(today()),
    )
    empty = Inventory(destination.info, destination.capabilities, ())
    linker = None
    if request.knowledge.wanted:
        linker = assumed(inventory.assistants, request.knowledge, options, destination)
    plan = make_plan(inventory, empty, options, destination.render, linker)
    return FidelityTable(plan.source, plan.destination, plan.changes, inventory.findings)


def today() -> str:
    """Return the day in UTC as an ISO 8601 date."""
    return datetime.now(UTC).date().isoformat()


def _destination(place: PlaceLike, settings: Settings, places: Places) -> Platform:
    """Return a place, or a platform that nobody connects to."""
    name = str(place) if isinstance(place, str) else ""
    profile = settings.profile(name)
    if profile is not None:
        return _unconnected(profile.platform, name)
    return _unconnected(name, name) if name in PLATFORMS else places.open(place, must_exist=False)


def _unconnected(platform: str, name: str) -> Platform:
    settings = PlaceSettings(name, lambda: SecretStr("none"), base_url=OPENAI_URL, path=".")
    return build(platform, settings)
