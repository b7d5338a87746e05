"""Files and vector stores as the OpenAI API writes them, to our own values and back.

Raises ValueError, naming what it is about, for a record that cannot be one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.model.knowledge import File, Store, StoreFile


def file_from(record: Any) -> File:
    """Return a file."""
    fields = _record(record, "a file")
    return File(
        fields["id"],
        name=_text(fields, "filename"),
        bytes=_number(fields, "bytes"),
        purpose=_text(fields, "purpose") or "assistants",
        created_at=_number(fields, "created_at"),
    )


def container_file_from(record: Any) -> File:
    """Return a file in a container; its name is the last part of its path there."""
    fields = _record(record, "a container's file")
    return File(
        fields["id"],
        name=_text(fields, "path").rpartition("/")[2],
        bytes=_number(fields, "bytes"),
        created_at=_number(fields, "created_at"),
    )


def store_from(record: Any) -> Store:
    """Return a vector store."""
    fields = _record(record, "a vector store")
    return Store(fields["id"], fields)


def store_file_from(record: Any) -> StoreFile:
    """Return a file in a store; chunking that the API does not specify is left to the place."""
    fields = _record(record, "a vector store's file")
    error = _object(fields, "last_error")
    chunking = _object(fields, "chunking_strategy")
    return StoreFile(
        fields["id"],
        attributes=_object(fields, "attributes"),
        chunking=chunking if chunking.get("type") == "static" else None,
        status=_text(fields, "status") or "completed",
        error_code=_text(error, "code"),
        error=_text(error, "message"),
    )


def to_attach(file: StoreFile) -> dict[str, Any]:
    """Return what puts a file into a store; defaults are left out."""
    fields: dict[str, Any] = {"file_id": file.file_id}
    if file.attributes:
        fields["attributes"] = dict(file.attributes)
    if file.chunking is not None:
        fields["chunking_strategy"] = dict(file.chunking)
    return fields


def _record(record: Any, what: str) -> dict[str, Any]:
    if not isinstance(record, dict) or not _text(record, "id"):
        raise ValueError(f"{what} without an id")
    return record


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _number(fields: Mapping[str, Any], key: str) -> int | None:
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return None
    return value


def _object(fields: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = fields.get(key)
    return value if isinstance(value, dict) else {}
