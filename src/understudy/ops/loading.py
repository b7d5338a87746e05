"""One definition, loaded by its place and name, ready for `client.responses.create`."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from understudy.config import Settings, load_here
from understudy.errors import MissingError, RejectedError, SelectionError, UsageError
from understudy.files import read_json
from understudy.model.assistant import Assistant, Json
from understudy.model.fidelity import Ledger
from understudy.model.functions import PortedFunction, functions_to_port
from understudy.model.naming import near, registry_key
from understudy.ops.places import Places, platform_and_path
from understudy.platforms.base import Marker, PlaceInfo, Platform
from understudy.platforms.dump_files import STANDARD_INPUT
from understudy.platforms.responses import NAME as BUNDLE
from understudy.platforms.responses import Bundle
from understudy.platforms.responses_form import folded
from understudy.replicate.gather import gather
from understudy.replicate.inventory import Inventory
from understudy.replicate.tailoring import Tailoring, tailor

_FILE = ".json"

#: Ids that are worth a question before a whole place is read.
_ID = re.compile(r"(asst|agent)_\w+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Definition:
    """An assistant as some place holds it, and the request that it makes."""

    name: str
    id: str
    place: PlaceInfo
    assistant: Assistant
    _arguments: Json = field(repr=False)

    def responses_kwargs(self) -> Json:
        """Return the arguments of `client.responses.create(**arguments, input=...)`, each time new.

        Those of a bundle are its file's content; elsewhere they are what a bundle would hold.
        """
        return deepcopy(self._arguments)

    def functions(self) -> tuple[PortedFunction, ...]:
        """Return the functions that it calls, for your program to answer."""
        return functions_to_port([self.assistant])


def load(path: str | Path, settings: Settings | None = None) -> Definition:
    """Return the definition at PLACE/NAME.

    The place is a bundle, a snapshot, saved JSON, PLATFORM:PATH or a profile; the name is the
    assistant's id, its file's name, its own name, or any spelling with the same registry key.
    Raises SelectionError naming what is near, UsageError, PlaceError. May be repeated; within a
    running event loop it blocks, where `load_async` does not.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(load_async(path, settings))
    return _elsewhere(lambda: asyncio.run(load_async(path, settings)))


async def load_async(path: str | Path, settings: Settings | None = None) -> Definition:
    """Return the same as `load`, without blocking."""
    settings = settings or load_here()
    place, name = split(str(path), settings)
    places = Places(settings)
    try:
        opened = places.open(place, must_exist=True)
        found = await _retrieved(opened, name) or _chosen(await gather(opened), name, place)
        return _definition(opened, found)
    finally:
        await places.aclose()


def split(path: str, settings: Settings) -> tuple[str, str]:
    """Return place and name of PLACE/NAME; raises UsageError.

    A name may hold slashes itself where a profile or a file stands before them.
    """
    cuts = [match.start() for match in re.finditer("/", path)]
    pairs = [(path[:cut], path[cut + 1 :]) for cut in reversed(cuts)]
    pairs = [(place, name) for place, name in pairs if place and name.strip()]
    if not pairs or path.endswith("/"):
        raise UsageError(
            f"{path!r} does not say which assistant: it must be PLACE/NAME.",
            hint="Such as ./bundle/SUPPORT_BOT, dump.json/Support Bot or src/asst_abc.",
        )
    if Path(platform_and_path(pairs[0][0])[1]).exists():
        return pairs[0]
    return next((pair for pair in pairs if _is_place(pair[0], settings)), pairs[0])


def _is_place(text: str, settings: Settings) -> bool:
    if text == STANDARD_INPUT or settings.profile(text) is not None:
        return True
    return Path(platform_and_path(text)[1]).is_file()


def _elsewhere(work: Callable[[], Definition]) -> Definition:
    """Run what needs an event loop of its own in another thread, and wait for it."""
    done: list[Definition] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="understudy-load", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


async def _retrieved(place: Platform, name: str) -> Assistant | None:
    """Return the assistant of that id, as far as asking for it is cheaper than reading all."""
    if place.info.platform != BUNDLE and not (place.capabilities.remote and _ID.fullmatch(name)):
        return None
    try:
        return await place.retrieve(name)
    except MissingError:
        return None


def _chosen(inventory: Inventory, name: str, place: str) -> Assistant:
    """Return the one that is meant: by id, by name, by registry key; raises SelectionError."""
    keys = _keys(name)
    stem = name.removesuffix(_FILE)
    for fits in (
        lambda one: one.id == name,
        lambda one: one.name == name,
        lambda one: bool(keys & {*_keys(one.name), one.id}),
        lambda one: one.id == stem,
    ):
        found = [one for one in inventory.assistants if fits(one)]
        if len(found) == 1:
            return found[0]
        if found:
            raise SelectionError(
                f"{place} holds {len(found)} assistants called {name!r}.",
                hint=f"Name one by its id: {', '.join(_shown(found))}.",
            )
    lacking = " Parts of it could not be read." if inventory.findings else ""
    names = [one.name or one.id for one in inventory.assistants]
    alike = near(name, names)
    raise SelectionError(
        f"{place} holds no assistant {name!r}.{lacking}",
        hint=f"Near names: {', '.join(alike)}." if alike else f"See: understudy list {place}",
    )


def _keys(name: str) -> set[str]:
    """Return what a name may be looked up by; a key, which holds underscores, has another key."""
    return {registry_key(name), name.upper()} - {""}


def _shown(assistants: Iterable[Assistant]) -> list[str]:
    ids = [one.id for one in assistants]
    return ids if len(ids) <= 5 else [*ids[:5], "..."]


def _definition(place: Platform, assistant: Assistant) -> Definition:
    arguments = _arguments(place, assistant)
    return Definition(assistant.name, assistant.id, place.info, assistant, arguments)


def _arguments(place: Platform, assistant: Assistant) -> Json:
    """Return a bundle's file as it is, else what a bundle would hold; raises RejectedError."""
    if place.info.platform == BUNDLE:
        arguments = read_json(Path(place.info.address) / f"{assistant.id}{_FILE}")
        return dict(arguments)
    return request_of(assistant)[0]


def request_of(assistant: Assistant) -> tuple[Json, Ledger]:
    """Return the arguments of `client.responses.create` that an assistant makes, and their ledger.

    Raises RejectedError where it cannot be put into a request.
    """
    rendered = Bundle(".").render(assistant, Marker(without=frozenset()))
    rendered = tailor(rendered, Tailoring(), None, runs=True)  # without what its model refuses
    if stopping := [finding for finding in rendered.findings if finding.blocks]:
        raise RejectedError(
            f"{assistant.label} cannot be put into a request: {stopping[0].message}",
            hint=stopping[0].hint,
        )
    return folded(rendered.payload), rendered.ledger
