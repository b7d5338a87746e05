"""mapping.json: which source assistant became which destination assistant, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.platforms.base import PlaceInfo
from understudy.replicate.events import Outcome
from understudy.report.jsonlines import FORMAT_VERSION, outcome_fields, place_fields, run_summary


def mapping(
    run_id: str,
    source: PlaceInfo,
    destination: PlaceInfo,
    outcomes: Sequence[Outcome],
    known: Mapping[str, str],
) -> dict[str, Any]:
    """Return the content of mapping.json.

    `known` are pairs of earlier runs; those that this run did not confirm or replace are carried
    on, so that cloning one assistant does not forget the others.
    """
    touched = {outcome.source_id for outcome in outcomes if outcome.destination_id}
    return {
        "format_version": FORMAT_VERSION,
        "run_id": run_id,
        "source": place_fields(source),
        "destination": place_fields(destination),
        "mappings": [outcome_fields(outcome) for outcome in outcomes],
        "known": [
            {"srcId": one, "dstId": other} for one, other in known.items() if one not in touched
        ],
        "summary": run_summary(outcomes),
    }
