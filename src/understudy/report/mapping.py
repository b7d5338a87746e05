"""mapping.json: which source assistant became which destination assistant, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.replicate.plan import Plan
from understudy.replicate.records import Records
from understudy.replicate.result import RunResult
from understudy.report.jsonlines import (
    FORMAT_VERSION,
    deletion_fields,
    file_fields,
    outcome_fields,
    place_fields,
    run_summary,
    store_fields,
)


def mapping(run_id: str, plan: Plan, result: RunResult, known: Records) -> dict[str, Any]:
    """Return the content of mapping.json.

    `known` are pairs of earlier runs; those that this run did not confirm or replace are carried
    on, so that cloning one assistant does not forget the others.
    """
    outcomes = result.outcomes
    touched = {outcome.source_id for outcome in outcomes if outcome.destination_id}
    deleted = {one.deletion.destination_id for one in result.deleted if not one.error}
    content: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "run_id": run_id,
        "source": place_fields(plan.source),
        "destination": place_fields(plan.destination),
        "mappings": [outcome_fields(outcome) for outcome in outcomes],
        "known": [
            {"srcId": one, "dstId": other}
            for one, other in known.assistants.items()
            if one not in touched and other not in deleted
        ],
        "summary": run_summary(result),
    }
    if result.deleted:
        content["deleted"] = [deletion_fields(one) for one in result.deleted]
    knowledge = _knowledge(result, known, deleted)
    return {**content, "knowledge": knowledge} if knowledge else content


def _knowledge(result: RunResult, known: Records, deleted: set[str]) -> dict[str, Any]:
    files = [file_fields(outcome, known.digests) for outcome in result.files]
    stores = [store_fields(outcome) for outcome in result.stores]
    files += _rest(known.files, files, deleted, known.digests)
    stores += _rest(known.stores, stores, deleted, {})
    return {"files": files, "stores": stores} if files or stores else {}


def _rest(
    known: Mapping[str, str],
    entries: list[dict[str, Any]],
    deleted: set[str],
    digests: Mapping[str, str],
) -> list[dict[str, Any]]:
    touched = {entry["srcId"] for entry in entries if entry["dstId"]}
    kept = [
        {"srcId": one, "dstId": other, "status": "known", "sha256": digests.get(one)}
        for one, other in known.items()
        if one not in touched and other not in deleted
    ]
    return [{k: v for k, v in entry.items() if v is not None} for entry in kept]
