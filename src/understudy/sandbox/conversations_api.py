"""The handlers of /conversations."""

from collections.abc import Mapping
from typing import Any

from openai.types.conversations.conversation_create_params import ConversationCreateParams
from openai.types.conversations.conversation_update_params import ConversationUpdateParams
from openai.types.conversations.item_create_params import ItemCreateParams

from understudy.sandbox import item_shapes, items, limits
from understudy.sandbox.call import Call, listed
from understudy.sandbox.checks import Shape
from understudy.sandbox.items import Item
from understudy.sandbox.responses import Conversation
from understudy.sandbox.shelf import Page
from understudy.sandbox.wire import Reply, encode, ok

MAX_ITEMS = 20

_CREATE = Shape(ConversationCreateParams)
_UPDATE = Shape(ConversationUpdateParams)
_ITEMS = Shape(ItemCreateParams)


def create_conversation(call: Call) -> Reply:
    """`POST /conversations`."""
    fields = call.json()
    _CREATE.check(fields, lenient=call.lenient)
    given = _items(call, fields)
    conversation = call.project.response_desk.converse(fields.get("metadata"))
    conversation.add(given)
    return ok(conversation.shown())


def retrieve_conversation(call: Call) -> Reply:
    """`GET /conversations/{id}`."""
    return ok(_conversation(call).shown())


def update_conversation(call: Call) -> Reply:
    """`POST /conversations/{id}`: replaces the metadata."""
    conversation = _conversation(call)
    fields = call.json()
    _UPDATE.check(fields, lenient=call.lenient)
    conversation.metadata = fields["metadata"] or {}
    return ok(conversation.shown())


def delete_conversation(call: Call) -> Reply:
    """`DELETE /conversations/{id}`."""
    call.project.response_desk.conversations.remove(call.target)
    return ok({"id": call.target, "object": "conversation.deleted", "deleted": True})


def create_items(call: Call) -> Reply:
    """`POST /conversations/{id}/items`: up to 20 of them."""
    conversation = _conversation(call)
    fields = call.json()
    _ITEMS.check(fields, lenient=call.lenient)
    given = _items(call, fields)
    conversation.add(given)
    ids = tuple(item["id"] for item in given)
    return listed(Page(ids, tuple(given), has_more=False), encode)


def list_items(call: Call) -> Reply:
    """`GET /conversations/{id}/items`."""
    paging = call.paging("include", "include[]", before=False)
    return listed(_conversation(call).items.page(**paging), encode)


def retrieve_item(call: Call) -> Reply:
    """`GET /conversations/{id}/items/{id}`."""
    return ok(_conversation(call).items[call.target])


def delete_item(call: Call) -> Reply:
    """`DELETE /conversations/{id}/items/{id}`: shows the conversation."""
    conversation = _conversation(call)
    conversation.items.remove(call.target)
    return ok(conversation.shown())


def _conversation(call: Call) -> Conversation:
    return call.project.response_desk.conversations[call.ids[0]]


def _items(call: Call, fields: Mapping[str, Any]) -> list[Item]:
    given = fields.get("items") or []
    limits.check_array("items", given, MAX_ITEMS)
    item_shapes.check(given, "items", lenient=call.lenient)
    return list(items.complete(given, call.project.response_desk.ids))
