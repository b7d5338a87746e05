"""Replies about knowledge against OpenAI's own description, and the package's types."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from openai import types
from openai.types import containers, uploads, vector_stores
from pydantic import BaseModel

from understudy.sandbox import Fault, Project, Sandbox, furnish_demo

Conforms = Callable[[str, object], None]
KEY = "sk-north-0123456789abcdef"
EXPIRY = {"anchor": "last_active_at", "days": 3}
STATIC = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50},
}
UPLOAD = {"bytes": 1, "filename": "a", "mime_type": "text/plain", "purpose": "assistants"}

Call = tuple[str, str, Any, str, type[BaseModel] | None]
CALLS: list[Call] = [
    ("POST", "files", {"purpose": "batch"}, "OpenAIFile", types.FileObject),
    ("GET", "files/{file}", None, "OpenAIFile", types.FileObject),
    ("GET", "files", None, "ListFilesResponse", None),
    ("GET", "files?purpose=vision", None, "ListFilesResponse", None),
    ("DELETE", "files/{file}", None, "DeleteFileResponse", types.FileDeleted),
    ("POST", "uploads", UPLOAD, "Upload", types.Upload),
    ("POST", "uploads/{upload}/parts", {}, "UploadPart", uploads.UploadPart),
    ("POST", "uploads/{upload}/complete", {"part_ids": ["{part}"]}, "Upload", types.Upload),
    ("POST", "uploads/{upload}/cancel", None, "Upload", types.Upload),
    ("POST", "vector_stores", {}, "VectorStoreObject", types.VectorStore),
    ("POST", "vector_stores", {"name": "n", "file_ids": ["{file}"], "expires_after": EXPIRY},
     "VectorStoreObject", types.VectorStore),
    ("POST", "vector_stores/{store}", {"expires_after": None}, "VectorStoreObject",
     types.VectorStore),
    ("GET", "vector_stores/{store}", None, "VectorStoreObject", types.VectorStore),
    ("GET", "vector_stores/{expired}", None, "VectorStoreObject", types.VectorStore),
    ("GET", "vector_stores", None, "ListVectorStoresResponse", None),
    ("DELETE", "vector_stores/{store}", None, "DeleteVectorStoreResponse",
     types.VectorStoreDeleted),
    ("POST", "vector_stores/{store}/files", {"file_id": "{file}", "chunking_strategy": STATIC},
     "VectorStoreFileObject", vector_stores.VectorStoreFile),
    ("GET", "vector_stores/{store}/files", None, "ListVectorStoreFilesResponse", None),
    ("GET", "vector_stores/{store}/files?filter=cancelled", None,
     "ListVectorStoreFilesResponse", None),
    ("GET", "vector_stores/{store}/files/{file}", None, "VectorStoreFileObject",
     vector_stores.VectorStoreFile),
    ("GET", "vector_stores/{store}/files/{failed}", None, "VectorStoreFileObject",
     vector_stores.VectorStoreFile),
    ("POST", "vector_stores/{store}/files/{file}", {"attributes": {"a": 1, "b": True, "c": "d"}},
     "VectorStoreFileObject", vector_stores.VectorStoreFile),
    ("DELETE", "vector_stores/{store}/files/{file}", None, "DeleteVectorStoreFileResponse",
     vector_stores.VectorStoreFileDeleted),
    ("GET", "vector_stores/{store}/files/{file}/content", None,
     "VectorStoreFileContentResponse", None),
    ("POST", "vector_stores/{store}/file_batches", {"file_ids": ["{file}"]},
     "VectorStoreFileBatchObject", vector_stores.VectorStoreFileBatch),
    ("GET", "vector_stores/{store}/file_batches/{batch}", None, "VectorStoreFileBatchObject",
     vector_stores.VectorStoreFileBatch),
    ("POST", "vector_stores/{store}/file_batches/{batch}/cancel", None,
     "VectorStoreFileBatchObject", vector_stores.VectorStoreFileBatch),
    ("GET", "vector_stores/{store}/file_batches/{batch}/files", None,
     "ListVectorStoreFilesResponse", None),
    ("POST", "containers", {"name": "c", "file_ids": ["{file}"]}, "ContainerResource",
     types.ContainerCreateResponse),
    ("GET", "containers/{container}", None, "ContainerResource",
     types.ContainerRetrieveResponse),
    ("GET", "containers", None, "ContainerListResource", None),
    ("POST", "containers/{container}/files", {}, "ContainerFileResource",
     containers.FileCreateResponse),
    ("POST", "containers/{container}/files", {"file_id": "{file}"}, "ContainerFileResource",
     containers.FileCreateResponse),
    ("GET", "containers/{container}/files", None, "ContainerFileListResource", None),
    ("GET", "containers/{container}/files/{copy}", None, "ContainerFileResource",
     containers.FileRetrieveResponse),
]  # fmt: skip


async def ask(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    method: str,
    path: str,
    body: Any = None,
    **names: str,
) -> tuple[int, Any]:
    """Make a request, as a form where the path takes one and the body names no file."""
    url = f"{sandbox.base_url}/{path.format(**names)}"
    field = {"files": "file", "parts": "data"}.get(path.rpartition("/")[2])
    if body is not None and field and "file_id" not in body:
        form = aiohttp.FormData(body, default_to_multipart=True)
        form.add_field(field, b"A", filename="ü.md")
        async with raw.request(method, url, data=form) as reply:
            return reply.status, await reply.json()
    filled = _filled(body, names)
    async with raw.request(method, url, json=filled) as reply:
        return reply.status, await reply.json()


def _filled(value: Any, names: dict[str, str]) -> Any:
    match value:
        case str() if value.startswith("{"):
            return value.format(**names)
        case list():
            return [_filled(one, names) for one in value]
        case dict():
            return {key: _filled(one, names) for key, one in value.items()}
    return value


@pytest.fixture
async def names(sandbox: Sandbox, raw: aiohttp.ClientSession, project: Project) -> dict[str, str]:
    """Ids of one of everything."""
    furnish_demo(project)
    names = {
        "file": project.put_file("a.md", "Zażółć".encode() * 999)["id"],
        "failed": project.put_file("empty.md", b"")["id"],
        "expired": project.put_store(name="old")["id"],
    }
    project.expire_store(names["expired"])
    project.put_file("v.png", b"\x89", purpose="vision")
    names["store"] = project.put_store(
        files=[names["file"], names["failed"]], expires_after=EXPIRY
    )["id"]

    async def made(path: str, body: Any) -> str:
        status, document = await ask(sandbox, raw, "POST", path, body, **names)
        assert status == 200, document
        return str(document["id"])

    names["upload"] = await made("uploads", UPLOAD)
    names["part"] = await made("uploads/{upload}/parts", {})
    names["batch"] = await made("vector_stores/{store}/file_batches", {"file_ids": ["{file}"]})
    names["container"] = await made("containers", {"name": "c"})
    names["copy"] = await made("containers/{container}/files", {"file_id": "{file}"})
    return names


@pytest.mark.parametrize(("method", "path", "body", "schema", "model"), CALLS)
async def test_every_reply_is_of_the_packages_type(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    names: dict[str, str],
    method: str,
    path: str,
    body: Any,
    schema: str,
    model: type[BaseModel] | None,
) -> None:
    status, document = await ask(sandbox, raw, method, path, body, **names)
    assert status == 200, document
    if model is not None:
        checked = model.model_validate(document, strict=True)
        assert not checked.model_extra or set(checked.model_extra) == {"description"}


@pytest.mark.parametrize(("method", "path", "body", "schema", "model"), CALLS)
async def test_every_reply_is_what_the_description_promises(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    conforms: Conforms,
    names: dict[str, str],
    method: str,
    path: str,
    body: Any,
    schema: str,
    model: type[BaseModel] | None,
) -> None:
    _, document = await ask(sandbox, raw, method, path, body, **names)
    conforms(schema, document)


async def test_empty_lists_are_what_the_description_promises(
    sandbox: Sandbox, raw: aiohttp.ClientSession, conforms: Conforms
) -> None:
    for path, schema in (
        ("files", "ListFilesResponse"),
        ("vector_stores", "ListVectorStoresResponse"),
        ("containers", "ContainerListResource"),
    ):
        conforms(schema, (await ask(sandbox, raw, "GET", path))[1])


async def test_all_demonstration_knowledge_is_what_the_description_promises(
    project: Project, conforms: Conforms
) -> None:
    furnish_demo(project)
    for file in project.files.values():
        conforms("OpenAIFile", file)
    for id_, store in project.stores.items():
        conforms("VectorStoreObject", store)
        for member in project.store_files(id_).values():
            conforms("VectorStoreFileObject", member)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "files/file-x", None),
        ("GET", "files/{file}/content", None),
        ("POST", "files", {"purpose": "fun"}),
        ("POST", "uploads/upload_x/cancel", None),
        ("POST", "vector_stores/{store}/files", {"file_id": "file-x"}),
        ("POST", "vector_stores/{expired}/files", {"file_id": "{file}"}),
        ("GET", "vector_stores/vs_x", None),
        ("GET", "vector_stores/{store}/files/file-x/content", None),
        ("POST", "vector_stores/{store}/file_batches", {"file_ids": ["f"] * 2001}),
        ("GET", "containers/cntr_x/files", None),
        ("PUT", "vector_stores/{store}/files", None),
        ("GET", "vector_stores/{store}/search", None),
    ],
)
async def test_every_refusal_is_what_the_description_promises(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    conforms: Conforms,
    names: dict[str, str],
    method: str,
    path: str,
    body: Any,
) -> None:
    status, document = await ask(sandbox, raw, method, path, body, **names)
    assert status >= 400
    conforms("ErrorResponse", document)


async def test_an_injected_error_is_what_the_description_promises(
    sandbox: Sandbox, raw: aiohttp.ClientSession, conforms: Conforms
) -> None:
    sandbox.faults = (Fault("gone", "files"),)
    conforms("ErrorResponse", (await ask(sandbox, raw, "GET", "files"))[1])
