"""What a project holds besides assistants and knowledge: agents, responses, and their like."""

from collections.abc import Mapping
from typing import Any

from understudy.sandbox.agents import Agents
from understudy.sandbox.ground import Ground
from understudy.sandbox.responses import Responses
from understudy.sandbox.shelf import View
from understudy.sandbox.templates import Templates


class Agency:
    """The agents, environment templates, responses and conversations of a project.

    What the methods are given is not validated. An unknown id raises `UnknownIdError`.
    """

    def open(self, ground: Ground) -> None:
        """Begin with nothing."""
        #: The parts that the API's handlers work on.
        self.agent_desk = Agents(ground)
        self.template_desk = Templates(ground)
        self.response_desk = Responses(ground)

    @property
    def agents(self) -> Mapping[str, dict[str, Any]]:
        """All agents by id, oldest first. Read only: change them with `edit_agent`."""
        return View(lambda: self.agent_desk.shelf, lambda agent: dict(agent.fields))

    @property
    def templates(self) -> Mapping[str, dict[str, Any]]:
        """All environment templates by id, oldest first, as the API shows them."""
        return View(lambda: self.template_desk.shelf, lambda template: template.shown())

    @property
    def responses(self) -> Mapping[str, dict[str, Any]]:
        """All responses that were stored by id, oldest first."""
        return View(lambda: self.response_desk.shelf, lambda exchange: dict(exchange.fields))

    @property
    def conversations(self) -> Mapping[str, list[dict[str, Any]]]:
        """The items of all conversations by id, oldest first."""
        return View(
            lambda: self.response_desk.conversations,
            lambda conversation: [dict(item) for item in conversation.items.all()],
        )

    def add_agent(self, **fields: Any) -> dict[str, Any]:
        """Put an agent here, as if long ago: lists show it at once. Returns it complete."""
        return dict(self.agent_desk.add(fields, at_once=True).fields)

    def edit_agent(self, agent_id: str, **fields: Any) -> dict[str, Any]:
        """Change these fields of an agent, as an update does."""
        return dict(self.agent_desk.edit(agent_id, fields).fields)

    def remove_agent(self, agent_id: str) -> None:
        """Delete an agent."""
        self.agent_desk.remove(agent_id)

    def add_template(self, **fields: Any) -> dict[str, Any]:
        """Put an environment template here, as if long ago. Returns it as the API shows it."""
        return self.template_desk.add(fields, at_once=True).shown()

    def asked_template(self, template_id: str) -> dict[str, Any]:
        """Return a template's parameters as they were given, the confidential ones included."""
        return dict(self.template_desk.find(template_id).asked)

    def edit_template(self, template_id: str, **fields: Any) -> dict[str, Any]:
        """Replace these fields of a template, as an update does."""
        return self.template_desk.edit(template_id, fields).shown()
