"""Demonstration data: the assistants with the files and vector stores that they lean on."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from understudy.sandbox.seed import demo_assistants
from understudy.sandbox.seed_texts import texts
from understudy.sandbox.state import Project

#: The owner has lost these: one is in a vector store, so its parsed text is left; one is not.
LOST = ("warranty-terms.md", "competitor-prices.csv")

_SMALL_CHUNKS = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
}


class _Shop(NamedTuple):
    """A vector store: its fields, its files with attributes and chunking, who searches it."""

    fields: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    users: tuple[str, ...]


_STORES = (
    _Shop(
        {
            "name": "Help centre",
            "description": "What customers may know.",
            "metadata": {"team": "support", "reviewed": "2026-09-30"},
        },
        {
            "returns-policy.md": {"attributes": {"topic": "returns", "version": 3}},
            "shipping-times.md": {"attributes": {"topic": "shipping", "version": 11}},
            "warranty-terms.md": {
                "attributes": {"topic": "warranty", "version": 2, "public": True},
                "chunking_strategy": _SMALL_CHUNKS,
            },
            "size-guide.csv": {"attributes": {"topic": "sizes", "public": True}},
        },
        ("Support Bot",),
    ),
    _Shop(
        {"name": "Handbook", "expires_after": {"anchor": "last_active_at", "days": 90}},
        {"employee-handbook.md": {"attributes": {"edition": "2026-09"}}},
        ("Onboarding Buddy",),
    ),
    _Shop(
        {"name": "Legal and security", "metadata": {"team": "legal", "confidential": "true"}},
        {
            "standard-clauses.md": {"chunking_strategy": _SMALL_CHUNKS},
            "approved-answers.csv": {"attributes": {"standard": "ISO 27001:2022"}},
            "rodo-w-pigułce.md": {"attributes": {"język": "polski"}},
        },
        ("Contract Analyst", "Security Questionnaire"),
    ),
)
_CODE_FILES = {
    "Invoice Reader": ("chart-of-accounts.csv",),
    "Data Analyst": ("stock-history.csv",),
    "Stock Forecaster": ("stock-history.csv",),
    "Price Watch": ("competitor-prices.csv",),
}


def furnish_demo(project: Project) -> None:
    """Put the demonstration assistants with all their knowledge into an empty project."""
    ids = {name: project.put_file(name, text.encode())["id"] for name, text in texts().items()}
    resources: dict[str, Any] = {
        user: {"code_interpreter": {"file_ids": [ids[name] for name in names]}}
        for user, names in _CODE_FILES.items()
    }
    for shop in _STORES:
        files = [{"file_id": ids[name], **how} for name, how in shop.files.items()]
        store = project.put_store(**shop.fields, files=files)
        for user in shop.users:
            resources[user] = {"file_search": {"vector_store_ids": [store["id"]]}}
    for fields in demo_assistants():
        found = resources.get(fields["name"])
        project.add(**fields, **({} if found is None else {"tool_resources": found}))


def demo_originals() -> Mapping[str, bytes]:
    """Return the files that their owner still has on disk, by name: all but `LOST`."""
    return {name: text.encode() for name, text in texts().items() if name not in LOST}
