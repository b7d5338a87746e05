"""Settings of runs: how many at once, how fast, and what is kept for how long."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from understudy.architect.engine import Concurrency
from understudy.config import Settings, as_bool
from understudy.errors import UsageError
from understudy.runs.purging import Retention
from understudy.runs.worker import Limits
from understudy.runs.workers import LEASE, Rate

_RATE = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5}(?:\.[0-9]{1,3})?)s?")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What `[runs]` and its variables say; `trace_content`: spans hold what was said."""

    limits: Limits = field(default_factory=Limits)
    concurrency: Concurrency = field(default_factory=Concurrency)
    retention: Retention = field(default_factory=Retention)
    lease: float = LEASE
    trace_content: bool = False


def run_settings(settings: Settings) -> RunSettings:
    """Return the settings of runs; raises UsageError for what is no number."""

    def whole(name: str, default: int) -> int:
        number = _number(settings, name, default, least=1)
        return default if number is None else int(number)

    total = _number(settings, "runs_total", None, least=1)
    rate = settings.option("runs_rate")
    traced = settings.option("runs_trace_content")
    usual = Concurrency()
    return RunSettings(
        Limits(
            places=whole("runs_concurrency", Limits().places),
            total=None if total is None else int(total),
            rate=rate_of(rate.text, rate.origin) if rate else None,
        ),
        Concurrency(
            per_run=whole("runs_prompts_per_run", usual.per_run),
            per_provider=whole("runs_prompts_per_provider", usual.per_provider),
            overall=whole("runs_prompts", usual.overall),
        ),
        Retention(
            runs=_number(settings, "runs_keep_days", None),
            inputs=_number(settings, "runs_keep_inputs_days", None),
            outputs=_number(settings, "runs_keep_outputs_days", None),
        ),
        _number(settings, "runs_lease", LEASE, least=1) or LEASE,
        as_bool(traced) if traced else False,
    )


def rate_of(text: str, origin: str) -> Rate:
    """Return the rate that RUNS/SECONDS says; raises UsageError."""
    match = _RATE.fullmatch(text.replace(" ", ""))
    if match is None:
        raise UsageError(
            f"{origin} must be RUNS/SECONDS, it is {text[:40]!r}.", hint="Such as 100/60."
        )
    return Rate(int(match[1]), float(match[2]))


def _number(
    settings: Settings, name: str, default: float | None, *, least: float = 0
) -> float | None:
    value = settings.option(name)
    if value is None:
        return default
    try:
        number = float(value.text)
    except ValueError:
        number = -1.0
    if not least <= number < 1e9:
        raise UsageError(f"{value.origin} must be a number from {least:g}, it is {value.text!r}.")
    return number
