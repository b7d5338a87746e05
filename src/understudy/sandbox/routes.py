"""Which handler answers at which address."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from understudy.sandbox import (
    agents_api,
    assistants_api,
    containers_api,
    conversations_api,
    files_api,
    models_api,
    responses_api,
    stores_api,
    templates_api,
    uploads_api,
)
from understudy.sandbox.call import Call
from understudy.sandbox.shelf import UnknownIdError
from understudy.sandbox.wire import ApiError, Reply, invalid_url, unknown, wrong_method

BASE = "/v1"


class Route(NamedTuple):
    """Where a request goes: its kind, its handler, the field with a file, the ids in its path."""

    kind: str
    handle: Callable[[Call], Reply | Awaitable[Reply]]
    file_field: str | None = None
    ids: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """What the kind belongs to."""
        return self.kind.partition(".")[0]


def find(method: str, path: str) -> Route:
    """Find the route of a request. Raises `ApiError`: 404 for the address, 405 for the method."""
    steps = _steps(path.removeprefix(f"{BASE}/").removesuffix("/"))
    ids = tuple(steps[1::2])
    steps[1::2] = ["*"] * len(ids)
    choices = _ROUTES.get("/".join(steps))
    if not path.startswith(f"{BASE}/") or choices is None or not all(ids):
        raise invalid_url(method, path)
    if method not in choices:
        raise wrong_method(method, path)
    return choices[method]._replace(ids=ids)


def _steps(path: str) -> list[str]:
    """Split a path, in which names and ids take turns; one name has several parts."""
    before, name, rest = path.partition(_TEMPLATES)
    if before or not name or rest[:1] not in ("", "/"):
        return path.split("/")
    return [name, *rest.split("/")[1:]]


async def answer(route: Route, call: Call) -> Reply:
    """Return the reply of `route`, errors included."""
    try:
        reply = route.handle(call)
        return reply if isinstance(reply, Reply) else await reply
    except ApiError as error:
        return error.reply
    except UnknownIdError as error:
        return unknown(error).reply


_TEMPLATES = "agents/environments/templates"

_ROUTES: Mapping[str, Mapping[str, Route]] = {
    "assistants": {
        "POST": Route("create", assistants_api.create_assistant),
        "GET": Route("list", assistants_api.list_assistants),
    },
    "assistants/*": {
        "GET": Route("retrieve", assistants_api.retrieve_assistant),
        "POST": Route("update", assistants_api.update_assistant),
        "DELETE": Route("delete", assistants_api.delete_assistant),
    },
    "agents": {
        "POST": Route("agents.create", agents_api.create_agent),
        "GET": Route("agents.list", agents_api.list_agents),
    },
    "agents/*": {
        "GET": Route("agents.retrieve", agents_api.retrieve_agent),
        "POST": Route("agents.update", agents_api.update_agent),
        "DELETE": Route("agents.delete", agents_api.delete_agent),
    },
    _TEMPLATES: {
        "POST": Route("templates.create", templates_api.create_template),
        "GET": Route("templates.list", templates_api.list_templates),
    },
    f"{_TEMPLATES}/*": {
        "GET": Route("templates.retrieve", templates_api.retrieve_template),
        "POST": Route("templates.update", templates_api.update_template),
        "DELETE": Route("templates.delete", templates_api.delete_template),
    },
    "responses": {"POST": Route("responses.create", responses_api.create_response)},
    "responses/*": {
        "GET": Route("responses.retrieve", responses_api.retrieve_response),
        "DELETE": Route("responses.delete", responses_api.delete_response),
    },
    "responses/*/input_items": {"GET": Route("responses.items", responses_api.list_input_items)},
    "conversations": {"POST": Route("conversations.create", conversations_api.create_conversation)},
    "conversations/*": {
        "GET": Route("conversations.retrieve", conversations_api.retrieve_conversation),
        "POST": Route("conversations.update", conversations_api.update_conversation),
        "DELETE": Route("conversations.delete", conversations_api.delete_conversation),
    },
    "conversations/*/items": {
        "POST": Route("items.create", conversations_api.create_items),
        "GET": Route("items.list", conversations_api.list_items),
    },
    "conversations/*/items/*": {
        "GET": Route("items.retrieve", conversations_api.retrieve_item),
        "DELETE": Route("items.delete", conversations_api.delete_item),
    },
    "models": {"GET": Route("models", models_api.list_models)},
    "models/*": {"GET": Route("models", models_api.retrieve_model)},
    "files": {
        "POST": Route("files.create", files_api.create_file, "file"),
        "GET": Route("files.list", files_api.list_files),
    },
    "files/*": {
        "GET": Route("files.retrieve", files_api.retrieve_file),
        "DELETE": Route("files.delete", files_api.delete_file),
    },
    "files/*/content": {"GET": Route("files.content", files_api.file_content)},
    "vector_stores": {
        "POST": Route("stores.create", stores_api.create_store),
        "GET": Route("stores.list", stores_api.list_stores),
    },
    "vector_stores/*": {
        "GET": Route("stores.retrieve", stores_api.retrieve_store),
        "POST": Route("stores.update", stores_api.update_store),
        "DELETE": Route("stores.delete", stores_api.delete_store),
    },
    "vector_stores/*/files": {
        "POST": Route("store_files.create", stores_api.create_store_file),
        "GET": Route("store_files.list", stores_api.list_store_files),
    },
    "vector_stores/*/files/*": {
        "GET": Route("store_files.retrieve", stores_api.retrieve_store_file),
        "POST": Route("store_files.update", stores_api.update_store_file),
        "DELETE": Route("store_files.delete", stores_api.delete_store_file),
    },
    "vector_stores/*/files/*/content": {
        "GET": Route("store_files.content", stores_api.store_file_content)
    },
    "vector_stores/*/file_batches": {"POST": Route("batches.create", stores_api.create_batch)},
    "vector_stores/*/file_batches/*": {"GET": Route("batches.retrieve", stores_api.retrieve_batch)},
    "vector_stores/*/file_batches/*/cancel": {
        "POST": Route("batches.cancel", stores_api.cancel_batch)
    },
    "vector_stores/*/file_batches/*/files": {
        "GET": Route("batches.list", stores_api.list_batch_files)
    },
    "uploads": {"POST": Route("uploads.create", uploads_api.create_upload)},
    "uploads/*/parts": {"POST": Route("uploads.part", uploads_api.add_part, "data")},
    "uploads/*/complete": {"POST": Route("uploads.complete", uploads_api.complete_upload)},
    "uploads/*/cancel": {"POST": Route("uploads.cancel", uploads_api.cancel_upload)},
    "containers": {
        "POST": Route("containers.create", containers_api.create_container),
        "GET": Route("containers.list", containers_api.list_containers),
    },
    "containers/*": {
        "GET": Route("containers.retrieve", containers_api.retrieve_container),
        "DELETE": Route("containers.delete", containers_api.delete_container),
    },
    "containers/*/files": {
        "POST": Route("container_files.create", containers_api.create_container_file, "file"),
        "GET": Route("container_files.list", containers_api.list_container_files),
    },
    "containers/*/files/*": {
        "GET": Route("container_files.retrieve", containers_api.retrieve_container_file),
        "DELETE": Route("container_files.delete", containers_api.delete_container_file),
    },
    "containers/*/files/*/content": {
        "GET": Route("container_files.content", containers_api.container_file_content)
    },
}
