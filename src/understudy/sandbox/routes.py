"""What each address does: reads a request, changes a project, returns a reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from understudy.sandbox import fill, limits, shapes
from understudy.sandbox.models import model_object, reasons
from understudy.sandbox.state import Project, UnknownAssistantError
from understudy.sandbox.wire import (
    ApiError,
    Reply,
    decode_object,
    encode,
    invalid_url,
    ok,
    wrong_method,
)

BASE = "/v1"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a handler needs it."""

    project: Project
    target: str
    query: Mapping[str, str]
    body: bytes
    lenient: bool = False


class Route(NamedTuple):
    """Where a request goes: its kind, its handler, the id in its path."""

    kind: str
    handle: Callable[[Call], Reply]
    target: str = ""


def find(method: str, path: str) -> Route:
    """Find the route of a request. Raises `ApiError`: 404 for the address, 405 for the method."""
    collection, _, target = path.removeprefix(f"{BASE}/").partition("/")
    choices = _ROUTES.get((collection, bool(target)))
    if not path.startswith(f"{BASE}/") or choices is None or "/" in target:
        raise invalid_url(method, path)
    if method not in choices:
        raise wrong_method(method, path)
    kind, handle = choices[method]
    return Route(kind, handle, target)


def create_assistant(call: Call) -> Reply:
    """`POST /assistants`."""
    fields = decode_object(call.body)
    shapes.check(shapes.CREATE, fields, lenient=call.lenient)
    if "model" not in fields:
        raise shapes.missing_parameter("model")
    limits.check(fields)
    _check_model(call.project, fields)
    return Reply(200, call.project.create(fields))


def list_assistants(call: Call) -> Reply:
    """`GET /assistants`."""
    query = call.query
    for name in query:
        if name not in ("limit", "order", "after", "before") and not call.lenient:
            raise shapes.unknown_parameter(name)
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        message = f"Invalid value: '{order}'. Supported values are: 'asc' and 'desc'."
        raise ApiError(400, message, param="order", code="invalid_value")
    page = call.project.page(
        limit=_limit(query.get("limit", "20")),
        newest_first=order == "desc",
        after=query.get("after") or None,
        before=query.get("before") or None,
    )
    # The specification demands strings here even where there is nothing to name.
    first, last = (page.ids[0], page.ids[-1]) if page.ids else ("", "")
    rest = encode({"first_id": first, "last_id": last, "has_more": page.has_more})
    return Reply(200, b'{"object":"list","data":[%b],%b' % (b",".join(page.items), rest[1:]))


def retrieve_assistant(call: Call) -> Reply:
    """`GET /assistants/{id}`."""
    return Reply(200, call.project.encoded(call.target))


def update_assistant(call: Call) -> Reply:
    """`POST /assistants/{id}`: only what is present changes, metadata as a whole."""
    old = call.project.fields(call.target)
    fields = decode_object(call.body)
    shapes.check(shapes.UPDATE, fields, lenient=call.lenient)
    limits.check(fields)
    _check_model(call.project, old | fields)
    call.project.edit(call.target, **fields)
    return Reply(200, call.project.encoded(call.target))


def delete_assistant(call: Call) -> Reply:
    """`DELETE /assistants/{id}`."""
    call.project.remove(call.target)
    return ok({"id": call.target, "object": "assistant.deleted", "deleted": True})


def list_models(call: Call) -> Reply:
    """`GET /models`."""
    return ok({"object": "list", "data": [model_object(model) for model in call.project.models]})


def retrieve_model(call: Call) -> Reply:
    """`GET /models/{model}`."""
    if call.target not in call.project.models:
        message = f"The model '{call.target}' does not exist"
        raise ApiError(404, message, param="model", code="model_not_found")
    return ok(model_object(call.target))


def answer(route: Route, call: Call) -> Reply:
    """Return the reply of `route`, errors included."""
    try:
        return route.handle(call)
    except ApiError as error:
        return error.reply
    except UnknownAssistantError as error:
        return ApiError(404, f"No assistant found with id '{error.args[0]}'.").reply


def _limit(text: str) -> int:
    if not text.isascii() or not text.removeprefix("-").isdecimal():
        message = f"Invalid type for 'limit': expected an integer, but got '{text[:20]}' instead."
        raise ApiError(400, message, param="limit", code="invalid_type")
    limit = int(text[:9])
    limits.check_range("limit", limit, 1, 100)
    return limit


def _check_model(project: Project, fields: Mapping[str, Any]) -> None:
    model = fields["model"]
    if model not in project.models:
        message = f"The requested model '{model}' does not exist."
        raise ApiError(400, message, param="model", code="model_not_found")
    if not reasons(model):
        return
    for name in ("temperature", "top_p"):
        if fields.get(name) not in (None, fill.defaults()[name]):
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            raise ApiError(400, message, param=name, code="unsupported_parameter")


# By collection and whether the path names one of it: kind and handler of each method.
_ROUTES: Mapping[tuple[str, bool], Mapping[str, tuple[str, Callable[[Call], Reply]]]] = {
    ("assistants", False): {"POST": ("create", create_assistant), "GET": ("list", list_assistants)},
    ("assistants", True): {
        "GET": ("retrieve", retrieve_assistant),
        "POST": ("update", update_assistant),
        "DELETE": ("delete", delete_assistant),
    },
    ("models", False): {"GET": ("models", list_models)},
    ("models", True): {"GET": ("models", retrieve_model)},
}
