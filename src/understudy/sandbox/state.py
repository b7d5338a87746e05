"""What a project holds: its assistants, its models, its knowledge. Time comes from a clock."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from understudy.sandbox import fill
from understudy.sandbox.agency import Agency
from understudy.sandbox.containers import Containers
from understudy.sandbox.disk import Folder
from understudy.sandbox.files import Files
from understudy.sandbox.ground import Ground, Ids, Rules
from understudy.sandbox.models import DEFAULT_MODELS, Models, table
from understudy.sandbox.shelf import Lag, Page, Shelf, View
from understudy.sandbox.stores import Addition, Stores
from understudy.sandbox.uploads import Uploads
from understudy.sandbox.wire import encode


@dataclass(frozen=True, slots=True)
class Assistant:
    """One assistant, also ready to send."""

    fields: dict[str, Any]
    encoded: bytes


class Project(Agency):
    """One project's state. What the methods are given is not validated; times are in seconds.

    Whatever names something that is not there raises `UnknownIdError`, a `KeyError`.
    """

    def __init__(
        self,
        label: str,
        *,
        seed: str = "",
        clock: Callable[[], float],
        models: Models | Sequence[str] = DEFAULT_MODELS,
        lag: Lag | None = None,
        rules: Rules | None = None,
        folder: Folder | None = None,
    ) -> None:
        self.label = label
        self._models = table(models)
        self.organization: str | None = None
        self.project: str | None = None
        self.rules = rules or Rules()
        self.folder = folder or Folder()
        ground = Ground(
            seed=seed, clock=clock, lag=lag or Lag(), rules=self.rules, folder=self.folder
        )
        self._clock = clock
        self._ids = Ids(seed)
        self._last_created = 0
        self._assistants: Shelf[Assistant] = ground.shelf("assistant")
        #: The parts that the API's handlers work on.
        self.file_desk = Files(ground)
        self.store_desk = Stores(ground, self.file_desk)
        self.upload_desk = Uploads(ground)
        self.container_desk = Containers(ground)
        self.open(ground)

    @property
    def models(self) -> Models:
        """The models by name. Names alone may be assigned too."""
        return self._models

    @models.setter
    def models(self, models: Models | Sequence[str]) -> None:
        self._models = table(models)

    def now(self) -> float:
        """Return the time by the project's clock."""
        return self._clock()

    @property
    def assistants(self) -> Mapping[str, dict[str, Any]]:
        """All assistants by id, oldest first. Read only: change them with `edit`."""
        return MappingProxyType({one.fields["id"]: one.fields for one in self._assistants.all()})

    def add(self, **fields: Any) -> dict[str, Any]:
        """Put an assistant here, as if long ago: lists show it at once. Returns it complete."""
        return self._insert(deepcopy(fields), at_once=True).fields

    def create(self, fields: Mapping[str, Any]) -> bytes:
        """Create through the API: lists may lag behind. Returns the assistant as JSON."""
        return self._insert(fields, at_once=False).encoded

    def encoded(self, assistant_id: str) -> bytes:
        """Return the assistant as JSON."""
        return self._assistants[assistant_id].encoded

    def fields(self, assistant_id: str) -> dict[str, Any]:
        """Return the assistant's fields, not to be changed."""
        return self._assistants[assistant_id].fields

    def edit(self, assistant_id: str, **fields: Any) -> dict[str, Any]:
        """Change these fields and no others."""
        old = self.fields(assistant_id)
        new = old | fill.changes(deepcopy(fields), self._new_store)
        self._assistants.replace(assistant_id, Assistant(new, encode(new)))
        return new

    def remove(self, assistant_id: str) -> None:
        """Delete the assistant."""
        self._assistants.remove(assistant_id)

    def page(
        self, *, limit: int, newest_first: bool, after: str | None = None, before: str | None = None
    ) -> Page[Assistant]:
        """Return one page of the list of assistants; counts as a list call."""
        return self._assistants.page(
            limit=limit, newest_first=newest_first, after=after, before=before
        )

    @property
    def files(self) -> Mapping[str, dict[str, Any]]:
        """All files by id, oldest first, as the API shows them at any moment."""
        return View(lambda: self.file_desk.shelf, lambda file: dict(file.fields))

    @property
    def stores(self) -> Mapping[str, dict[str, Any]]:
        """All vector stores by id, oldest first, as the API shows them at any moment."""
        return View(lambda: self.store_desk.shelf, self.store_desk.shown)

    def store_files(self, store_id: str) -> Mapping[str, dict[str, Any]]:
        """All files of a store by id, as the API shows them at any moment."""
        desk = self.store_desk
        desk.find(store_id)
        return View(lambda: desk.find(store_id).files, lambda member: member.shown(self._clock()))

    @property
    def containers(self) -> Mapping[str, dict[str, Any]]:
        """All containers by id, oldest first, as the API shows them at any moment."""
        return View(lambda: self.container_desk.shelf, self.container_desk.shown)

    def put_file(
        self,
        name: str,
        content: bytes | Path,
        *,
        purpose: str = "assistants",
        created_at: int | None = None,
    ) -> dict[str, Any]:
        """Put a file here, as if long ago: lists show it at once. A path is copied."""
        file = self.file_desk.add(
            name, self.folder.keep(content), purpose=purpose, created_at=created_at, at_once=True
        )
        return dict(file.fields)

    def put_store(
        self,
        *,
        name: str = "",
        files: Sequence[str | Mapping[str, Any]] = (),
        metadata: Mapping[str, str] | None = None,
        expires_after: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> dict[str, Any]:
        """Put a vector store here, as if long ago: its files are indexed, or have failed.

        A file is an id, or a mapping with `file_id`, `attributes` and `chunking_strategy`.
        """
        desk = self.store_desk
        fields = deepcopy(
            {
                "name": name,
                "metadata": metadata,
                "expires_after": expires_after,
                "description": description,
            }
        )
        store = desk.add(fields, [self._addition(file) for file in files], at_once=True)
        return desk.shown(store)

    def content(self, file_id: str) -> bytes:
        """Return a file's bytes, all of them at once."""
        return b"".join(self.file_desk.find(file_id).content.blocks())

    def sha256(self, file_id: str) -> str:
        """Return the SHA-256 of a file's bytes in hexadecimal digits, in constant memory."""
        return self.file_desk.find(file_id).content.digest("sha256")

    def edit_store(self, store_id: str, **fields: Any) -> dict[str, Any]:
        """Change these fields of a store; what nobody knows is shown as it is."""
        store = self.store_desk.find(store_id)
        self.store_desk.edit(store, deepcopy(fields))
        return self.store_desk.shown(store)

    def attach(
        self,
        store_id: str,
        file_id: str,
        attributes: Mapping[str, Any] | None = None,
        chunking_strategy: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Put a file into a store, indexed at once. Raises `ApiError` if the store expired."""
        desk = self.store_desk
        addition = self._addition(
            {
                "file_id": file_id,
                "attributes": attributes,
                "chunking_strategy": chunking_strategy,
            }
        )
        (member,) = desk.attach(desk.find(store_id), [addition], at_once=True)
        return member.shown(self._clock())

    def detach(self, store_id: str, file_id: str) -> None:
        """Take a file out of a store; the file itself stays."""
        self.store_desk.detach(self.store_desk.find(store_id), file_id)

    def edit_attributes(
        self, store_id: str, file_id: str, attributes: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Replace the attributes of a file in a store."""
        member = self.store_desk.find(store_id).files[file_id]
        member.attributes = deepcopy(dict(attributes))
        return member.shown(self._clock())

    def remove_file(self, file_id: str) -> None:
        """Delete a file, here and in all stores."""
        self.file_desk.remove(file_id)

    def remove_store(self, store_id: str) -> None:
        """Delete a store; its files stay."""
        self.store_desk.remove(store_id)

    def expire_store(self, store_id: str) -> None:
        """Let a store expire, whatever its time."""
        self.store_desk.find(store_id).expired = True

    def _addition(self, wanted: str | Mapping[str, Any]) -> Addition:
        if isinstance(wanted, str):
            return Addition(self.file_desk.find(wanted))
        copy = deepcopy(dict(wanted))
        file = self.file_desk.find(copy["file_id"])
        return Addition(file, copy.get("attributes"), copy.get("chunking_strategy"))

    def _insert(self, fields: Mapping[str, Any], *, at_once: bool) -> Assistant:
        self._last_created = max(self._last_created, int(self._clock()))
        identity: dict[str, Any] = {
            "id": self._ids.new("asst_"),
            "object": "assistant",
            "created_at": self._last_created,
        }
        complete = identity | fill.defaults() | fill.changes(fields, self._new_store)
        made = Assistant(complete, encode(complete))
        self._assistants.add(complete["id"], made, at_once=at_once)
        return made

    def _new_store(self, wanted: Mapping[str, Any]) -> str:
        """Make the store that an assistant asks for along the way; returns its id."""
        known = self.file_desk.shelf
        ids = dict.fromkeys(id_ for id_ in wanted.get("file_ids", ()) if id_ in known)
        chunking = wanted.get("chunking_strategy")
        additions = [Addition(known[id_], None, chunking) for id_ in ids]
        store = self.store_desk.add({"metadata": wanted.get("metadata")}, additions)
        return store.id
