"""Settings and profiles, read once, each value with the place it came from.

Flags beat the environment, which beats `.env`, which beats `understudy.toml`. The names of the
earlier replicator keep working and make the profiles `src`, `dst` and `default`; any other
profile comes from `understudy.toml` or from `UNDERSTUDY_PROFILE_<NAME>_<KEY>`.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from understudy.config_file import read_config, read_text
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
    "registry_file": "UNDERSTUDY_REGISTRY_FILE",
    "registry_source": "UNDERSTUDY_REGISTRY_SOURCE",
    "registry_schedule": "UNDERSTUDY_REGISTRY_SCHEDULE",
    "registry_gate": "UNDERSTUDY_REGISTRY_GATE",
    "registry_gate_command": "UNDERSTUDY_REGISTRY_GATE_COMMAND",
    "registry_gate_model": "UNDERSTUDY_REGISTRY_GATE_MODEL",
    "registry_gate_policy": "UNDERSTUDY_REGISTRY_GATE_POLICY",
    "registry_gate_timeout": "UNDERSTUDY_REGISTRY_GATE_TIMEOUT",
    "registry_webhook_hosts": "UNDERSTUDY_REGISTRY_WEBHOOK_HOSTS",
    "architect_database": "UNDERSTUDY_DATABASE_URL",
    "architect_four_eyes": "UNDERSTUDY_ARCHITECT_FOUR_EYES",
    "runs_concurrency": "UNDERSTUDY_RUNS_CONCURRENCY",
    "runs_total": "UNDERSTUDY_RUNS_TOTAL",
    "runs_rate": "UNDERSTUDY_RUNS_RATE",
    "runs_lease": "UNDERSTUDY_RUNS_LEASE",
    "runs_prompts": "UNDERSTUDY_RUNS_PROMPTS",
    "runs_prompts_per_run": "UNDERSTUDY_RUNS_PROMPTS_PER_RUN",
    "runs_prompts_per_provider": "UNDERSTUDY_RUNS_PROMPTS_PER_PROVIDER",
    "runs_keep_days": "UNDERSTUDY_RUNS_KEEP_DAYS",
    "runs_keep_inputs_days": "UNDERSTUDY_RUNS_KEEP_INPUTS_DAYS",
    "runs_keep_outputs_days": "UNDERSTUDY_RUNS_KEEP_OUTPUTS_DAYS",
    "runs_trace_content": "UNDERSTUDY_RUNS_TRACE_CONTENT",
    "service_host": "UNDERSTUDY_SERVICE_HOST",
    "service_port": "UNDERSTUDY_SERVICE_PORT",
    "service_cors": "UNDERSTUDY_SERVICE_CORS",
    "service_rate": "UNDERSTUDY_SERVICE_RATE",
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where changes of the registry are told. Without a secret nothing is sent."""

    name: str
    url: str
    origin: str
    secret: SecretStr | None = None
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that was configured, before flags."""

    profiles: Mapping[str, Profile]
    options: Mapping[str, Value]
    folder: Path
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    #: The models that are there, as understudy.toml lists them; without any, the built-in ones.
    models: tuple[Mapping[str, Any], ...] = ()
    #: Who may use the service: NAME:SCOPE+SCOPE:KEY, divided by spaces or commas.
    api_keys: SecretStr | None = None
    #: The environment over `.env`, for model providers, whose keys have names of their own.
    variables: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

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
    path = config_file or folder / CONFIG_FILE
    file = read_config(path, frozenset(_OPTIONS), required=config_file is not None)
    names = {*SPECIFIED, *file.profiles}
    # A variable's name has lost case and dashes: UNDERSTUDY_PROFILE_MY_TEAM_... means [my-team].
    spelt = {upper(name) for name in names}
    names |= {n for layer in layers for n in _named_in(layer) if upper(n) not in spelt}
    profiles = {name: _profile(name, layers, file.profiles.get(name, {})) for name in sorted(names)}
    kept = {n: p for n, p in profiles.items() if p.values or p.secret}
    found = {key: value for key, name in _OPTIONS.items() if (value := _first(layers, [name]))}
    webhooks = {name: _webhook(name, table, layers) for name, table in file.webhooks.items()}
    keys = _secret(layers, "UNDERSTUDY_API_KEYS")
    # Empty ones count as unset, so the first layer that has a value wins.
    variables = {n: v for layer in reversed(layers) for n, v in layer.values.items() if v}
    options = {**file.options, **found}
    _database(file.options.get("architect_database"), options.get("architect_database"))
    return Settings(kept, options, folder, webhooks, file.models, keys, variables)


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


def _webhook(name: str, table: Mapping[str, Value], layers: list[_Layer]) -> Webhook:
    private = table.get("allow_private")
    return Webhook(
        name,
        table["url"].text,
        table["url"].origin,
        _secret(layers, f"UNDERSTUDY_WEBHOOK_{upper(name)}_SECRET"),
        as_bool(private) if private else False,
    )


def _secret(layers: list[_Layer], name: str) -> SecretStr | None:
    found = _first(layers, [name])
    if found is None:
        return None
    register(found.text)
    for word in re.split(r"[\s,]+", found.text):
        register(word.rpartition(":")[2])  # of UNDERSTUDY_API_KEYS each key by itself
    return SecretStr(found.text)


def _database(in_file: Value | None, value: Value | None) -> None:
    """Keep the password of the database out of logs, and out of a file that is committed."""
    password = re.compile(r"://[^:/@]*:([^@/]+)@")
    if in_file and password.search(in_file.text):
        raise UsageError(
            f"{in_file.origin}: the database holds a password; passwords do not belong in a file "
            "that is committed.",
            hint="Put the URL in UNDERSTUDY_DATABASE_URL (environment or .env).",
        )
    if value and (match := password.search(value.text)):
        register(match[1])


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
    for binding in parse_stream(io.StringIO(read_text(path))):
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


def text_of(settings: Settings, option: str, default: str) -> str:
    """Return what is configured, else the default."""
    value = settings.option(option)
    return value.text if value else default


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
