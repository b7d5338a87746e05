"""A project's agents."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from understudy.sandbox import agent_fill
from understudy.sandbox.ground import Ground
from understudy.sandbox.shelf import Page, Shelf
from understudy.sandbox.wire import encode


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent, also ready to send."""

    fields: Mapping[str, Any]
    encoded: bytes


class Agents:
    """The agents of a project. Parameters are not validated here."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._ids = ground.ids("agents")
        self.shelf: Shelf[Agent] = ground.shelf("agent")

    def add(self, fields: Mapping[str, Any], *, at_once: bool = False) -> Agent:
        """Make an agent, complete with what the API fills in."""
        now = self._ground.now()
        identity = {"id": self._ids.new("agent_"), "object": "agent"}
        times = {"created_at": now, "updated_at": now}
        return self._keep(identity | times | agent_fill.created(deepcopy(fields)), at_once=at_once)

    def find(self, agent_id: str) -> Agent:
        """Return an agent. Raises `UnknownIdError`."""
        return self.shelf[agent_id]

    def edit(self, agent_id: str, fields: Mapping[str, Any]) -> Agent:
        """Change what is in `fields`, as an update does. Raises `UnknownIdError`."""
        old = self.find(agent_id).fields
        new = agent_fill.updated(old, deepcopy(fields)) | {"updated_at": self._ground.now()}
        agent = Agent(new, encode(new))
        self.shelf.replace(agent_id, agent)
        return agent

    def remove(self, agent_id: str) -> None:
        """Delete an agent. Raises `UnknownIdError`."""
        self.shelf.remove(agent_id)

    def page(self, **paging: Any) -> Page[Agent]:
        """Return one page of the agents. Raises `UnknownIdError` for the cursor."""
        return self.shelf.page(**paging)

    def _keep(self, fields: Mapping[str, Any], *, at_once: bool) -> Agent:
        agent = Agent(fields, encode(fields))
        self.shelf.add(fields["id"], agent, at_once=at_once)
        return agent
