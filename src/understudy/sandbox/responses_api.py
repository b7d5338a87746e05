"""The handlers of /responses."""

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.sandbox import events, items, response_fill, response_shapes, searching, shapes
from understudy.sandbox.answers import Answer, Asked, answer
from understudy.sandbox.call import Call, listed
from understudy.sandbox.items import Item
from understudy.sandbox.models import Model
from understudy.sandbox.models_api import check_sampling, find_model, unsupported
from understudy.sandbox.responses import Conversation, Exchange
from understudy.sandbox.shelf import UnknownIdError
from understudy.sandbox.wire import ApiError, Reply, encode, ok

_EVENTS = "text/event-stream"
#: What a failure is answered with when nothing was sent yet, by its code.
_FAILURES: Mapping[str, tuple[int, str]] = {"rate_limit_exceeded": (429, "requests")}


def create_response(call: Call) -> Reply:
    """`POST /responses`, as one answer or as a stream of events."""
    asked = call.json()
    response_shapes.check(asked, lenient=call.lenient)
    model = find_model(call.project, str(asked["model"]))
    _check_model(model, asked)
    conversation = _conversation(call, asked)
    before = [] if conversation is None else conversation.items.all()
    before += _before(call, asked)
    desk = call.project.response_desk
    sent = items.complete(_referred(call, asked.get("input") or ()), desk.ids)
    said = [*before, *sent]
    items.check_calls(said)
    _check_resources(call, asked, sent)
    _check_json(asked, said)
    fields = response_fill.resolved(asked)
    reasons = model.reasoning and fields["reasoning"]["effort"] != "none"
    made = answer(call.project, desk.ids, Asked(fields, said, reasons, asked.get("include") or ()))
    response = _response(call, fields, conversation, said, made)
    exchange = Exchange(response, sent, [*said, *made.output])
    if made.turn.error is None and made.turn.ending != "drop":
        if fields["store"]:
            desk.keep(exchange)
        if conversation is not None:
            conversation.add([*sent, *made.output])
    return _reply(call, made, response, stream=bool(asked.get("stream")))


def retrieve_response(call: Call) -> Reply:
    """`GET /responses/{id}`."""
    return ok(call.project.response_desk.shelf[call.target].fields)


def delete_response(call: Call) -> Reply:
    """`DELETE /responses/{id}`."""
    call.project.response_desk.shelf.remove(call.target)
    return ok({"id": call.target, "object": "response", "deleted": True})


def list_input_items(call: Call) -> Reply:
    """`GET /responses/{id}/input_items`."""
    exchange = call.project.response_desk.shelf[call.ids[0]]
    paging = call.paging("include", "include[]", before=False)
    shelf = call.project.response_desk.shelved(exchange.sent)
    return listed(shelf.page(**paging), encode)


def _check_model(model: Model, asked: Mapping[str, Any]) -> None:
    effort = (asked.get("reasoning") or {}).get("effort")
    if effort != "none":
        check_sampling(model, asked)
    if effort is not None and not model.reasoning:
        raise unsupported("reasoning.effort")


def _conversation(call: Call, asked: Mapping[str, Any]) -> Conversation | None:
    named = asked.get("conversation")
    if named is None:
        return None
    if asked.get("previous_response_id") is not None:
        message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'."
        code = "mutually_exclusive_parameters"
        raise ApiError(400, message, param="conversation", code=code)
    id_ = named.get("id") if isinstance(named, dict) else named
    if not isinstance(id_, str):
        raise shapes.missing_parameter("conversation.id")
    return call.project.response_desk.conversations[id_]


def _before(call: Call, asked: Mapping[str, Any]) -> Sequence[Item]:
    """Return what was said up to the previous response. Raises `ApiError` (400)."""
    previous = asked.get("previous_response_id")
    if previous is None:
        return ()
    if previous not in call.project.response_desk.shelf:
        raise ApiError(
            400,
            f"Previous response with id '{previous}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return call.project.response_desk.shelf[previous].said


def _referred(call: Call, given: Any) -> Any:
    """Put items in the place of references to them. Raises `ApiError` (404)."""
    if isinstance(given, str):
        return given
    try:
        return [
            call.project.response_desk.item(item["id"])
            if item.get("type") == "item_reference"
            else item
            for item in given
        ]
    except UnknownIdError as error:
        message = f"Item with id '{error.id}' not found."
        raise ApiError(404, message, param="input") from None


def _check_resources(call: Call, asked: Mapping[str, Any], sent: Sequence[Item]) -> None:
    """Refuse (`ApiError` 404) stores and files that the project does not have."""
    for store_id in searching.stores(asked.get("tools") or ()):
        if store_id not in call.project.stores:
            raise ApiError(404, f"Vector store with id '{store_id}' not found.", param="tools")
    for file_id in items.files(sent):
        if file_id not in call.project.file_desk.shelf:
            raise ApiError(404, f"No such File object: {file_id}", param="input")
    prompt = asked.get("prompt")
    if prompt is not None:
        message = f"Prompt with id '{prompt.get('id')}' not found."
        raise ApiError(404, message, param="prompt")


def _check_json(asked: Mapping[str, Any], said: Sequence[Item]) -> None:
    form = (asked.get("text") or {}).get("format") or {}
    if form.get("type") != "json_object":
        return
    if not any("json" in items.text(item).casefold() for item in said):
        raise ApiError(
            400,
            "Response input messages must contain the word 'json' in some form to use"
            " 'text.format' of type 'json_object'.",
            param="input",
        )


def _response(
    call: Call,
    fields: Mapping[str, Any],
    conversation: Conversation | None,
    said: Sequence[Item],
    made: Answer,
) -> dict[str, Any]:
    now = int(call.project.now())
    status = "completed" if made.incomplete is None else "incomplete"
    heard = items.tokens(fields["instructions"] or "") + items.weigh(said)
    spoken = items.weigh(made.output)
    thought = sum(item["type"] == "reasoning" for item in made.output) * 64
    response = {
        "id": call.project.response_desk.ids.new("resp_"),
        "object": "response",
        "created_at": now,
        "status": status,
        "completed_at": now if status == "completed" else None,
        "error": None,
        "incomplete_details": None if made.incomplete is None else {"reason": made.incomplete},
        **fields,
        "output": made.output,
        "usage": {
            "input_tokens": heard,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": spoken + thought,
            "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": heard + spoken + thought,
        },
    }
    return (
        response if conversation is None else {**response, "conversation": {"id": conversation.id}}
    )


def _reply(call: Call, made: Answer, response: Mapping[str, Any], *, stream: bool) -> Reply:
    turn = made.turn
    pause = call.project.rules.pace if turn.pause is None else turn.pause
    if not stream:
        return _at_once(made, response)
    sequence = [*events.beginning(response), *events.middle(response)]
    breaks = turn.ending == "drop"
    if turn.error is None and not breaks:
        sequence.append(events.ending(response))
        return Reply(200, b"", content_type=_EVENTS, events=events.sent(sequence), pause=pause)
    sequence = events.half(sequence)
    code = turn.error or "server_error"
    if turn.ending == "error":
        sequence.append(events.error(code, turn.message))
    elif turn.ending == "failed":
        sequence.append(events.failing(response, code, turn.message))
    parts = events.sent(sequence)
    return Reply(200, b"", content_type=_EVENTS, events=parts, pause=pause, breaks=breaks)


def _at_once(made: Answer, response: Mapping[str, Any]) -> Reply:
    turn, body = made.turn, encode(response)
    if turn.ending == "drop":
        return Reply(200, b"", events=(body[: len(body) // 2],), breaks=True)
    if turn.error is not None:
        status, kind = _FAILURES.get(turn.error, (500, "server_error"))
        raise ApiError(status, turn.message, type=kind, code=turn.error)
    return Reply(200, body)
