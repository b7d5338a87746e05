"""What `understudy.toml` says: profiles, settings by section, webhooks."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.errors import UsageError
from understudy.profile import KEYS, SPECIFIED, Value, upper

#: Sections of settings; their entries' names in `Settings.options` begin with this.
SECTIONS: Mapping[str, str] = {
    "options": "",
    "registry": "registry_",
    "service": "service_",
    "architect": "architect_",
    "runs": "runs_",
}

_WEBHOOK = frozenset({"url", "allow_private"})
_PRICE = (int, float)
_MODEL: Mapping[str, type | tuple[type, ...]] = {
    "id": str,
    "provider": str,
    "active": bool,
    "order": int,
    "context_window": int,
    "tools": list,
    "input_price": _PRICE,
    "output_price": _PRICE,
}
_SAID: Mapping[type | tuple[type, ...], str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list of names",
    _PRICE: "a number from 0: US dollars for a million tokens",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The file's content; every value knows where it stands. Without a file all is empty."""

    profiles: Mapping[str, dict[str, Value]] = field(default_factory=dict)
    options: Mapping[str, Value] = field(default_factory=dict)
    webhooks: Mapping[str, dict[str, Value]] = field(default_factory=dict)
    models: tuple[Mapping[str, Any], ...] = ()


def read_config(path: Path, known: frozenset[str], *, required: bool) -> ConfigFile:
    """Return what the file says; raises UsageError for one that is broken, or missing if required.

    `known` are the names that options may have.
    """
    try:
        content = tomllib.loads(read_text(path))
    except FileNotFoundError as error:
        if required:
            raise UsageError(f"{path} does not exist.") from error
        return ConfigFile()
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML: {error}.") from error
    if unknown := sorted(set(content) - {"profiles", "webhooks", "models", *SECTIONS}):
        raise UsageError(
            f"{path.name} has unknown entries: {', '.join(unknown)}.",
            hint="Known are [profiles.NAME], [webhooks.NAME], [[models]] and "
            f"[{'], ['.join(SECTIONS)}].",
        )
    options: dict[str, Value] = {}
    for section, prefix in SECTIONS.items():
        options |= _section(content.get(section, {}), section, prefix, known, path.name)
    return ConfigFile(
        _tables(content, path.name),
        options,
        _webhooks(content.get("webhooks", {}), path.name),
        _models(content.get("models", []), path.name),
    )


def read_text(path: Path) -> str:
    """Return a settings file's text; raises UsageError, FileNotFoundError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 (at byte {error.start}).", hint="Save the file as UTF-8."
        ) from error


def _tables(content: Mapping[str, Any], file: str) -> dict[str, dict[str, Value]]:
    profiles = content.get("profiles", {})
    if not isinstance(profiles, dict):
        raise UsageError(f"{file}: profiles must be tables: [profiles.NAME].")
    spellings: dict[str, str] = {upper(name): name for name in SPECIFIED}
    for name in profiles:
        twin = spellings.setdefault(upper(name), name)
        if twin != name:
            raise UsageError(
                f"{file}: the profiles {twin} and {name} would share their environment names "
                f"(UNDERSTUDY_PROFILE_{upper(name)}_...).",
                hint="Rename one of them.",
            )
    return {name: _table(name, table, file) for name, table in profiles.items()}


def _table(name: str, table: Any, file: str) -> dict[str, Value]:
    where = f"{file} [profiles.{name}]"
    if not _NAME.fullmatch(name):
        raise UsageError(f"{where}: a profile's name is letters, digits, '-' and '_'.")
    if isinstance(table, dict) and "api_key" in table:
        variable = f"UNDERSTUDY_PROFILE_{upper(name)}_API_KEY"
        raise UsageError(
            f"{where} holds an api_key; keys do not belong in a file that is committed.",
            hint=f"Put it in {variable} (environment or .env), or use key_command.",
        )
    _keys(table, [key for key in KEYS if key != "api_key"], where)
    wrong = [key for key, value in table.items() if not isinstance(value, str)]
    if wrong:
        raise UsageError(f"{where}: {wrong[0]} must be text.")
    return {key: Value(value, where) for key, value in table.items() if value}


def _section(
    table: Any, section: str, prefix: str, known: frozenset[str], file: str
) -> dict[str, Value]:
    """Return a section's settings under their full names."""
    others = [other for name, other in SECTIONS.items() if name != section and other]
    mine = [
        name.removeprefix(prefix)
        for name in known
        if name.startswith(prefix) and (prefix or not name.startswith(tuple(others)))
    ]
    where = f"{file} [{section}]"
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table.")
    if unknown := sorted(set(table) - set(mine)):
        raise UsageError(
            f"{where} has unknown entries: {', '.join(unknown)}.",
            hint=f"Known are {', '.join(sorted(mine))}.",
        )
    texts = {prefix + key: _plain(value) for key, value in table.items()}
    return {key: Value(text, where) for key, text in texts.items() if text}


def _webhooks(tables: Any, file: str) -> dict[str, dict[str, Value]]:
    if not isinstance(tables, dict):
        raise UsageError(f"{file}: webhooks must be tables: [webhooks.NAME].")
    return {name: _webhook(name, table, file) for name, table in tables.items()}


def _webhook(name: str, table: Any, file: str) -> dict[str, Value]:
    where = f"{file} [webhooks.{name}]"
    if not _NAME.fullmatch(name):
        raise UsageError(f"{where}: a webhook's name is letters, digits, '-' and '_'.")
    if isinstance(table, dict) and "secret" in table:
        raise UsageError(
            f"{where} holds a secret; secrets do not belong in a file that is committed.",
            hint=f"Put it in UNDERSTUDY_WEBHOOK_{upper(name)}_SECRET (environment or .env).",
        )
    _keys(table, sorted(_WEBHOOK), where)
    if not table.get("url"):
        raise UsageError(f"{where} has no url.")
    return {key: Value(_plain(value), where) for key, value in table.items()}


def _models(tables: Any, file: str) -> tuple[Mapping[str, Any], ...]:
    """Return the models of [[models]], each with an id and a provider."""
    if not isinstance(tables, list):
        raise UsageError(f"{file}: models must be a list of tables: [[models]].")
    seen: set[str] = set()
    for number, table in enumerate(tables, 1):
        where = f"{file} [[models]] number {number}"
        _keys(table, list(_MODEL), where)
        for key, value in table.items():
            right = isinstance(value, _MODEL[key]) and isinstance(value, bool) == (key == "active")
            right = right and (_MODEL[key] is not _PRICE or 0 <= value < math.inf)
            if not right or (key == "tools" and not all(isinstance(v, str) for v in value)):
                raise UsageError(f"{where}: {key} must be {_SAID[_MODEL[key]]}.")
        for key in ("id", "provider"):
            if not table.get(key):
                raise UsageError(f"{where} has no {key}.")
        if ("input_price" in table) is not ("output_price" in table):
            raise UsageError(f"{where} has one price; input_price and output_price go together.")
        if table["id"] in seen:
            raise UsageError(f"{where}: the model {table['id']} is there twice.")
        seen.add(table["id"])
    return tuple(tables)


def _keys(table: Any, known: list[str], where: str) -> None:
    """Raise UsageError unless it is a table that has only known keys."""
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table.")
    if unknown := sorted(set(table) - set(known)):
        raise UsageError(
            f"{where} has unknown keys: {', '.join(unknown)}.",
            hint=f"Known are {', '.join(known)}.",
        )


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
