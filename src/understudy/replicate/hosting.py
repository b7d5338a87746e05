"""Giving copies the places where their code runs: environment templates, made once each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.errors import LostAnswerError, PlaceError, RejectedError
from understudy.model.assistant import Assistant
from understudy.model.fidelity import Fidelity, Ledger, LedgerEntry
from understudy.model.fieldmap.to_agent import STORES, TEMPLATE
from understudy.model.kinds import Kind, kind_of
from understudy.model.knowledge import listed_ids
from understudy.platforms.base import Platform
from understudy.platforms.environments import Environment, EnvironmentPage, Environments
from understudy.replicate.inventory import Inventory
from understudy.replicate.knowledge.needs import PREFIX
from understudy.replicate.lost import SETTLE_SECONDS, Finder
from understudy.replicate.reading import every
from understudy.replicate.recorder import Recorder

#: Stands in a plan for what is only known once it is there.
PENDING = f"{PREFIX}pending"

_KEYS: Mapping[str, str] = {"code_interpreter": TEMPLATE, "file_search": STORES}
_ROOM = 512  # characters of a metadata value


async def read_environments(place: Platform) -> dict[str, Environment]:
    """Return all templates of a place under their ids; nothing where it has none."""
    environments = place.environments
    if environments is None:
        return {}

    async def page(after: str | None) -> tuple[Sequence[Environment], str | None]:
        got = await environments.list_page(after=after)
        return got.items, got.after

    what = f"environment templates in {place.info.name}"
    return await every(page, lambda one: one.id, what=what)


def furnished(inventory: Inventory, known: Mapping[str, Environment]) -> Inventory:
    """Return the inventory with the files of each agent's environment among its knowledge."""

    def one(agent: Assistant) -> Assistant:
        template = known.get(str(agent.metadata.get(TEMPLATE)))
        if template is None or not template.files:
            return agent
        resources = agent.raw.get("tool_resources")
        resources = resources if isinstance(resources, dict) else {}
        files = {"file_ids": list(template.files.values())}
        found = {**resources, "code_interpreter": files}
        return Assistant(agent.id, {**agent.raw, "tool_resources": found})

    if not known:
        return inventory
    return replace(inventory, assistants=tuple(map(one, inventory.assistants)))


def environment_ledger(agent: Assistant, known: Mapping[str, Environment] | None) -> Ledger:
    """Return what a copy lacks of the environment that an agent names; `known` are the source's.

    Nothing where they were not read: then it was said that nobody asked for it.
    """
    if known is None or kind_of(agent.raw) is not Kind.AGENT:
        return ()
    if not (named := agent.metadata.get(TEMPLATE)):
        return ()
    if (template := known.get(str(named))) is None:
        reason = f"the source does not hold {named}: its files stay behind"
        return (LedgerEntry("environment", Fidelity.DROPPED, reason),)
    lost = [*template.besides, *(["the files given inline"] if template.inline else [])]
    more = f"; nor are {', '.join(lost)}" if lost else ""
    reason = f"its variables and setup commands are never shown, and not copied{more}"
    return (LedgerEntry("environment", Fidelity.DEGRADED, reason),)


def template_name(source_id: str) -> str:
    """Return what the template of a copy is called: that is how it is found again."""
    return f"understudy {source_id}"


def announced(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an agent's payload with the metadata that its knowledge will need."""
    resources, metadata = payload.get("tool_resources"), payload.get("metadata")
    if not isinstance(resources, Mapping) or not isinstance(metadata, Mapping):
        return payload
    pending = {
        key: PENDING for tool, key in _KEYS.items() if key not in metadata and _ids(resources, tool)
    }
    return {**payload, "metadata": {**metadata, **pending}} if pending else payload


def settled(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return an agent's payload without what never came about."""
    sent = {key: value for key, value in payload.items() if key != "tool_resources"}
    if isinstance(metadata := sent.get("metadata"), Mapping):
        sent["metadata"] = {key: value for key, value in metadata.items() if value != PENDING}
    return sent


@dataclass(frozen=True, slots=True)
class _Sent:
    name: str


class _Templates:
    """Environment templates as a shelf: recognised by their name, which says whose they are."""

    def __init__(self, environments: Environments) -> None:
        self._environments = environments

    async def page(self, after: str | None) -> tuple[Sequence[Environment], str | None]:
        """Return a page, newest first."""
        got: EnvironmentPage = await self._environments.list_page(after=after, newest_first=True)
        return got.items, got.after

    def rising(self, _items: Sequence[Environment], /) -> bool:
        """Take it at its word."""
        return False

    def made_by(self, item: Environment, payload: _Sent) -> bool:
        """Tell whether it has that name."""
        return item.name == payload.name

    async def delete(self, item_id: str) -> None:
        """Delete a template."""
        await self._environments.delete(item_id)


@dataclass
class Hosting:
    """Makes or updates one template for each copy that runs code on files.

    `known` are the destination's templates as they were read; `finisher` answers even after a
    stop. `names` are the files' names under the destination's ids.
    """

    environments: Environments
    finisher: Environments
    known: Mapping[str, Environment]
    settle: float = SETTLE_SECONDS
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._finder: Finder[Environment] = Finder(
            _Templates(self.finisher), before=self.known.keys(), settle=self.settle
        )
        self._by_name = {one.name: one for one in reversed(list(self.known.values()))}

    async def settle_in(
        self,
        source_id: str,
        payload: Mapping[str, Any],
        *,
        recorder: Recorder,
        stop: Callable[[], bool],
    ) -> dict[str, Any]:
        """Return the payload with its knowledge in its metadata, where agents have it.

        Raises PlaceError. May be repeated: a template is found again by its name.
        """
        sent = dict(payload)
        resources = sent.pop("tool_resources", None) or {}
        metadata = dict(sent.get("metadata") or {})
        if stores := _ids(resources, "file_search"):
            metadata[STORES] = _listed(stores)
        elif "file_search" in resources:
            metadata.pop(STORES, None)
        files = _ids(resources, "code_interpreter")
        emptied = "code_interpreter" in resources and metadata.get(TEMPLATE) not in (None, PENDING)
        if files or emptied:
            metadata[TEMPLATE] = await self._template(source_id, files, recorder, stop)
        return settled({**sent, "metadata": metadata})

    async def _template(
        self, source_id: str, files: Sequence[str], recorder: Recorder, stop: Callable[[], bool]
    ) -> str:
        name = template_name(source_id)
        wanted = self._paths(files)
        here = self._by_name.get(name)
        if here is not None:
            if dict(here.files) != wanted:
                if here.inline:
                    raise _would_wipe(here)
                ticket = await recorder.intend("update environment", source_id, id=here.id)
                try:
                    await self.environments.update(here.id, wanted)
                except PlaceError as error:
                    recorder.record(ticket, error=error.message)
                    raise
                recorder.record(ticket, id=here.id)
            return here.id
        ticket = await recorder.intend("create environment", source_id)
        try:
            made = await self._finder.create(
                lambda: self.environments.create(name, wanted), lambda: _Sent(name), stop
            )
        except LostAnswerError:
            raise  # it may be there: the intent stays open
        except PlaceError as error:
            recorder.record(ticket, error=error.message)
            raise
        recorder.record(ticket, id=made.one.id)
        return made.one.id

    def _paths(self, files: Iterable[str]) -> dict[str, str]:
        """Return a path for each file, by its name, the same for the same files."""
        paths: dict[str, str] = {}
        for one in files:
            name = self.names.get(one, one).replace("/", "_").strip() or one
            path = f"/workspace/{name}"
            number = 2
            while path in paths:
                stem, dot, suffix = name.rpartition(".")
                path = f"/workspace/{stem or suffix}-{number}{dot if stem else ''}"
                path += suffix if stem else ""
                number += 1
            paths[path] = one
        return paths


def _listed(stores: Sequence[str]) -> str:
    """Return ids as one value of metadata; raises RejectedError where they do not fit."""
    value = ",".join(stores)
    if len(value) > _ROOM:
        raise RejectedError(
            f"Its {len(stores)} vector stores do not fit into metadata.{STORES}: that holds "
            f"{_ROOM} characters.",
            hint="Let it lean on fewer stores.",
        )
    return value


def _would_wipe(template: Environment) -> RejectedError:
    return RejectedError(
        f"Its files cannot be brought into {template.id}: an update would wipe {template.inline} "
        "that somebody gave inline, and their content is never shown.",
        hint="Upload them as files there, or delete the template: it is made anew.",
    )


def _ids(resources: Mapping[str, Any], tool: str) -> list[str]:
    return [one for one in listed_ids(resources, tool) if isinstance(one, str)]
