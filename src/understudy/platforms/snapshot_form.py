"""The two forms of a snapshot: one JSON file, or a directory made for review in git.

Pure apart from reading and writing the files it is told to. A directory holds `snapshot.json`
and for each assistant a folder with

- `assistant.json`: every field but the two below, sorted and indented; within a field the
  order stays, because models read and fill in schemas in their order;
- `instructions.md`: the instructions, with one final newline added;
- `functions/<name>.json`: one function each; `assistant.json` refers to it as
  `{"type": "function", "function": {"$file": "functions/<name>.json"}}`. A function file that
  nothing refers to is added behind the other tools, so a hand-written folder needs no list.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.errors import SnapshotError
from understudy.files import read_json, read_text, reading, write_if_changed, writing
from understudy.model.canonical import is_utf8, pretty
from understudy.model.naming import slug, unique

FORMAT_VERSION = 1
HEADER = "snapshot.json"
_RECORD = "assistant.json"
_INSTRUCTIONS = "instructions.md"
_FUNCTIONS = "functions"
_REFERENCE = "$file"

#: What lies beside the assistants' folders, see `snapshot_knowledge`.
RESERVED = {"files", "stores"}


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot says of itself; `exported_at` is an ISO 8601 time in UTC."""

    exported_at: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)


def parse_header(value: Any, name: str) -> Header:
    """Return the header of a parsed file; raises SnapshotError when it is from a newer version."""
    if not isinstance(value, dict):
        raise SnapshotError(f"{name} is no snapshot: it must hold an object.")
    version = value.get("format_version", FORMAT_VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SnapshotError(f"{name}: format_version must be a positive whole number.")
    if version > FORMAT_VERSION:
        raise SnapshotError(
            f"{name} has format_version {version}; this version of understudy reads up to "
            f"{FORMAT_VERSION}.",
            hint="Upgrade understudy, or export again with this version.",
        )
    source = value.get("source")
    return Header(str(value.get("exported_at", "")), source if isinstance(source, dict) else {})


def header_fields(header: Header) -> dict[str, Any]:
    """Return the header as it stands in a file."""
    return {
        "format_version": FORMAT_VERSION,
        "exported_at": header.exported_at,
        "source": dict(header.source),
    }


def records_of(value: Any, name: str) -> list[dict[str, Any]]:
    """Return the records of a one-file snapshot, each with an id; raises SnapshotError."""
    assistants = value.get("assistants") if isinstance(value, dict) else None
    if not isinstance(assistants, list):
        raise SnapshotError(
            f"{name} is no snapshot: it has no list under the key assistants.",
            hint="understudy export --from PLACE --out PATH writes one.",
        )
    taken: set[str] = set()
    records = []
    for index, record in enumerate(assistants):
        if not isinstance(record, dict):
            raise SnapshotError(f"{name}: assistants[{index}] is not an object.")
        if not isinstance(record.get("id"), str | None):
            raise SnapshotError(f"{name}: assistants[{index}].id is not text.")
        key = record.get("id") or slug(str(record.get("name") or ""))
        if key in taken:
            raise SnapshotError(
                f"{name}: assistants[{index}] has the same identity as one before it: {key}.",
                hint="Remove one of them, or give each its own id.",
            )
        taken.add(key)
        records.append({**record, "id": key})
    return records


def read_folders(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each folder's name and its record; raises SnapshotError naming the file."""
    with reading(root):
        folders = sorted(root.iterdir())
    for folder in folders:
        if folder.is_dir() and not folder.name.startswith(".") and (folder / _RECORD).is_file():
            inside(root, folder / _RECORD)
            yield folder.name, _read_folder(root, folder)


def holds_folders(root: Path) -> bool:
    """Tell whether there is the folder of an assistant; raises SnapshotError."""
    with reading(root):
        return any((f / _RECORD).is_file() for f in root.iterdir() if not f.name.startswith("."))


def is_folder(path: Path) -> bool:
    """Tell whether this is the folder of one assistant, whose parts lie in several files."""
    parts = (path / _INSTRUCTIONS).exists() or (path / _FUNCTIONS).is_dir()
    return parts and (path / _RECORD).is_file()


def begins_like_snapshot(head: str) -> bool:
    """Tell from a file's beginning whether it means to be a snapshot, whole or not."""
    decode = json.JSONDecoder().raw_decode
    try:
        at = _after(head, 0, "{")
        while True:
            key, at = decode(head, at)
            at = _after(head, at, ":")
            if key == "assistants":
                return head[at : at + 1] == "["
            _, at = decode(head, at)
            at = _after(head, at, ",")
    except (ValueError, RecursionError):
        return False


def _after(text: str, at: int, mark: str) -> int:
    """Return where what follows a mark begins; raises ValueError."""
    at = len(text) - len(text[at:].lstrip())
    if text[at : at + 1] != mark:
        raise ValueError(mark)
    at += 1
    return len(text) - len(text[at:].lstrip())


def write_folder(root: Path, folder: str, record: Mapping[str, Any]) -> None:
    """Write one assistant's folder: a new one appears whole, in an old one files are replaced.

    Files in it that are not ours are left alone. May be repeated; raises OutputError.
    """
    parts = dict(_parts(record))
    target = root / folder
    with writing(target):
        if target.exists():
            for name, content in parts.items():
                write_if_changed(target / name, content)
            _drop_stale(target, parts)
            return
        root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=root, prefix=".new-"))
        try:
            for name, content in parts.items():
                write_if_changed(temporary / name, content)
            temporary.chmod(0o755)
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(root: Path, folder: str) -> None:
    """Remove what we wrote for an assistant, and its folder if nothing else is in it."""
    target = root / folder
    with writing(target):
        _drop_stale(target, {})
        for name in (_RECORD, _INSTRUCTIONS):
            (target / name).unlink(missing_ok=True)
        for directory in (target / _FUNCTIONS, target):
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()


def _parts(record: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder; `assistant.json` last, since it refers to the others."""
    rest = dict(record)
    instructions = rest.get("instructions")
    # A mark at the beginning of a file is not read as part of its text.
    if isinstance(instructions, str) and is_utf8(instructions) and instructions[:1] != "\ufeff":
        del rest["instructions"]
        yield _INSTRUCTIONS, (instructions + "\n").encode()
    if isinstance(tools := rest.get("tools"), list):
        taken: set[str] = set()
        kept = []
        for tool in tools:
            function = _function(tool)
            if function is not None:
                stem = unique(slug(str(function.get("name", "")), fallback="function"), taken)
                name = f"{_FUNCTIONS}/{stem}.json"
                yield name, pretty(function, sort_keys=False).encode()
                kept.append({**tool, "function": {_REFERENCE: name}})
            else:
                kept.append(tool)
        rest["tools"] = kept
    yield _RECORD, pretty(in_order(rest), sort_keys=False).encode()


def in_order(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with its fields and its metadata sorted, as files hold it."""
    fields = {key: record[key] for key in sorted(record)}
    if isinstance(metadata := record.get("metadata"), Mapping):
        fields["metadata"] = {key: metadata[key] for key in sorted(metadata)}
    return fields


def _function(tool: Any) -> dict[str, Any] | None:
    """Return a function tool's function, None for any other tool."""
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return None
    function = tool.get("function")
    return function if isinstance(function, dict) else None


def _read_folder(root: Path, folder: Path) -> dict[str, Any]:
    path = folder / _RECORD
    record = read_json(path)
    if not isinstance(record, dict):
        raise SnapshotError(f"{path} must hold an object.")
    if not isinstance(record.get("id"), str | None):
        raise SnapshotError(f"{path}: id is not text.")
    text = folder / _INSTRUCTIONS
    if text.exists():
        if "instructions" in record:
            raise SnapshotError(
                f"{folder} says its instructions twice: in {_RECORD} and in {_INSTRUCTIONS}.",
                hint=f"Remove the key instructions from {_RECORD}.",
            )
        inside(root, text)
        record["instructions"] = read_text(text).removesuffix("\n")
    tools = record.get("tools") or []
    if isinstance(tools, list) and (resolved := _resolve(root, folder, tools)):
        record["tools"] = resolved
    return record


def _resolve(root: Path, folder: Path, tools: list[Any]) -> list[Any]:
    """Return the tools with their functions read in, and those that nothing refers to."""
    directory = folder / _FUNCTIONS
    unused = {path.name: path for path in sorted(directory.glob("*.json"))}
    resolved = []
    for tool in tools:
        function = _function(tool)
        if function is not None and set(function) == {_REFERENCE}:
            reference = str(function[_REFERENCE])
            path = unused.pop(reference.removeprefix(f"{_FUNCTIONS}/"), None)
            if path is None:
                raise SnapshotError(
                    f"{folder / _RECORD} refers to {reference}, which is not there "
                    f"(or is referred to twice).",
                    hint=f"Functions lie in {directory}/NAME.json.",
                )
            resolved.append({**tool, "function": _read_function(root, path)})
        else:
            resolved.append(tool)
    for path in unused.values():
        function = _read_function(root, path)
        resolved.append({"type": "function", "function": {"name": path.stem, **function}})
    return resolved


def _read_function(root: Path, path: Path) -> dict[str, Any]:
    inside(root, path)
    function = read_json(path)
    if not isinstance(function, dict):
        raise SnapshotError(f"{path} must hold an object: a function with a name and parameters.")
    return function


def _drop_stale(target: Path, parts: Mapping[str, bytes]) -> None:
    if _INSTRUCTIONS not in parts:
        (target / _INSTRUCTIONS).unlink(missing_ok=True)
    for path in (target / _FUNCTIONS).glob("*.json"):
        if f"{_FUNCTIONS}/{path.name}" not in parts:
            path.unlink()


def inside(root: Path, path: Path) -> None:
    """Refuse links that lead out of the snapshot."""
    if _no_link_between(root, path):
        return
    # Unlike Path.resolve, realpath lets links that lead in circles be reported by whoever reads.
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise SnapshotError(f"{path} leads out of {root}; it is not followed.")


def _no_link_between(root: Path, path: Path) -> bool:
    """Tell whether a path lies below the root without a link, as nearly all do."""
    # Windows has junctions, which are not called links.
    if os.name == "nt" or path.parts[: len(root.parts)] != root.parts or os.pardir in path.parts:
        return False
    while len(path.parts) > len(root.parts):
        if path.is_symlink():
            return False
        path = path.parent
    return True
