"""The gate that the settings name: none, a command, or a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import Enum, auto

from understudy.config import Settings
from understudy.errors import SnapshotError, UsageError
from understudy.files import read_text
from understudy.ops.gates import TIMEOUT, CommandGate
from understudy.ops.model_gate import ModelGate
from understudy.profile import Value
from understudy.registry.gate import Gate

_MOST_POLICY = 100_000  # characters


class Asked(Enum):
    """Whom a registry asks if nobody says so: whom the settings name."""

    CONFIGURED = auto()


#: Whom a registry asks.
Approval = Gate | Asked | None


def approver(approval: Approval, settings: Settings) -> Gate | None:
    """Return the gate to ask; raises UsageError as `configured` does."""
    return configured(settings) if isinstance(approval, Asked) else approval


def configured(settings: Settings) -> Gate | None:
    """Return the gate that the settings name; raises UsageError for one that cannot be asked."""
    kind = settings.option("registry_gate")
    if kind is None:
        for option in ("registry_gate_command", "registry_gate_model"):
            if value := settings.option(option):
                raise UsageError(
                    f"{value.origin} sets a {option}, and no registry_gate is set.",
                    hint=f"Set it to {option.removeprefix('registry_gate_')}, or to none.",
                )
        return None
    name = kind.text.strip().lower()
    if name not in _KINDS:
        raise UsageError(
            f"{kind.origin} must be {', '.join(_KINDS)}, it is {kind.text!r}.",
            hint="A command goes into UNDERSTUDY_REGISTRY_GATE_COMMAND (gate_command).",
        )
    return _KINDS[name](settings, kind)


def gate_seconds(settings: Settings) -> float:
    """Return how long a gate may take; raises UsageError."""
    value = settings.option("registry_gate_timeout")
    if value is None:
        return TIMEOUT
    try:
        seconds = float(value.text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"{value.origin} must be seconds above 0, it is {value.text!r}.")
    return seconds


def _none(_: Settings, __: Value) -> Gate | None:
    return None


def _command(settings: Settings, kind: Value) -> Gate | None:
    command = _needed(settings, kind, "command").text
    return CommandGate(command, timeout=gate_seconds(settings))


def _model(settings: Settings, kind: Value) -> Gate | None:
    model = _needed(settings, kind, "model")
    policy = _policy(settings, _needed(settings, kind, "policy"))
    seconds = gate_seconds(settings)
    try:
        name = model.text.strip()
        return ModelGate(name, policy, timeout=seconds, environment=settings.variables)
    except UsageError as error:
        raise UsageError(f"{model.origin}: {error.message}", hint=error.hint) from error


_KINDS: Mapping[str, Callable[[Settings, Value], Gate | None]] = {
    "none": _none,
    "command": _command,
    "model": _model,
}


def _needed(settings: Settings, kind: Value, what: str) -> Value:
    value = settings.option(f"registry_gate_{what}")
    if value is None or not value.text.strip():
        raise UsageError(
            f"{kind.origin} asks a {kind.text.strip()}, and no {what} is set.",
            hint=f"Set UNDERSTUDY_REGISTRY_GATE_{what.upper()}, or gate_{what} under [registry].",
        )
    return value


def _policy(settings: Settings, value: Value) -> str:
    path = settings.folder / value.text
    try:
        text = read_text(path).strip()
    except SnapshotError as error:
        raise UsageError(f"{value.origin}: {error.message}", hint=error.hint) from error
    if not text or len(text) > _MOST_POLICY:
        problem = f"has more than {_MOST_POLICY} characters" if text else "is empty"
        raise UsageError(f"{value.origin}: the policy {path} {problem}.")
    return text
