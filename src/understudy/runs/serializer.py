"""How DBOS keeps our data: as JSON that anybody can read, and that runs nothing when it is read."""

from __future__ import annotations

import json
from typing import Any

from dbos import Serializer

_ERROR = "$error"


class RecordedError(Exception):
    """An error that was recorded, in its words."""


class JsonSerializer(Serializer):
    """JSON; errors are kept by their words."""

    def serialize(self, data: Any) -> str:
        """Return JSON; raises TypeError for what is none."""
        return json.dumps(data, ensure_ascii=True, default=_error)

    def deserialize(self, serialized_data: str) -> Any:
        """Return what was kept."""
        value = json.loads(serialized_data)
        if isinstance(value, dict) and value.keys() == {_ERROR}:
            return RecordedError(value[_ERROR])
        return value

    def name(self) -> str:
        """Return what stands in the database beside the data."""
        return "understudy_json"


def _error(value: Any) -> dict[str, str]:
    if isinstance(value, BaseException):
        return {_ERROR: f"{type(value).__name__}: {value}"}
    raise TypeError(f"{type(value).__name__} is no JSON")
