"""Comparing two places in both directions."""

from __future__ import annotations

from dataclasses import replace

from understudy.ops.replicate import Job
from understudy.replicate.drift import Drift, drift_of


async def compare(job: Job, *, one_way: bool = False) -> Drift:
    """Return how the places differ; with `one_way`, what only the second holds is no drift."""
    plan = await job.plan()
    source, destination = job.inventories()
    partial = one_way or not job.request.selection.everything
    drift = drift_of(plan, () if partial else destination.assistants)
    return replace(drift, unread=(*source.findings, *destination.findings))


__all__ = ["Drift", "compare"]
