"""Who may import whom. The arrows of docs/adr/0001-layers.md, held."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "understudy"
LEAVES = ("errors", "files", "redact", "profile", "_version")
DATA = (
    "model",
    "architect",
    "runs.records",
    "store.records",
    "platforms.base",
    "replicate.diff",
    "replicate.drift",
    "replicate.events",
    "replicate.inventory",
    "replicate.knowledge.plan",
    "replicate.knowledge.ledger",
    "replicate.knowledge.needs",
    "replicate.plan",
    "replicate.prune",
    "replicate.records",
    "replicate.result",
    "replicate.knowledge.route",
    "replicate.selection",
    "replicate.knowledge.store_plan",
    "replicate.survey",
    "registry.entries",
    "registry.addresses",
    "registry.file",
    "registry.gate",
    "registry.history",
    "registry.notify",
    "registry.outbox",
    "registry.schedule",
    "registry.shelf",
    "registry.sync",
)
INFRASTRUCTURE = (
    "platforms.agent_environments",
    "platforms.architect_text",
    "platforms.base",
    "platforms.environments",
    "platforms.dump_files",
    "platforms.dump_form",
    "platforms.dump_records",
    "platforms.dump_scan",
    "platforms.knowledge",
    "platforms.lacking",
    "platforms.limiter",
    "platforms.memory_knowledge",
    "platforms.openai_definitions",
    "platforms.openai_errors",
    "platforms.openai_knowledge",
    "platforms.openai_models",
    "platforms.openai_records",
    "platforms.openai_responses",
    "platforms.openai_transfer",
    "platforms.openai_wire",
    "platforms.paced_environments",
    "platforms.paced_knowledge",
    "platforms.pacing",
    "platforms.rendering",
    "platforms.responses_form",
    "platforms.snapshot_files",
    "platforms.snapshot_form",
    "platforms.snapshot_knowledge",
    "platforms.snapshot_stores",
    "platforms.turns",
)

#: Which module may import what of ours; the longest name that fits decides.
ARROWS: dict[str, tuple[str, ...]] = {
    "_version": (),
    "errors": (),
    "files": ("errors",),
    "redact": (),
    "profile": ("errors", "redact"),
    "config": ("errors", "redact", "profile", "config_file"),
    "config_file": ("errors", "profile"),
    "model": ("model",),
    "platforms": ("model", *LEAVES, *INFRASTRUCTURE),
    "platforms.catalog": ("errors", "platforms"),
    "platforms.architect_file": ("model", *LEAVES, *INFRASTRUCTURE, "architect"),
    "platforms.architect_text": ("architect",),
    "replicate": (
        "model",
        "errors",
        "platforms.base",
        "platforms.environments",
        "platforms.knowledge",
        "replicate",
    ),
    "registry": ("_version", "model", "errors", "files", "platforms.base", "registry"),
    "report": ("_version", "report", "errors", "redact", "profile", *DATA),
    "store": ("architect.approval", *LEAVES, "store"),
    "architect": ("model", "errors", "architect"),
    "runs": ("architect", "errors", "runs", "store.address", "store.failures", "store.opening"),
    "architect.engine": ("architect", "providers.base", "providers.errors"),
    "providers": ("errors", "redact", "providers"),
    "ops": (
        "model",
        "platforms",
        "providers",
        "registry",
        "replicate",
        "report",
        "architect",
        "runs",
        "store",
        "config",
        *LEAVES,
        "ops",
    ),
    "ops.rehearsal": ("sandbox", "errors", "files", "model", "platforms"),
    "cli": ("ops", "report", "config", *LEAVES, *DATA, "cli"),
    "cli.serve": ("ops", "report", "config", *LEAVES, *DATA, "cli", "service"),
    "service": ("ops", "report", "config", "model", *LEAVES, *DATA, "service"),
    "sandbox": ("sandbox",),
    "__init__": (
        "architect.document",
        "config",
        "ops",
        "model",
        "platforms",
        "replicate",
        "registry.notify",
        *LEAVES,
    ),
    "__main__": ("cli",),
}


def imports(source: str) -> Iterator[str]:
    """Yield the modules of ours that a module imports, without the package's name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "understudy":
                names = [f"understudy.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (n.removeprefix("understudy.") for n in names if n.startswith("understudy."))


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def violations(module: str, source: str) -> list[str]:
    """Return what a module imports against the arrows."""
    rule = max((room for room in ARROWS if within(module, room)), key=len)
    allowed = ARROWS[rule]
    return [name for name in imports(source) if not any(within(name, room) for room in allowed)]


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts), path


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: str(value))
def test_imports_follow_the_arrows(module: str, path: Path) -> None:
    assert violations(module, path.read_text(encoding="utf-8")) == []


def test_nobody_but_the_entry_points_imports_the_command_line() -> None:
    importers = {
        module
        for module, path in modules()
        if any(within(name, "cli") for name in imports(path.read_text(encoding="utf-8")))
    }
    assert {module for module in importers if not within(module, "cli")} == {"__main__"}


def test_no_adapter_imports_another() -> None:
    adapters = {"agents", "architect_file", "assistants_v2", "dumps", "memory", "responses"}
    adapters.add("snapshot")
    for name in adapters:
        found = set(imports((PACKAGE / "platforms" / f"{name}.py").read_text(encoding="utf-8")))
        assert not found & {f"platforms.{other}" for other in adapters - {name}}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model.assistant", "from understudy.platforms.base import Platform"),
        ("platforms.memory", "import understudy.platforms.snapshot"),
        ("replicate.plan", "def f():\n    from understudy.platforms.memory import Memory"),
        ("report.text", "from understudy.ops.look import Checked"),
        ("providers.gateway", "from understudy.config import Settings"),
        ("sandbox.app", "from understudy import errors"),
        ("ops.look", "from understudy.cli.session import Session"),
    ],
)
def test_a_planted_violation_is_found(module: str, source: str) -> None:
    assert violations(module, source)
