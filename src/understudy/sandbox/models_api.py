"""The handlers of /models, and what others ask about models."""

from collections.abc import Mapping
from typing import Any

from understudy.sandbox.call import Call
from understudy.sandbox.models import Model, model_object
from understudy.sandbox.state import Project
from understudy.sandbox.wire import ApiError, Reply, ok


def list_models(call: Call) -> Reply:
    """`GET /models`."""
    models = call.project.models.items()
    return ok({"object": "list", "data": [model_object(name, model) for name, model in models]})


def retrieve_model(call: Call) -> Reply:
    """`GET /models/{model}`."""
    model = call.project.models.get(call.target)
    if model is None:
        message = f"The model '{call.target}' does not exist"
        raise ApiError(404, message, param="model", code="model_not_found")
    return ok(model_object(call.target, model))


def find_model(project: Project, name: str) -> Model:
    """Return the model that a request names. Raises `ApiError` (400)."""
    model = project.models.get(name)
    if model is None:
        message = f"The requested model '{name}' does not exist."
        raise ApiError(400, message, param="model", code="model_not_found")
    return model


def unsupported(name: str) -> ApiError:
    """Say that the model does not take a parameter."""
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    return ApiError(400, message, param=name, code="unsupported_parameter")


def check_sampling(
    model: Model, fields: Mapping[str, Any], allowed: Mapping[str, object] | None = None
) -> None:
    """Refuse (`ApiError` 400) to let a reasoning model sample, other than in an `allowed` way."""
    for name in ("temperature", "top_p") if model.reasoning else ():
        if fields.get(name) not in (None, (allowed or {}).get(name)):
            raise unsupported(name)
