"""What parameters of environment templates must be like."""

import base64
from collections.abc import Mapping
from typing import Any, get_type_hints

from openai.types.beta.agents.environments.template_create_params import TemplateCreateParams
from openai.types.beta.agents.environments.template_update_params import TemplateUpdateParams
from openai.types.beta.hosted_environment_file_param import HostedEnvironmentFileParam
from openai.types.beta.hosted_plugin_param import HostedPluginParam
from openai.types.beta.hosted_skill_param import HostedSkillParam
from openai.types.beta.setup_command_param import SetupCommandParam
from pydantic import TypeAdapter

from understudy.sandbox import shapes
from understudy.sandbox.shapes import Adapters
from understudy.sandbox.tagged import Tagged
from understudy.sandbox.wire import ApiError

Body = Mapping[str, Any]

_LISTS: TypeAdapter[Any] = TypeAdapter(list[Any] | None)
_ITEMS: Mapping[str, Adapters] = {
    "files": Tagged(HostedEnvironmentFileParam),
    "skills": Tagged(HostedSkillParam),
    "plugins": {"inline": TypeAdapter(HostedPluginParam)},
}
_COMMAND: TypeAdapter[Any] = TypeAdapter(SetupCommandParam)
_ROOT = "/workspace/"


def _fields(params: type) -> Adapters:
    listed = (*_ITEMS, "setup_commands")
    return {
        name: _LISTS if name in listed else TypeAdapter(hint)
        for name, hint in get_type_hints(params).items()
    }


CREATE = _fields(TemplateCreateParams)
UPDATE = _fields(TemplateUpdateParams)


def check(fields: Adapters, body: Body, *, lenient: bool = False) -> None:
    """Refuse (`ApiError` 400) the first parameter that is unknown or ill-formed."""
    for name, value in body.items():
        if name in fields:
            shapes.check_value(fields[name], value, name, lenient=lenient)
        elif not lenient:
            raise shapes.unknown_parameter(name)
    for name, choices in _ITEMS.items():
        for index, item in enumerate(body.get(name) or ()):
            path = f"{name}[{index}]"
            shapes.check_tagged(choices, item, path, lenient=lenient)
            _check_data(item, path)
    for index, command in enumerate(body.get("setup_commands") or ()):
        shapes.check_value(_COMMAND, command, f"setup_commands[{index}]", lenient=lenient)
    _check_paths(body.get("files") or ())
    _check_network(body.get("network") or {})


def decoded(data: str) -> bytes | None:
    """Return the bytes that standard base64 stands for, None if it is none."""
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return None


def _check_data(item: Body, path: str) -> None:
    source = item.get("source")
    data, path = (source["data"], f"{path}.source") if source else (item.get("data"), path)
    if data is not None and decoded(data) is None:
        raise _invalid(f"{path}.data", "expected standard base64.")


def _check_paths(files: Any) -> None:
    seen = set()
    for index, file in enumerate(files):
        path, where = file["path"], f"files[{index}].path"
        steps = path.removeprefix(_ROOT).split("/")
        if not path.startswith(_ROOT) or {"", ".", ".."} & set(steps):
            raise _invalid(where, f"expected an absolute path inside {_ROOT[:-1]}.")
        if path in seen:
            raise _invalid(where, f"'{path}' is there twice.")
        seen.add(path)


def _check_network(network: Body) -> None:
    for name in ("allowed_domains", "blocked_domains"):
        if network.get(name) and network["access"] != "restricted":
            raise _invalid(f"network.{name}", "it requires 'access' to be 'restricted'.")
    if network.get("allowed_domains") and network.get("blocked_domains"):
        raise _invalid("network.blocked_domains", "it cannot be combined with 'allowed_domains'.")
    for domain in network.get("blocked_domains") or ():
        if "*" in domain:
            raise _invalid("network.blocked_domains", "wildcards are not supported.")


def _invalid(path: str, why: str) -> ApiError:
    return ApiError(400, f"Invalid '{path}': {why}", param=path, code="invalid_value")
