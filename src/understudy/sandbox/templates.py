"""A project's environment templates: what is shown of them, and what is confidential."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from understudy.sandbox.ground import Ground
from understudy.sandbox.shelf import Page, Shelf
from understudy.sandbox.template_shapes import decoded

#: What is never given back, as it was asked for.
CONFIDENTIAL = ("env", "setup_commands")


@dataclass(frozen=True, slots=True)
class Template:
    """One template: its parameters as they were given, which hold more than is shown."""

    id: str
    created_at: int
    updated_at: int
    asked: Mapping[str, Any]

    def shown(self) -> dict[str, Any]:
        """Return what the API says about it."""
        return {
            "id": self.id,
            "object": "agent.environment.template",
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            **{name: show(self.asked.get(name)) for name, show in _SHOWN.items()},
        }


class Templates:
    """The environment templates of a project. Parameters are not validated here."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._ids = ground.ids("templates")
        self.shelf: Shelf[Template] = ground.shelf("template")

    def add(self, fields: Mapping[str, Any], *, at_once: bool = False) -> Template:
        """Make a template."""
        now = self._ground.now()
        template = Template(self._ids.new("envtmpl_"), now, now, deepcopy(dict(fields)))
        self.shelf.add(template.id, template, at_once=at_once)
        return template

    def find(self, template_id: str) -> Template:
        """Return a template. Raises `UnknownIdError`."""
        return self.shelf[template_id]

    def edit(self, template_id: str, fields: Mapping[str, Any]) -> Template:
        """Replace what is in `fields`, null meaning the default. Raises `UnknownIdError`."""
        old = self.find(template_id)
        asked = {**old.asked, **deepcopy(dict(fields))}
        new = Template(old.id, old.created_at, self._ground.now(), asked)
        self.shelf.replace(template_id, new)
        return new

    def remove(self, template_id: str) -> None:
        """Delete a template. Raises `UnknownIdError`."""
        self.shelf.remove(template_id)

    def page(self, **paging: Any) -> Page[Template]:
        """Return one page of the templates. Raises `UnknownIdError` for the cursor."""
        return self.shelf.page(**paging)


def _file(given: Mapping[str, Any]) -> dict[str, Any]:
    if given["type"] == "inline":
        size = len(decoded(given["data"]) or b"")
        return {"type": "inline", "path": given["path"], "size_bytes": size}
    return dict(given)


def _skill(given: Mapping[str, Any]) -> dict[str, Any]:
    if given["type"] == "inline":
        return {name: given[name] for name in ("type", "name", "description")}
    return {"version": None, **given}


def _network(given: Mapping[str, Any] | None) -> dict[str, Any]:
    given = given or {"access": "enabled"}
    return {"access": given["access"], "allowed_domains": given.get("allowed_domains") or []}


def _packages(given: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: (given or {}).get(name) or [] for name in ("npm", "python", "system")}


_SHOWN: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "name": lambda given: given,
        "capability_directories": lambda given: given or [],
        "desktop": lambda given: given or {"enabled": False},
        "files": lambda given: [_file(file) for file in given or ()],
        "network": _network,
        "packages": _packages,
        "plugins": lambda given: [_skill(plugin) for plugin in given or ()],
        "skills": lambda given: [_skill(skill) for skill in given or ()],
    }
)
