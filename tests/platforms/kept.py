"""Snapshots with knowledge in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pieces import Bucket
from understudy.model.knowledge import File, Store, StoreFile
from understudy.platforms.base import PlaceInfo
from understudy.platforms.snapshot_knowledge import SnapshotKnowledge

SOURCE = PlaceInfo("src", "openai-assistants", "https://example.com/v1")
STATIC = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def keep(knowledge: SnapshotKnowledge, number: int, data: bytes) -> File:
    file = File(f"file-{number}", f"{number}.txt", len(data), "assistants", 1000 - number)
    return put(knowledge, file, data)


def put(knowledge: SnapshotKnowledge, file: File, data: bytes | None) -> File:
    """Keep a file with these bytes, as an export does; without any it is noted as missing."""
    if data is None:
        return knowledge.keep_file(file, None)
    with knowledge.incoming() as blob:
        blob.write(data)
        return knowledge.keep_file(file, blob)


async def fetched(knowledge: SnapshotKnowledge, file_id: str) -> bytes:
    bucket = Bucket()
    await knowledge.download(file_id, bucket)
    return bucket.data


def exported(root: Path, order: list[int]) -> dict[str, bytes]:
    """Export three files and two stores in some order; return what lies there."""
    knowledge = SnapshotKnowledge(root)
    for number in order:
        keep(knowledge, number, b"same" if number < 3 else b"other")
    stores = [
        (
            Store(f"vs_{n}", {"id": f"vs_{n}", "name": "Docs", "status": "expired", "metadata": m}),
            [StoreFile(f"file-{i}", {"z": 1, "a": True}, STATIC, "failed") for i in order],
        )
        for n, m in ((1, {"b": "1", "a": "2"}), (2, {}))
    ]
    knowledge.keep_stores(stores)
    knowledge.flush()
    return tree(root)
