"""Functions of the user's own that answer the model's calls."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from understudy.errors import UsageError
from understudy.model.dialogue import Call, Output
from understudy.report.clean import clean

HANDLERS = "HANDLERS"


class Handlers:
    """The functions of a module, under the names that the model calls them by."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    async def answer(self, call: Call, guard: AbstractContextManager[None] | None = None) -> Output:
        """Return what the function answers; what it raises becomes an output that says so.

        What it prints goes to stderr. It runs in this thread, within `guard` as long as it blocks.
        """
        function = self._functions[call.name]
        try:
            arguments = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError) as error:
            return _failed(call, f"its arguments are not JSON: {error}")
        if not isinstance(arguments, dict):
            return _failed(call, "its arguments are no JSON object")
        with contextlib.redirect_stdout(sys.stderr):
            with guard or contextlib.nullcontext():  # what it raises is no error of the function
                result = _attempt(function, arguments)
            try:
                if inspect.isawaitable(result):
                    result = await result
                if not isinstance(result, BaseException):
                    text = result if isinstance(result, str) else _json(result)
                    return Output(call.call_id, call.name, text)
            except (Exception, SystemExit) as error:  # whatever it is, the model has to hear of it
                result = error
        return _failed(call, f"{type(result).__name__}: {result}")


def _attempt(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return what a function returns, or the exception that it raises."""
    try:
        return function(**arguments)
    except (Exception, SystemExit) as error:  # leaving would look like an answer
        return error


def load_handlers(path: Path) -> Handlers:
    """Run a Python file and return its `HANDLERS`, or the functions that it defines by their names.

    Raises UsageError. Its folder is importable from it, as it is from a script.
    """
    spec = importlib.util.spec_from_file_location("understudy_handlers", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file.", hint="Its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.absolute().parent))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UsageError(
            f"{path}{where} cannot be run: {type(error).__name__}: {clean(str(error))}."
        ) from error
    found = getattr(module, HANDLERS, None)
    if found is None:
        found = {
            name: value
            for name, value in vars(module).items()
            # What it imported is not offered: a definition from elsewhere could name it.
            if inspect.isfunction(value)
            and value.__module__ == module.__name__
            and not name.startswith("_")
        }
    if not isinstance(found, Mapping) or not all(map(callable, found.values())):
        raise UsageError(f"{HANDLERS} in {path} must map names to functions.")
    return Handlers(found)


def _json(value: Any) -> str:
    """Return JSON text; what JSON does not know is spelt as a text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _failed(call: Call, why: str) -> Output:
    return Output(call.call_id, call.name, _json({"error": why}), failed=True)
