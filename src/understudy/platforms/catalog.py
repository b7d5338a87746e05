"""Which platforms there are: one explicit table, name to factory.

A factory imports its adapter when it is called, so that no command pays for another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from understudy.errors import UsageError
from understudy.platforms.base import Platform

if TYPE_CHECKING:
    from understudy.platforms.openai_wire import Wire


@dataclass(frozen=True, slots=True)
class PlaceSettings:
    """What a factory may need; `key` is called only by platforms that need one.

    `has_key` tells whether there is one, for platforms that can go without.
    """

    name: str
    key: Callable[[], SecretStr]
    base_url: str = ""
    organization: str = ""
    project: str = ""
    path: str = ""
    must_exist: bool = False
    api_version: str = ""
    auth: str = "bearer"
    has_key: bool = False


def wire_of(place: PlaceSettings) -> Wire:
    """Return where to connect and as whom; asks for the key."""
    from understudy.platforms.openai_wire import Wire

    return Wire(
        place.name,
        place.base_url,
        place.key(),
        place.organization,
        place.project,
        api_version=place.api_version,
        auth=place.auth,
    )


def _assistants_v2(place: PlaceSettings) -> Platform:
    from understudy.platforms.assistants_v2 import AssistantsV2

    return AssistantsV2(wire_of(place))


def _agents(place: PlaceSettings) -> Platform:
    from understudy.platforms.agents import Agents

    return Agents(wire_of(place))


def _responses(place: PlaceSettings) -> Platform:
    from understudy.platforms.responses import Bundle

    if not place.path:
        raise UsageError(f"The profile {place.name} is a bundle and has no path.")
    wire = wire_of(place) if place.has_key else None
    return Bundle(place.path, name=place.name, wire=wire, must_exist=place.must_exist)


def _snapshot(place: PlaceSettings) -> Platform:
    from understudy.platforms.snapshot import Snapshot

    if not place.path:
        raise UsageError(f"The profile {place.name} is a snapshot and has no path.")
    return Snapshot(place.path, name=place.name, must_exist=place.must_exist)


def _dump(place: PlaceSettings) -> Platform:
    from understudy.platforms.dumps import Dump

    if not place.path:
        raise UsageError(f"The profile {place.name} is a dump and has no path.")
    return Dump(place.path, name=place.name)


def _architect(place: PlaceSettings) -> Platform:
    from understudy.platforms.architect_file import ArchitectFile

    if not place.path:
        raise UsageError(f"The profile {place.name} is an Architect document and has no path.")
    return ArchitectFile(place.path, name=place.name, must_exist=place.must_exist)


def _memory(place: PlaceSettings) -> Platform:
    from understudy.platforms.memory import Memory

    return Memory(name=place.name)


#: Those that nobody can read without a key.
KEYED = frozenset({"openai-assistants", "openai-agents"})

PLATFORMS: Mapping[str, Callable[[PlaceSettings], Platform]] = {
    "openai-assistants": _assistants_v2,
    "openai-agents": _agents,
    "responses": _responses,
    "snapshot": _snapshot,
    "dump": _dump,
    "architect": _architect,
    "memory": _memory,
}


def build(platform: str, place: PlaceSettings) -> Platform:
    """Return an adapter for a place; connects to nothing yet. Raises UsageError."""
    try:
        factory = PLATFORMS[platform]
    except KeyError:
        raise UsageError(
            f"The profile {place.name} names the platform {platform!r}, which there is not.",
            hint=f"There are {', '.join(PLATFORMS)}.",
        ) from None
    return factory(place)
