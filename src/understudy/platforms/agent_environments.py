"""Environment templates of OpenAI's Agents API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from understudy.errors import MissingError
from understudy.platforms.environments import Environment, EnvironmentPage
from understudy.platforms.openai_wire import WireClient

_PATH = "/agents/environments/templates"

#: What a template says of settings that nobody made.
_USUAL: Mapping[str, Any] = {
    "capability_directories": [],
    "desktop": {"enabled": False},
    "network": {"access": "enabled", "allowed_domains": []},
    "packages": {"npm": [], "python": [], "system": []},
    "plugins": [],
    "skills": [],
}


class AgentEnvironments:
    """The templates of one project; other settings than the files are left alone."""

    def __init__(self, client: WireClient) -> None:
        self._client = client

    async def list_page(
        self, *, after: str | None = None, newest_first: bool = False
    ) -> EnvironmentPage:
        """Return up to 100 templates."""
        records, last = await self._client.page(_PATH, after=after, newest_first=newest_first)
        return EnvironmentPage(tuple(map(self._environment, records)), last)

    async def create(self, name: str, files: Mapping[str, str]) -> Environment:
        """Create a template with these files."""
        body = {"name": name, "files": _entries(files)}
        return self._environment(
            await self._client.request("POST", _PATH, body=body, collection=True)
        )

    async def update(self, environment_id: str, files: Mapping[str, str]) -> Environment:
        """Replace a template's files."""
        body = {"files": _entries(files)}
        reply = await self._client.request("POST", _one(environment_id), body=body)
        return self._environment(reply)

    async def delete(self, environment_id: str) -> None:
        """Delete a template if it is there."""
        try:
            await self._client.request("DELETE", _one(environment_id))
        except MissingError:
            return

    def _environment(self, record: Any) -> Environment:
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            raise self._client.malformed("an environment template without an id")
        entries = record.get("files")
        found = [one for one in entries if isinstance(one, dict)] if entries else []
        files = {
            one["path"]: one["file_id"]
            for one in found
            if isinstance(one.get("path"), str) and isinstance(one.get("file_id"), str)
        }
        name = record.get("name")
        inline = sum(one.get("type") == "inline" for one in found)
        besides = tuple(key for key, usual in _USUAL.items() if _unusual(record.get(key), usual))
        named = name if isinstance(name, str) else ""
        return Environment(record["id"], named, files, inline, besides)


def _entries(files: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"type": "file_id", "path": path, "file_id": one} for path, one in files.items()]


def _one(environment_id: str) -> str:
    return f"{_PATH}/{quote(environment_id, safe='')}"


def _unusual(value: Any, usual: Any) -> bool:
    if isinstance(value, dict) and isinstance(usual, dict):
        return any(_unusual(item, usual.get(key)) for key, item in value.items())
    return value not in (None, [], {}, usual)
