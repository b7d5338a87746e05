"""Every adapter, and the pacing around one, keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from contract.platform_contract import PlatformContract
from understudy.model.assistant import Assistant
from understudy.model.kinds import Kind
from understudy.platforms.agents import Agents
from understudy.platforms.architect_file import ArchitectFile
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.base import Page, Platform
from understudy.platforms.limiter import Limiter
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.platforms.pacing import Paced
from understudy.platforms.responses import Bundle
from understudy.platforms.snapshot import Snapshot
from understudy.sandbox import Sandbox


class TestMemory(PlatformContract):
    @pytest.fixture
    def place(self) -> Platform:
        return Memory()


class TestSnapshotFile(PlatformContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Platform:
        return Snapshot(tmp_path / "snapshot.json")


class TestSnapshotDirectory(PlatformContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Platform:
        return Snapshot(tmp_path / "snapshot")


class TestSnapshotDirectoryReadBack(PlatformContract):
    """Nothing is remembered between two calls: each reads the folders again."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Platform:
        return _Forgetful(tmp_path / "snapshot")


class TestAssistantsV2(PlatformContract):
    @pytest.fixture
    async def place(self) -> AsyncIterator[Platform]:
        async with Sandbox() as sandbox:
            platform = AssistantsV2(Wire("dst", sandbox.base_url, SecretStr("sk-contract-key")))
            yield platform
            await platform.aclose()


class TestPacedAssistantsV2(PlatformContract):
    @pytest.fixture
    async def place(self) -> AsyncIterator[Platform]:
        async with Sandbox() as sandbox:
            wire = Wire("dst", sandbox.base_url, SecretStr("sk-contract-key"))
            platform = Paced(AssistantsV2(wire), Limiter())
            yield platform
            await platform.aclose()


class TestAgents(PlatformContract):
    kind = Kind.AGENT

    @pytest.fixture
    async def place(self) -> AsyncIterator[Platform]:
        async with Sandbox() as sandbox:
            platform = Agents(Wire("dst", sandbox.base_url, SecretStr("sk-contract-key")))
            yield platform
            await platform.aclose()


class TestPacedAgents(PlatformContract):
    kind = Kind.AGENT

    @pytest.fixture
    async def place(self) -> AsyncIterator[Platform]:
        async with Sandbox() as sandbox:
            wire = Wire("dst", sandbox.base_url, SecretStr("sk-contract-key"))
            platform = Paced(Agents(wire), Limiter())
            yield platform
            await platform.aclose()


class TestBundle(PlatformContract):
    kind = Kind.RESPONSE

    @pytest.fixture
    def place(self, tmp_path: Path) -> Platform:
        return Bundle(tmp_path / "bundle")


class _Forgetful(Snapshot):
    def _loaded(self) -> dict[str, dict[str, object]]:
        self._records = None
        self._folders.clear()
        return super()._loaded()


class TestArchitectFile(PlatformContract):
    kind = Kind.ARCHITECT

    @pytest.fixture
    def place(self, tmp_path: Path) -> Platform:
        return ArchitectFile(tmp_path / "assistants.json")


class TestArchitectFileReadBack(PlatformContract):
    """Nothing is remembered between two calls: each reads the document again."""

    kind = Kind.ARCHITECT

    @pytest.fixture
    def place(self, tmp_path: Path) -> Platform:
        return _Reread(tmp_path / "assistants.json")


class _Reread(ArchitectFile):
    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        await self._again()
        return await super().list_page(after=after, newest_first=newest_first)

    async def retrieve(self, assistant_id: str) -> Assistant:
        await self._again()
        return await super().retrieve(assistant_id)

    async def _again(self) -> None:
        await self.flush()
        if self._path.exists():
            self._root = None
