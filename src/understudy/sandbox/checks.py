"""What parameters of files, stores, uploads and containers must be like."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Required, get_origin, get_type_hints

from openai.types.auto_file_chunking_strategy_param import AutoFileChunkingStrategyParam
from openai.types.container_create_params import ContainerCreateParams
from openai.types.file_create_params import ExpiresAfter
from openai.types.static_file_chunking_strategy_object_param import (
    StaticFileChunkingStrategyObjectParam,
)
from openai.types.upload_complete_params import UploadCompleteParams
from openai.types.upload_create_params import UploadCreateParams
from openai.types.vector_store_create_params import VectorStoreCreateParams
from openai.types.vector_store_update_params import VectorStoreUpdateParams
from openai.types.vector_stores.file_batch_create_params import FileBatchCreateParams
from openai.types.vector_stores.file_create_params import FileCreateParams
from openai.types.vector_stores.file_update_params import FileUpdateParams
from pydantic import TypeAdapter

from understudy.sandbox import shapes
from understudy.sandbox.limits import check_array, check_metadata, check_range

MAX_STORE_FILES = 500
MAX_UPLOAD = 8 * 1024**3

Body = Mapping[str, Any]

# The package's own types leave what is in a list to whoever iterates over it.
_IDS: TypeAdapter[Any] = TypeAdapter(list[str])
_LIFETIME: TypeAdapter[Any] = TypeAdapter(ExpiresAfter)
_OBJECT: TypeAdapter[Any] = TypeAdapter(dict[str, Any])
_INSTEAD: Mapping[str, TypeAdapter[Any]] = {
    "file_ids": _IDS,
    "part_ids": _IDS,
    "files": TypeAdapter(list[dict[str, Any]]),
    "chunking_strategy": _OBJECT,
    "network_policy": _OBJECT,
    "skills": TypeAdapter(list[Any]),
    "items": TypeAdapter(list[Any] | None),
}
_CHUNKING: shapes.Adapters = {
    "auto": TypeAdapter(AutoFileChunkingStrategyParam),
    "static": TypeAdapter(StaticFileChunkingStrategyObjectParam),
}


class Shape:
    """The parameters of one kind of request: names, types, and which must be there."""

    def __init__(self, params: type) -> None:
        hints = get_type_hints(params, include_extras=True)
        hints.pop("vector_store_id", None)  # which is in the path
        self._required = [name for name, hint in hints.items() if get_origin(hint) is Required]
        self._adapters: Mapping[str, TypeAdapter[Any]] = {
            name: _INSTEAD.get(name) or TypeAdapter(hint)
            for name, hint in get_type_hints(params).items()
            if name in hints
        }

    def check(self, body: Body, *, lenient: bool = False, within: str = "") -> None:
        """Refuse (`ApiError` 400) the first parameter that is absent, unknown or ill-formed."""
        for name in self._required:
            if name not in body:
                raise shapes.missing_parameter(within + name)
        for name, value in body.items():
            if name in self._adapters:
                shapes.check_value(self._adapters[name], value, within + name, lenient=lenient)
            elif not lenient:
                raise shapes.unknown_parameter(within + name)
        for name, check in _LIMITS.items():
            if body.get(name) is not None:
                check(body[name], within + name)


STORE = Shape(VectorStoreCreateParams)
STORE_UPDATE = Shape(VectorStoreUpdateParams)
STORE_FILE = Shape(FileCreateParams)
STORE_FILE_UPDATE = Shape(FileUpdateParams)
BATCH = Shape(FileBatchCreateParams)
UPLOAD = Shape(UploadCreateParams)
COMPLETE = Shape(UploadCompleteParams)
CONTAINER = Shape(ContainerCreateParams)


def check_lifetime(policy: object) -> None:
    """Refuse (`ApiError` 400) an ill-formed policy of when a file expires."""
    shapes.check_value(_LIFETIME, policy, "expires_after")
    _expiry(policy, "expires_after")


def check_count(body: Body, name: str, limit: int, least: int = 0) -> None:
    """Refuse (`ApiError` 400) more than `limit` items under this name, or less than `least`."""
    if isinstance(body.get(name), list):
        check_array(name, body[name], limit, least)


def _expiry(policy: Any, path: str) -> None:
    for name, bounds in {"days": (1, 365), "minutes": (1, 20), "seconds": (3600, 2592000)}.items():
        check_range(f"{path}.{name}", policy.get(name), *bounds)


def _size(size: int, path: str) -> None:
    check_range(path, size, 1, MAX_UPLOAD)


def _chunking(strategy: Any, path: str) -> None:
    shapes.check_tagged(_CHUNKING, strategy, path)
    if strategy["type"] != "static":
        return
    static, path = strategy["static"], f"{path}.static"
    most = static["max_chunk_size_tokens"]
    check_range(f"{path}.max_chunk_size_tokens", most, 100, 4096)
    check_range(f"{path}.chunk_overlap_tokens", static["chunk_overlap_tokens"], 0, most // 2)


def _files(files: list[dict[str, Any]], path: str) -> None:
    for index, file in enumerate(files):
        STORE_FILE.check(file, within=f"{path}[{index}].")


_LIMITS: Mapping[str, Callable[[Any, str], None]] = MappingProxyType(
    {
        "metadata": check_metadata,
        "attributes": check_metadata,
        "expires_after": _expiry,
        "bytes": _size,
        "chunking_strategy": _chunking,
        "files": _files,
    }
)
