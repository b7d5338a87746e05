"""What a report says of each field is what is there: over real sockets, for what comes along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import understudy
from model.fieldmap.definitions import agents, assistants
from understudy import RetryPolicy, Status
from understudy.model.fidelity import Fidelity
from understudy.model.meaning import meaning, same
from understudy.platforms.base import Platform
from understudy.platforms.memory import Memory
from understudy.platforms.responses import Bundle
from understudy.replicate.events import Outcome
from understudy.sandbox import Sandbox

KEYS = {"SRC": "sk-ledger-source", "DST": "sk-ledger-destination"}
MODELS = ("gpt-4o", "o3", "gpt-5.6-sol", "house-model")
QUICK = RetryPolicy(attempts=2, base=0.001, longest=0.002)

#: Where a field of the source stands that takes another place; tools and metadata are looked at.
HOMES = {
    "description": ("metadata", "description"),
    "reasoning_effort": ("reasoning", "effort"),
    "response_format": ("text", "format"),
}


def found(record: Mapping[str, Any], *path: str) -> Any:
    for key in path:
        record = record.get(key) or {}
    return record or None


def check(source: Mapping[str, Any], there: Mapping[str, Any], outcome: Outcome) -> None:
    """Fail where the ledger says something else than the destination holds."""
    told = {entry.field: entry for entry in outcome.ledger}
    assert len(told) == len(outcome.ledger)
    for field, entry in told.items():
        assert (entry.reason == "") is (entry.fidelity is Fidelity.EXACT), entry
        if field not in source or field in ("metadata", "tools", "name"):
            continue
        value = source.get(field)
        if entry.fidelity is Fidelity.EXACT:
            here = there.get(field)
            unset = value in (None, "", [], {}) or meaning(field, value) == meaning(field, None)
            assert same(field, value, here) or (unset and not here), (entry, value, here)
        elif entry.fidelity is Fidelity.MAPPED and field in HOMES:
            here = found(there, *HOMES[field])
            assert here or value in ("auto", {"type": "text"}), (entry, there)
            if field != "response_format":
                assert here == value, entry
        elif entry.fidelity is Fidelity.DROPPED:
            assert same(field, there.get(field), None), (entry, there)
            if field in HOMES:
                assert found(there, *HOMES[field]) != value, (entry, there)
    silent = source.keys() - told.keys() - {"id", "object", "created_at", "updated_at"}
    assert not {field for field in silent if source[field] not in (None, [], {}, "")}
    _check_tools(source, there, told)
    metadata = {k: v for k, v in (source.get("metadata") or {}).items() if k not in OWN}
    if told["metadata"].fidelity is Fidelity.EXACT:
        assert metadata.items() <= (there.get("metadata") or {}).items()


OWN = ("cloned_from", "name", "description")


def _check_tools(
    source: Mapping[str, Any], there: Mapping[str, Any], told: Mapping[str, Any]
) -> None:
    gone = {
        field.removeprefix("tools.")
        for field, entry in told.items()
        if field.startswith("tools.") and field.count(".") == 1
    }
    kinds = {tool["type"] for tool in there.get("tools") or ()}
    for tool in source.get("tools") or ():
        assert (tool["type"] in kinds) or (tool["type"] in gone), (tool, told)
    names = [_name(tool) for tool in source.get("tools") or () if tool["type"] == "function"]
    copies = [_name(tool) for tool in there.get("tools") or () if tool["type"] == "function"]
    assert names == copies


def _name(tool: Mapping[str, Any]) -> str:
    return str((tool.get("function") or tool)["name"])


@pytest.mark.parametrize("platform", ["openai-agents", "responses", "openai-assistants"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=st.lists(assistants() | agents(), min_size=1, max_size=3))
async def test_a_report_tells_the_truth_about_every_field(
    platform: str, records: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("truth")
    async with Sandbox(seed=1, models=MODELS) as sandbox:
        environment = {
            "OPENAI_DST_BASE_URL": sandbox.base_url,
            "OPENAI_DST_API_KEY": KEYS["DST"],
            "OPENAI_DST_PLATFORM": platform,
        }
        if platform == "responses":
            environment["UNDERSTUDY_PROFILE_DST_PATH"] = str(folder / "bundle")
        chosen = understudy.load_settings(environment, folder)
        source = Memory(records)
        options: dict[str, Any] = {"settings": chosen, "check_models": False, "retry": QUICK}
        plan = await understudy.plan(source, "dst", **options)
        report = await understudy.clone(source, "dst", **options)
        originals = {one.id: one.raw for one in (await source.list_page()).assistants}
        for change, outcome in zip(plan.changes, report.outcomes, strict=True):
            if outcome.status is Status.CONFLICT:
                assert change.blocked
                continue
            if "'browser'" in outcome.error:  # a tool of tomorrow is tried, and refused today
                assert outcome.status is Status.FAILED
                continue
            if "nvalid schema for function" in outcome.error:
                assert [f for f in change.findings if f.code == "not-strict"], outcome
                continue
            if "Unsupported parameter" in outcome.error:  # not every server lets it sample
                assert change.model == "gpt-5.6-sol", outcome
                continue
            assert outcome.status is Status.CREATED, outcome
            assert outcome.destination_id is not None
            unforeseen = {e for e in outcome.ledger if "destination" in e.reason}
            assert (
                set(change.ledger)
                - {e for e in change.ledger if e.field in {u.field for u in unforeseen}}
                == set(outcome.ledger) - unforeseen
            )
            there = await held(sandbox, platform, folder, outcome.destination_id)
            check(originals[outcome.source_id], there, outcome)
        again = await understudy.clone(source, "dst", **options)
        assert {o.status for o in again.outcomes} <= {
            Status.UNCHANGED,
            Status.CONFLICT,
            Status.FAILED,
        }


async def held(sandbox: Sandbox, platform: str, folder: Path, one: str) -> Mapping[str, Any]:
    """Return what the destination holds under an id."""
    if platform == "responses":
        place: Platform = Bundle(folder / "bundle")
        return (await place.retrieve(one)).raw
    project = sandbox.project(KEYS["DST"])
    return (project.agents if platform == "openai-agents" else project.assistants)[one]
