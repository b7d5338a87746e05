"""Which handler answers at which address."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from understudy.sandbox import (
    assistants_api,
    containers_api,
    files_api,
    stores_api,
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
    steps = path.removeprefix(f"{BASE}/").removesuffix("/").split("/")
    ids = tuple(steps[1::2])
    steps[1::2] = ["*"] * len(ids)
    choices = _ROUTES.get("/".join(steps))
    if not path.startswith(f"{BASE}/") or choices is None or not all(ids):
        raise invalid_url(method, path)
    if method not in choices:
        raise wrong_method(method, path)
    return choices[method]._replace(ids=ids)


async def answer(route: Route, call: Call) -> Reply:
    """Return the reply of `route`, errors included."""
    try:
        reply = route.handle(call)
        return reply if isinstance(reply, Reply) else await reply
    except ApiError as error:
        return error.reply
    except UnknownIdError as error:
        return unknown(error).reply


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
    "models": {"GET": Route("models", assistants_api.list_models)},
    "models/*": {"GET": Route("models", assistants_api.retrieve_model)},
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
