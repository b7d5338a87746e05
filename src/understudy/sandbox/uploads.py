"""Uploads: files that arrive in parts."""

from dataclasses import dataclass, field
from typing import Any

from understudy.sandbox.disk import Content
from understudy.sandbox.files import File
from understudy.sandbox.ground import Ground
from understudy.sandbox.shelf import Shelf
from understudy.sandbox.wire import ApiError

LIFETIME = 3600


@dataclass(slots=True)
class Upload:
    """An upload: what was announced, the parts by id, and the file once it is complete."""

    id: str
    created_at: int
    size: int
    filename: str
    purpose: str
    lifetime: int | None = None
    status: str = "pending"
    parts: dict[str, Content] = field(default_factory=dict)
    file: File | None = None

    @property
    def expires_at(self) -> int:
        """When it expires, in seconds."""
        return self.created_at + LIFETIME

    def end(self, status: str) -> None:
        """End it; the parts are not needed any more."""
        self.status = status
        self.parts.clear()

    def shown(self) -> dict[str, Any]:
        """Return what the API says about it."""
        shown = {
            "id": self.id,
            "object": "upload",
            "bytes": self.size,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": self.status,
        }
        return shown if self.file is None else shown | {"file": dict(self.file.fields)}


class Uploads:
    """The uploads of a project. One expires an hour after its creation."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._ids = ground.ids("uploads")
        self._shelf: Shelf[Upload] = ground.shelf("upload")

    def add(self, size: int, filename: str, purpose: str, lifetime: int | None) -> Upload:
        """Announce a file of `size` bytes, which will disappear after `lifetime` seconds."""
        upload = Upload(
            self._ids.new("upload_"), self._ground.now(), size, filename, purpose, lifetime
        )
        self._shelf.add(upload.id, upload)
        return upload

    def pending(self, upload_id: str) -> Upload:
        """Return an upload that goes on. Raises `UnknownIdError`, and `ApiError` for an ended."""
        upload = self._shelf[upload_id]
        if upload.status == "pending" and upload.expires_at <= self._ground.clock():
            upload.end("expired")
        if upload.status != "pending":
            raise ApiError(400, f"Upload '{upload.id}' is {upload.status}.")
        return upload

    def add_part(self, upload: Upload, data: Content) -> dict[str, Any]:
        """Add a part, and return what the API says about it."""
        part_id = self._ids.new("part_")
        upload.parts[part_id] = data
        return {
            "id": part_id,
            "object": "upload.part",
            "created_at": self._ground.now(),
            "upload_id": upload.id,
        }
