"""Environment templates, driven with the vendor's own client."""

from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.beta.agents.environments import (
    EnvironmentTemplate,
    EnvironmentTemplateDeleted,
)

from understudy.sandbox import Project, Sandbox, furnish_agents

Exactly = Callable[[type, object], None]
URL = "agents/environments/templates"
ZIP = {"type": "base64", "media_type": "application/zip", "data": "UEs="}
FULL: dict[str, Any] = {
    "name": "Desk",
    "capability_directories": ["/workspace/skills"],
    "desktop": {"enabled": True},
    "env": {"TOKEN": "s3cret"},
    "files": [{"type": "inline", "path": "/workspace/a.txt", "data": "aGVq"}],
    "network": {"access": "restricted", "allowed_domains": ["a.com"]},
    "packages": {"npm": ["tsx"], "python": None},
    "plugins": [{"type": "inline", "name": "p", "description": "d", "source": ZIP}],
    "setup_commands": [{"command": "make s3cret", "cwd": "/workspace"}],
    "skills": [
        {"type": "skill_reference", "skill_id": "skill_1"},
        {"type": "inline", "name": "s", "description": "d", "source": ZIP},
    ],
}


async def test_an_empty_template_is_complete(
    sandbox: Sandbox, raw: aiohttp.ClientSession, exactly: Exactly
) -> None:
    async with raw.post(f"{sandbox.base_url}/{URL}", json={}) as reply:
        document = await reply.json()
    exactly(EnvironmentTemplate, document)
    assert document["network"] == {"access": "enabled", "allowed_domains": []}
    assert document["packages"] == {"npm": [], "python": [], "system": []}
    assert document["desktop"] == {"enabled": False}
    assert document["files"] == document["skills"] == document["plugins"] == []


async def test_what_is_confidential_is_never_shown(
    sandbox: Sandbox, project: Project, raw: aiohttp.ClientSession, exactly: Exactly
) -> None:
    async with raw.post(f"{sandbox.base_url}/{URL}", json=FULL) as reply:
        text, document = await reply.text(), await reply.json()
    exactly(EnvironmentTemplate, document)
    assert "s3cret" not in text
    assert "aGVq" not in text
    assert document["files"] == [{"type": "inline", "path": "/workspace/a.txt", "size_bytes": 3}]
    assert document["plugins"] == [{"type": "inline", "name": "p", "description": "d"}]
    assert document["skills"] == [
        {"type": "skill_reference", "skill_id": "skill_1", "version": None},
        {"type": "inline", "name": "s", "description": "d"},
    ]
    assert document["packages"] == {"npm": ["tsx"], "python": [], "system": []}
    assert project.asked_template(document["id"]) == FULL


async def test_a_template_can_be_read_changed_listed_and_deleted(
    client: AsyncOpenAI, project: Project
) -> None:
    templates = client.beta.agents.environments.templates
    made = await templates.create(name="One", env={"A": "1"})
    assert await templates.retrieve(made.id) == made
    changed = await templates.update(made.id, name=None, packages={"python": ["polars"]})
    assert (changed.name, changed.packages.python) == (None, ["polars"])
    assert project.asked_template(made.id)["env"] == {"A": "1"}
    more = [(await templates.create()).id for _ in range(3)]
    assert [one.id async for one in templates.list(limit=2)] == [*more[::-1], made.id]
    gone = await templates.delete(made.id)
    assert gone == EnvironmentTemplateDeleted(
        id=made.id, deleted=True, object="agent.environment.template.deleted"
    )
    with pytest.raises(openai.NotFoundError):
        await templates.retrieve(made.id)


async def test_files_have_to_be_in_the_project(client: AsyncOpenAI, project: Project) -> None:
    templates = client.beta.agents.environments.templates
    file = project.put_file("a.txt", b"a", purpose="user_data")["id"]
    path = "/workspace/a.txt"
    made = await templates.create(files=[{"type": "file_id", "file_id": file, "path": path}])
    assert made.files[0].to_dict() == {"type": "file_id", "file_id": file, "path": path}
    with pytest.raises(openai.NotFoundError, match="No such File object: file-x"):
        await templates.update(
            made.id, files=[{"type": "file_id", "file_id": "file-x", "path": path}]
        )


async def test_the_demonstration_has_one(project: Project, exactly: Exactly) -> None:
    furnish_agents(project)
    (template,) = project.templates.values()
    exactly(EnvironmentTemplate, template)
    assert template["files"][0]["file_id"] in project.files
