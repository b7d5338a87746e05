"""A look-alike of the OpenAI API on loopback: to rehearse, to demonstrate, to test.

It shares no code with the rest of the package, so that it can bear witness independently.
Names are loaded upon first use: importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.sandbox.app import Request, Sandbox
    from understudy.sandbox.faults import Fault, parse_fault
    from understudy.sandbox.models import Model
    from understudy.sandbox.script import Calling, Turn
    from understudy.sandbox.seed import demo_assistants
    from understudy.sandbox.seed_agents import demo_agents, furnish_agents
    from understudy.sandbox.seed_knowledge import demo_originals, furnish_demo
    from understudy.sandbox.state import Project
    from understudy.sandbox.threaded import ThreadedSandbox

__all__ = [
    "Calling",
    "Fault",
    "Model",
    "Project",
    "Request",
    "Sandbox",
    "ThreadedSandbox",
    "Turn",
    "demo_agents",
    "demo_assistants",
    "demo_originals",
    "furnish_agents",
    "furnish_demo",
    "parse_fault",
]

_HOMES = {
    "Calling": "script",
    "Fault": "faults",
    "Model": "models",
    "Project": "state",
    "Request": "app",
    "Sandbox": "app",
    "ThreadedSandbox": "threaded",
    "Turn": "script",
    "demo_agents": "seed_agents",
    "demo_assistants": "seed",
    "demo_originals": "seed_knowledge",
    "furnish_agents": "seed_agents",
    "furnish_demo": "seed_knowledge",
    "parse_fault": "faults",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
