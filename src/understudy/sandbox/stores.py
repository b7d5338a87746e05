"""A project's vector stores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from understudy.sandbox.chunking import strategy
from understudy.sandbox.files import File, Files
from understudy.sandbox.ground import Ground
from understudy.sandbox.members import Batch, Member, counts, failure
from understudy.sandbox.shelf import Page, Shelf
from understudy.sandbox.wire import ApiError

_DAY = 24 * 3600
_LONG_AGO = float("-inf")


class Addition(NamedTuple):
    """A file that is to be put into a store, and how."""

    file: File
    attributes: Mapping[str, Any] | None = None
    chunking: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Store:
    """A vector store. `extra` is shown in place of what the API would say."""

    id: str
    created_at: int
    last_active_at: int
    files: Shelf[Member]
    batches: Shelf[Batch]
    name: str = ""
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    expires_after: Mapping[str, Any] | None = None
    expired: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def expires_at(self) -> int | None:
        """When it expires if nobody touches it, in seconds."""
        if self.expires_after is None:
            return None
        return int(self.last_active_at + self.expires_after["days"] * _DAY)

    def settle(self, now: float) -> None:
        """Let it expire if its time has come; it never comes back from there."""
        if self.expires_at is not None and self.expires_at <= now:
            self.expired = True

    def check_alive(self) -> None:
        """Refuse (`ApiError` 400) a store that has expired."""
        if self.expired:
            raise ApiError(400, f"Vector store '{self.id}' has expired.")

    def shown(self, now: float) -> dict[str, Any]:
        """Return what the API says about it."""
        members = self.files.all()
        found = counts(members, now)
        status = "in_progress" if found["in_progress"] else "completed"
        shown: dict[str, Any] = {
            "id": self.id,
            "object": "vector_store",
            "created_at": self.created_at,
            "name": self.name,
            "description": self.description,
            "usage_bytes": sum(member.usage(now) for member in members),
            "file_counts": found,
            "status": "expired" if self.expired else status,
            "expires_at": self.expires_at,
            "last_active_at": self.last_active_at,
            "metadata": dict(self.metadata),
        }
        if self.expires_after is not None:
            shown["expires_after"] = dict(self.expires_after)
        return shown | self.extra


_OWN = ("name", "description", "metadata", "expires_after", "created_at", "last_active_at")
_EMPTY: Mapping[str, Any] = {"name": "", "metadata": {}}


class Stores:
    """The vector stores of a project. An expired one can be read and deleted, no more."""

    def __init__(self, ground: Ground, files: Files) -> None:
        self._ground = ground
        self._files = files
        self._ids = ground.ids("stores")
        self._shelf: Shelf[Store] = ground.shelf("vector store")
        files.gone.append(self._forget)

    @property
    def shelf(self) -> Shelf[Store]:
        """The stores that there are."""
        return self._shelf

    def add(
        self, fields: Mapping[str, Any], additions: Sequence[Addition], *, at_once: bool = False
    ) -> Store:
        """Make a store with files in it; `at_once` neither indexes nor hides it for a while."""
        now = self._ground.now()
        id_ = self._ids.new("vs_")
        members = self._ground.shelf("store file", id_)
        store = Store(id_, now, now, members, Shelf("batch", self._time, place=id_))
        self.edit(store, fields)
        self._shelf.add(id_, store, at_once=at_once)
        self._put(store, additions, at_once=at_once)
        return store

    def find(self, store_id: str) -> Store:
        """Return a store, expired if its time has come. Raises `UnknownIdError`."""
        store = self._shelf[store_id]
        store.settle(self._time())
        return store

    def page(self, **paging: Any) -> Page[Store]:
        """Return one page of the stores. Raises `UnknownIdError` for the cursor."""
        page = self._shelf.page(**paging)
        for store in page.items:
            store.settle(self._time())
        return page

    def shown(self, store: Store) -> dict[str, Any]:
        """Return what the API says about a store now."""
        store.settle(self._time())
        return store.shown(self._time())

    def edit(self, store: Store, fields: Mapping[str, Any]) -> None:
        """Change these fields: null empties one, what nobody knows is shown as it is."""
        for name, value in fields.items():
            if name in _OWN:
                setattr(store, name, _EMPTY.get(name) if value is None else value)
            else:
                store.extra[name] = value

    def attach(
        self, store: Store, additions: Sequence[Addition], *, at_once: bool = False
    ) -> list[Member]:
        """Put files into a store, anew if they are there. Raises `ApiError` (400)."""
        store.check_alive()
        store.last_active_at = self._ground.now()
        return self._put(store, additions, at_once=at_once)

    def batch(self, store: Store, additions: Sequence[Addition]) -> Batch:
        """Put files into a store together. Raises `ApiError` (400)."""
        members = tuple(self.attach(store, additions))
        batch = Batch(self._ids.new("vsfb_"), store.id, self._ground.now(), members)
        store.batches.add(batch.id, batch)
        return batch

    def detach(self, store: Store, file_id: str) -> None:
        """Take a file out of a store. Raises `UnknownIdError`."""
        store.files.remove(file_id)

    def remove(self, store_id: str) -> None:
        """Delete a store; its files stay. Raises `UnknownIdError`."""
        self._shelf.remove(store_id)

    def _time(self) -> float:
        return self._ground.clock()

    def _put(self, store: Store, additions: Iterable[Addition], *, at_once: bool) -> list[Member]:
        ready_at = _LONG_AGO if at_once else self._time() + self._ground.rules.indexing
        members = []
        for file, attributes, chunking in additions:
            member = Member(
                file=file,
                store_id=store.id,
                created_at=self._ground.now(),
                attributes=attributes or {},
                chunking=strategy(chunking),
                ready_at=ready_at,
                error=failure(file, self._ground.rules),
            )
            if file.id in store.files:
                store.files.replace(file.id, member)
            else:
                store.files.add(file.id, member, at_once=at_once)
            members.append(member)
        return members

    def _forget(self, file_id: str) -> None:
        for store in self._shelf.all():
            if file_id in store.files:
                store.files.remove(file_id)
