"""Everything that holds knowledge, and the pacing around it, keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from contract.knowledge_contract import KnowledgeContract
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.base import Platform
from understudy.platforms.limiter import Limiter
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.platforms.pacing import Paced, RetryPolicy
from understudy.platforms.snapshot import Snapshot
from understudy.platforms.snapshot_knowledge import SnapshotKnowledge
from understudy.sandbox import Sandbox

KEY = SecretStr("sk-contract-key")


class TestMemory(KnowledgeContract):
    @pytest.fixture
    def place(self) -> Platform:
        return Memory()


class TestSnapshot(KnowledgeContract):
    parts = False

    @pytest.fixture
    def place(self, tmp_path: Path) -> Platform:
        return Snapshot(tmp_path / "snapshot")


class TestSnapshotReadBack(KnowledgeContract):
    """Nothing is remembered between two calls, as if each process were killed before its end."""

    parts = False

    @pytest.fixture
    def knowledge(self, tmp_path: Path) -> SnapshotKnowledge:
        return _Forgetful(tmp_path / "snapshot")


class TestOpenAI(KnowledgeContract):
    @pytest.fixture
    async def place(self) -> AsyncIterator[Platform]:
        async with Sandbox(purpose_rule=False, content_page=3) as sandbox:
            platform = AssistantsV2(Wire("dst", sandbox.base_url, KEY))
            yield platform
            await platform.aclose()


class TestPacedOpenAI(KnowledgeContract):
    @pytest.fixture
    async def place(self) -> AsyncIterator[Platform]:
        async with Sandbox(purpose_rule=False) as sandbox:
            inner = AssistantsV2(Wire("dst", sandbox.base_url, KEY))
            platform = Paced(inner, Limiter(), policy=RetryPolicy(base=0.001))
            yield platform
            await platform.aclose()


class _Forgetful(SnapshotKnowledge):
    def __getattribute__(self, name: str) -> object:
        if not name.startswith("_"):
            self._read_files = self._read_stores = None
        return super().__getattribute__(name)
