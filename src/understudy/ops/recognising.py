"""What lies on a path, told by its content."""

from __future__ import annotations

import re
from pathlib import Path

from understudy.errors import SnapshotError
from understudy.platforms.base import Platform
from understudy.platforms.catalog import PlaceSettings, build
from understudy.platforms.responses_form import HEADER as BUNDLE
from understudy.platforms.snapshot_form import HEADER, begins_like_snapshot, holds_folders

#: How much of a file is looked at: enough for the header of any snapshot.
_HEAD = 1 << 16

#: How an Architect document begins, whatever stands before its version.
_DOCUMENT = re.compile(
    r'\{\s*(?:"(?:\$schema|exported_at|export_source)"\s*:\s*"[^"]*"\s*,\s*)*"version"\s*:\s*"1\.0"'
)
_PROMPTS = re.compile(r'"(?:prompts|input_fields)"\s*:\s*\[')


def open_path(place: PlaceSettings) -> Platform:
    """Return a path as what it holds: a snapshot, a bundle, or what else somebody saved.

    What does not exist yet becomes a snapshot, and so does a folder that is to be written into.
    To be read, a snapshot that breaks off is a dump.
    """
    path, reading = Path(place.path), place.must_exist
    if not path.exists():
        return build("snapshot", place)
    if path.is_dir() and (path / BUNDLE).is_file():
        return build("responses", place)
    if path.is_dir():
        holds = not reading or (path / HEADER).exists() or holds_folders(path)
        return build("snapshot" if holds else "dump", place)
    if not path.is_file():
        return build("dump", place)  # a pipe can be read only once: there is no looking first
    head = _head(path)
    if _DOCUMENT.match(head) and _PROMPTS.search(head):
        return build("architect", place)
    if begins_like_snapshot(head):
        return _snapshot_file(place) if reading else build("snapshot", place)
    # What is no JSON at all is refused as a snapshot by whoever wants to write it.
    return build("dump" if reading or head[:1] in ("{", "[") else "snapshot", place)


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD).decode("utf-8-sig", "replace").lstrip()
    except OSError:
        return ""  # whoever reads it says why not


def _snapshot_file(place: PlaceSettings) -> Platform:
    """Return a snapshot that has been read, or a dump if it is no whole JSON."""
    from understudy.platforms.snapshot import Snapshot

    snapshot = Snapshot(place.path, name=place.name, must_exist=True)
    try:
        snapshot.require_readable()
    except SnapshotError as error:
        if isinstance(error.__cause__, ValueError | RecursionError):
            return build("dump", place)
        # It is whole, and no snapshot that can be used: reading it says why.
    return snapshot
