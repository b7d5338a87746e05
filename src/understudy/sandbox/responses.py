"""A project's responses and conversations."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from understudy.sandbox.ground import Ground
from understudy.sandbox.items import Item
from understudy.sandbox.shelf import Shelf, UnknownIdError


@dataclass(frozen=True, slots=True)
class Exchange:
    """One response, what was sent for it, and everything that was said up to it."""

    fields: Mapping[str, Any]
    sent: Sequence[Item]
    said: Sequence[Item]


@dataclass(slots=True)
class Conversation:
    """What was said in a conversation, by id."""

    id: str
    created_at: int
    items: Shelf[Item]
    metadata: Mapping[str, str]

    def shown(self) -> dict[str, Any]:
        """Return what the API says about it."""
        return {
            "id": self.id,
            "object": "conversation",
            "created_at": self.created_at,
            "metadata": dict(self.metadata),
        }

    def add(self, said: Sequence[Item]) -> None:
        """Put items last; those that are there already stay where they are."""
        for item in said:
            if item["id"] not in self.items:
                self.items.add(item["id"], item, at_once=True)


class Responses:
    """The responses and conversations of a project."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.ids = ground.ids("responses")
        self.shelf: Shelf[Exchange] = ground.shelf("response")
        self.conversations: Shelf[Conversation] = ground.shelf("conversation")

    def converse(self, metadata: Mapping[str, str] | None = None) -> Conversation:
        """Begin a conversation."""
        id_ = self.ids.new("conv_")
        items: Shelf[Item] = self._ground.shelf("item", id_)
        conversation = Conversation(id_, self._ground.now(), items, deepcopy(metadata or {}))
        self.conversations.add(id_, conversation, at_once=True)
        return conversation

    def keep(self, exchange: Exchange) -> None:
        """Keep a response, so that others can refer to it."""
        self.shelf.add(exchange.fields["id"], exchange, at_once=True)

    def shelved(self, said: Sequence[Item]) -> Shelf[Item]:
        """Return items as a list call sees them."""
        shelf: Shelf[Item] = Shelf("item", self._ground.clock, place="this response")
        for item in said:
            shelf.add(item["id"], item, at_once=True)
        return shelf

    def item(self, item_id: str) -> Item:
        """Return an item of any response or conversation. Raises `UnknownIdError`."""
        for conversation in self.conversations.all():
            if item_id in conversation.items:
                return conversation.items[item_id]
        for exchange in self.shelf.all():
            for item in exchange.said:
                if item["id"] == item_id:
                    return item
        raise UnknownIdError("referred item", item_id)
