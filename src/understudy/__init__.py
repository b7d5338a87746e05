"""Copy AI assistants between projects, organizations and platforms: plan, apply, report.

    import asyncio, understudy

    report = asyncio.run(understudy.clone("src", "dst", select="support*"))
    for outcome in report.outcomes:
        print(outcome.status, outcome.name, outcome.destination_id)

Everything here is loaded on first use: importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from understudy._version import __version__

if TYPE_CHECKING:
    from understudy.architect.document import Document
    from understudy.config import Settings
    from understudy.config import load as load_settings
    from understudy.errors import UnderstudyError
    from understudy.model.assistant import Assistant
    from understudy.ops.api import check, clone, export, list_assistants, plan
    from understudy.ops.async_registry import AsyncRegistry
    from understudy.ops.loading import Definition, load, load_async
    from understudy.ops.look import Listing
    from understudy.ops.registry import Registry
    from understudy.ops.remote import AsyncRegistryClient, RegistryClient
    from understudy.ops.remote_copy import SyncResult
    from understudy.ops.request import Prune, Request
    from understudy.ops.run import Report
    from understudy.platforms.base import Platform
    from understudy.platforms.memory import Memory
    from understudy.platforms.pacing import RetryPolicy
    from understudy.platforms.snapshot import Snapshot
    from understudy.registry.notify import verify as verify_webhook
    from understudy.replicate.drift import Drift
    from understudy.replicate.events import FileOutcome, FileStatus, Outcome, Status, StoreOutcome
    from understudy.replicate.knowledge.needs import KnowledgeOptions
    from understudy.replicate.plan import Action, Identity, Plan
    from understudy.replicate.result import Exported
    from understudy.replicate.selection import Selection

__all__ = [
    "Action",
    "Assistant",
    "AsyncRegistry",
    "AsyncRegistryClient",
    "Definition",
    "Document",
    "Drift",
    "Exported",
    "FileOutcome",
    "FileStatus",
    "Identity",
    "KnowledgeOptions",
    "Listing",
    "Memory",
    "Outcome",
    "Plan",
    "Platform",
    "Prune",
    "Registry",
    "RegistryClient",
    "Report",
    "Request",
    "RetryPolicy",
    "Selection",
    "Settings",
    "Snapshot",
    "Status",
    "StoreOutcome",
    "SyncResult",
    "UnderstudyError",
    "__version__",
    "check",
    "clone",
    "export",
    "list_assistants",
    "load",
    "load_async",
    "load_settings",
    "plan",
    "verify_webhook",
]

_HOME = {
    "architect.document": ("Document",),
    "config": ("Settings", "load_settings"),
    "errors": ("UnderstudyError",),
    "model.assistant": ("Assistant",),
    "ops.api": ("check", "clone", "export", "list_assistants", "plan"),
    "ops.async_registry": ("AsyncRegistry",),
    "replicate.result": ("Exported",),
    "ops.loading": ("Definition", "load", "load_async"),
    "ops.look": ("Listing",),
    "ops.run": ("Report",),
    "ops.registry": ("Registry",),
    "ops.remote": ("AsyncRegistryClient", "RegistryClient"),
    "ops.remote_copy": ("SyncResult",),
    "ops.request": ("Prune", "Request"),
    "platforms.base": ("Platform",),
    "platforms.memory": ("Memory",),
    "platforms.pacing": ("RetryPolicy",),
    "platforms.snapshot": ("Snapshot",),
    "registry.notify": ("verify_webhook",),
    "replicate.drift": ("Drift",),
    "replicate.events": ("FileOutcome", "FileStatus", "Outcome", "Status", "StoreOutcome"),
    "replicate.knowledge.needs": ("KnowledgeOptions",),
    "replicate.plan": ("Action", "Identity", "Plan"),
    "replicate.selection": ("Selection",),
}
_MODULES = {name: module for module, names in _HOME.items() for name in names}
#: Names that are other ones at home.
_THERE = {"load_settings": "load", "verify_webhook": "verify"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module 'understudy' has no attribute {name!r}")
    value = getattr(import_module(f"understudy.{_MODULES[name]}"), _THERE.get(name, name))
    globals()[name] = value
    return value
