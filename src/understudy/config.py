"""Settings and profiles, read once, each value with the place it came from.

Flags beat the environment, which beats `.env`, which beats `understudy.toml`. The names of the
earlier replicator keep working and make the profiles `src`, `dst` and `default`; any other
profile comes from `understudy.toml` or from `UNDERSTUDY_PROFILE_<NAME>_<KEY>`.
"""

from __future__ import annotations

import io
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from understudy.errors import UsageError
from understudy.profile import CONFIG_FILE, KEYS, SPECIFIED, Profile, Value, upper, variables
from understudy.redact import register

#: Settings of runs: their environment names, and what turns the text into a value.
_OPTIONS: Mapping[str, str] = {
    "mode": "CLONE_MODE",
    "ids": "CLONE_IDS",
    "name_prefix": "CLONE_NAME_PREFIX",
    "dry_run": "DRY_RUN",
    "concurrency": "MAX_CONCURRENCY",
    "log_level": "LOG_LEVEL",
    "output_dir": "OUTPUT_DIR",
    "file_search": "INCLUDE_FILE_SEARCH",
    "code_interpreter": "INCLUDE_CODE_INTERPRETER",
    "map_model": "UNDERSTUDY_MAP_MODEL",
    "file_search_as": "UNDERSTUDY_FILE_SEARCH_AS",
    "strict": "UNDERSTUDY_STRICT",
    "registry_gate": "UNDERSTUDY_REGISTRY_GATE",
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that was configured, before flags."""

    profiles: Mapping[str, Profile]
    options: Mapping[str, Value]
    folder: Path

    def option(self, name: str) -> Value | None:
        """Return a run's setting, None where nobody set it."""
        return self.options.get(name)

    def profile(self, name: str) -> Profile | None:
        """Return a profile, None where there is none of that name."""
        return self.profiles.get(name)


def load(environment: Mapping[str, str], folder: Path, config_file: Path | None = None) -> Settings:
    """Return the settings; raises UsageError for a file that is broken or missing on request."""
    layers = [_Layer(environment, "environment")]
    if (folder / ".env").is_file():
        layers.append(_Layer(_read_dotenv(folder / ".env"), ".env"))
    tables, options = _read_toml(config_file or folder / CONFIG_FILE, config_file is not None)
    names = {*SPECIFIED, *tables}
    # A variable's name has lost case and dashes: UNDERSTUDY_PROFILE_MY_TEAM_... means [my-team].
    spelt = {upper(name) for name in names}
    names |= {n for layer in layers for n in _named_in(layer) if upper(n) not in spelt}
    profiles = {name: _profile(name, layers, tables.get(name, {})) for name in sorted(names)}
    kept = {n: p for n, p in profiles.items() if p.values or p.secret}
    found = {key: value for key, name in _OPTIONS.items() if (value := _first(layers, [name]))}
    return Settings(kept, {**options, **found}, folder)


def load_here(config_file: Path | None = None) -> Settings:
    """Return the settings of this process in its working directory; raises UsageError."""
    try:
        folder = Path.cwd()
    except OSError as error:
        raise UsageError(f"The working directory is gone: {error.strerror}.") from error
    return load(os.environ, folder, config_file)


@dataclass(frozen=True, slots=True)
class _Layer:
    values: Mapping[str, str]
    name: str


def _first(layers: list[_Layer], names: list[str]) -> Value | None:
    """Return the first layer's value, whichever of its names it has there."""
    for layer in layers:
        for name in names:
            # An empty variable counts as unset: CI systems export empty ones for missing secrets.
            if text := layer.values.get(name):
                return Value(text, f"{name} ({layer.name})")
    return None


def _profile(name: str, layers: list[_Layer], table: Mapping[str, Value]) -> Profile:
    values = dict(table)
    for key in KEYS:
        if value := _first(layers, variables(name, key)):
            values[key] = value
    secret = None
    if given := values.get("api_key"):
        register(given.text)
        secret = SecretStr(given.text)
        values["api_key"] = Value("", given.origin)
    return Profile(name, values, secret)


def _named_in(layer: _Layer) -> list[str]:
    """Return the profiles that UNDERSTUDY_PROFILE_<NAME>_<KEY> variables define."""
    endings = "|".join(key.upper() for key in KEYS)
    pattern = re.compile(rf"UNDERSTUDY_PROFILE_([A-Z0-9_]+?)_({endings})")
    found = (pattern.fullmatch(name) for name in layer.values)
    return [match[1].lower() for match in found if match]


def _read_dotenv(path: Path) -> dict[str, str]:
    """Return what the file sets, as it stands there: `$` and braces in a key mean themselves."""
    from dotenv.parser import parse_stream

    values = {}
    for binding in parse_stream(io.StringIO(_text(path))):
        if binding.error:
            text = binding.original.string
            line = binding.original.line + text[: -len(text.lstrip())].count("\n")
            raise UsageError(
                f"{path}, line {line}: this is not NAME=value.",
                hint="A quote that is not closed reaches to the end of the file.",
            )
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return values


def _text(path: Path) -> str:
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


def _read_toml(path: Path, required: bool) -> tuple[dict[str, dict[str, Value]], dict[str, Value]]:
    try:
        content = tomllib.loads(_text(path))
    except FileNotFoundError as error:
        if required:
            raise UsageError(f"{path} does not exist.") from error
        return {}, {}
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML: {error}.") from error
    return _tables(content, path.name), _toml_options(content, path.name)


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
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table.")
    if "api_key" in table:
        variable = f"UNDERSTUDY_PROFILE_{upper(name)}_API_KEY"
        raise UsageError(
            f"{where} holds an api_key; keys do not belong in a file that is committed.",
            hint=f"Put it in {variable} (environment or .env), or use key_command.",
        )
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        raise UsageError(
            f"{where} has unknown keys: {', '.join(unknown)}.",
            hint=f"Known are {', '.join(k for k in KEYS if k != 'api_key')}.",
        )
    wrong = [key for key, value in table.items() if not isinstance(value, str)]
    if wrong:
        raise UsageError(f"{where}: {wrong[0]} must be text.")
    return {key: Value(value, where) for key, value in table.items() if value}


def _toml_options(content: Mapping[str, Any], file: str) -> dict[str, Value]:
    table = content.get("options", {})
    unknown = sorted(set(table) - set(_OPTIONS)) if isinstance(table, dict) else ["options"]
    unknown += sorted(set(content) - {"profiles", "options"})
    if unknown:
        raise UsageError(
            f"{file} has unknown entries: {', '.join(unknown)}.",
            hint=f"Known are [profiles.NAME] and [options] with {', '.join(_OPTIONS)}.",
        )
    texts = {key: _plain(value) for key, value in table.items()}
    return {key: Value(text, f"{file} [options]") for key, text in texts.items() if text}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def as_bool(value: Value) -> bool:
    """Return a yes-or-no setting; raises UsageError."""
    return _converted(value, _TRUTH, "true or false")


def as_count(value: Value) -> int:
    """Return a setting that counts something, at least 1; raises UsageError."""
    try:
        number = int(value.text)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"{value.origin} must be a whole number above 0, it is {value.text!r}.")
    return number


_TRUTH = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


def _converted(value: Value, table: Mapping[str, bool], allowed: str) -> bool:
    try:
        return table[value.text.strip().lower()]
    except KeyError:
        raise UsageError(f"{value.origin} must be {allowed}, it is {value.text!r}.") from None
