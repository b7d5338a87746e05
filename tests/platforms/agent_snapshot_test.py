"""An agent that goes into a snapshot and out again is the same agent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from pydantic import SecretStr

from model.fieldmap.definitions import agents
from understudy.model.assistant import Assistant
from understudy.model.canonical import identical
from understudy.model.fidelity import Fidelity
from understudy.platforms.agents import Agents
from understudy.platforms.base import Marker, Platform
from understudy.platforms.openai_wire import Wire
from understudy.platforms.snapshot import Snapshot

PLACE: Platform = Agents(Wire("dst", "https://api.openai.com/v1", SecretStr("sk-none")))


@settings(max_examples=40, deadline=None)
@given(agents())
async def test_an_agent_comes_out_of_a_snapshot_as_it_went_in(record: dict[str, Any]) -> None:
    agent = Assistant("agent_1", {"id": "agent_1", "created_at": 1, **record})
    straight = PLACE.render(agent, Marker())
    with tempfile.TemporaryDirectory() as folder:
        for name in ("directory", "file.json"):
            kept = Snapshot(Path(folder) / name)
            await kept.create(kept.render(agent, Marker()).payload)
            await kept.flush()
            (again,) = (await Snapshot(Path(folder) / name).list_page()).assistants
            round_about = PLACE.render(again, Marker())
            assert identical(dict(round_about.payload), dict(straight.payload))
            assert set(round_about.ledger) == set(straight.ledger)


@settings(max_examples=200, deadline=None)
@given(agents())
def test_an_agent_that_leans_on_nothing_loses_nothing_among_agents(record: dict[str, Any]) -> None:
    rendered = PLACE.render(Assistant("agent_1", {"id": "agent_1", **record}), Marker())
    lost = [e for e in rendered.ledger if e.fidelity in (Fidelity.DEGRADED, Fidelity.DROPPED)]
    assert not lost
