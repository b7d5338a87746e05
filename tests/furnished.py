"""Projects of the sandbox with knowledge in them, for tests of the whole command."""

from __future__ import annotations

from pathlib import Path

from command import MODEL
from understudy.sandbox import Project

SMALL_CHUNKS = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
}


def furnish(project: Project, *, twins: bool) -> None:
    """Five assistants, three stores, seven files, and some things that nobody needs.

    `twins` are files of one name and one size with other bytes.
    """
    put = project.put_file
    handbook = put("handbook.txt", b"handbook " * 700)["id"]
    faq = put("faq.md", b"Why? " * 50)["id"]
    prices = put("prices, ü.csv", b"a;b\n" * 25)["id"]
    large = put("large.bin", b"\0\x01\x02" * 400_000)["id"]
    empty = put("empty.txt", b"")["id"]
    one = put("twin.txt" if twins else "one.txt", b"first twin")["id"]
    other = put("twin.txt" if twins else "other.txt", b"other twin")["id"]
    put("unused.txt", b"nobody needs this")
    shared = project.put_store(
        name="Handbooks",
        description="For everybody",
        metadata={"team": "support"},
        expires_after={"anchor": "last_active_at", "days": 30},
        files=[
            {"file_id": handbook, "attributes": {"year": 2024, "draft": False, "by": "Ü"}},
            {"file_id": faq, "chunking_strategy": SMALL_CHUNKS},
            {"file_id": one, "attributes": {f"key{i}": i for i in range(16)}},
        ],
    )["id"]
    second = project.put_store(name="Prices", files=[prices, faq])["id"]
    nameless = project.put_store(files=[other], metadata={"n": "1"})["id"]
    project.put_store(name="Unused", files=[faq])

    def add(name: str, store: str | None, *files: str) -> None:
        resources = {}
        if store:
            resources["file_search"] = {"vector_store_ids": [store]}
        if files:
            resources["code_interpreter"] = {"file_ids": list(files)}
        tools = [{"type": tool} for tool in resources]
        project.add(
            name=name,
            model=MODEL,
            instructions=f"I am {name}.",
            metadata={"owner": name.lower()},
            tools=tools,
            tool_resources=resources,
        )

    add("Support", shared, prices, large)
    add("Sales", shared)
    add("Prices", second, prices)
    add("Analyst", nameless, large, empty)
    add("Plain", None)


def surround(project: Project) -> set[str]:
    """Put things of somebody else into a project and return their ids."""
    file = project.put_file("somebody's.txt", b"not ours")["id"]
    store = project.put_store(name="Somebody's", files=[file])["id"]
    assistant = project.add(name="Somebody's", model=MODEL)["id"]
    return {file, store, assistant}


def supply(folder: Path, project: Project) -> Path:
    """Write all files of a project into a folder and return it."""
    folder.mkdir(exist_ok=True)
    for one, file in project.files.items():
        (folder / file["filename"]).write_bytes(project.content(one))
    return folder
