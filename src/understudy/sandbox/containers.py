"""A project's containers, in which code could run, and the files in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.sandbox.disk import Content
from understudy.sandbox.ground import Ground, Ids
from understudy.sandbox.shelf import Page, Shelf
from understudy.sandbox.wire import ApiError

DEFAULT_EXPIRY: Mapping[str, Any] = {"anchor": "last_active_at", "minutes": 20}


@dataclass(frozen=True, slots=True)
class ContainerFile:
    """A file in a container, with an id of its own."""

    fields: Mapping[str, Any]
    content: Content


@dataclass(slots=True)
class Container:
    """A container. It expires when nobody has used it for a while."""

    id: str
    created_at: int
    name: str
    expires_after: Mapping[str, Any]
    memory_limit: str
    last_active_at: int
    files: Shelf[ContainerFile]
    ids: Ids
    expired: bool = False

    def settle(self, now: float) -> None:
        """Let it expire if its time has come, with all that is in it."""
        if self.last_active_at + self.expires_after["minutes"] * 60 <= now and not self.expired:
            self.expired = True
            for id_ in self.files:
                self.files.remove(id_)

    def put(self, name: str, content: Content, now: int) -> ContainerFile:
        """Add a copy of a file."""
        id_ = self.ids.new("cfile_")
        fields = {
            "id": id_,
            "object": "container.file",
            "created_at": now,
            "bytes": content.size,
            "container_id": self.id,
            "path": f"/mnt/data/{name}",
            "source": "user",
        }
        file = ContainerFile(fields, content)
        self.files.add(id_, file)
        return file

    def shown(self) -> dict[str, Any]:
        """Return what the API says about it."""
        return {
            "id": self.id,
            "object": "container",
            "created_at": self.created_at,
            "status": "expired" if self.expired else "running",
            "expires_after": dict(self.expires_after),
            "last_active_at": self.last_active_at,
            "memory_limit": self.memory_limit,
            "name": self.name,
        }


class Containers:
    """The containers of a project."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._ids = ground.ids("containers")
        self._shelf: Shelf[Container] = ground.shelf("container")

    @property
    def shelf(self) -> Shelf[Container]:
        """The containers that there are, expired ones included."""
        return self._shelf

    def add(self, fields: Mapping[str, Any]) -> Container:
        """Make an empty container."""
        now = self._ground.now()
        id_ = self._ids.new("cntr_")
        container = Container(
            id=id_,
            created_at=now,
            name=fields["name"],
            expires_after=fields.get("expires_after") or DEFAULT_EXPIRY,
            memory_limit=fields.get("memory_limit") or "1g",
            last_active_at=now,
            files=self._ground.shelf("container file", id_),
            ids=self._ids,
        )
        self._shelf.add(id_, container)
        return container

    def find(self, container_id: str) -> Container:
        """Return a container, expired if its time has come. Raises `UnknownIdError`."""
        container = self._shelf[container_id]
        container.settle(self._ground.clock())
        return container

    def use(self, container_id: str) -> Container:
        """Return a container that runs, and note its use. Raises `ApiError` if it has expired."""
        container = self.find(container_id)
        if container.expired:
            raise ApiError(400, "Container is expired.")
        container.last_active_at = self._ground.now()
        return container

    def remove(self, container_id: str) -> None:
        """Delete a container with all that is in it. Raises `UnknownIdError`."""
        self._shelf.remove(container_id)

    def page(self, keep: Callable[[Container], bool] | None, **paging: Any) -> Page[Container]:
        """Return one page of the containers. Raises `UnknownIdError` for the cursor."""
        return self._shelf.page(keep=keep, **paging)

    def shown(self, container: Container) -> dict[str, Any]:
        """Return what the API says about a container now."""
        container.settle(self._ground.clock())
        return container.shown()
