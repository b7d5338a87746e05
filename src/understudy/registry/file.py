"""The registry's file: written whole or not at all, damaged ones kept aside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from understudy.errors import BusySyncError, SnapshotError
from understudy.files import read_bytes, reading, sweep, write_whole, writing
from understudy.model.canonical import pretty
from understudy.registry.entries import Entries, Entry, unreadable
from understudy.registry.marks import Marks, spelt
from understudy.registry.marks import read as read_marks
from understudy.registry.shelf import Shelf, shelve, shelve_by_index, shelve_entries, spelt_index

DEFAULT = Path("config") / "assistants.json"


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """What lies in the file, and what was wrong with it, in words; `content` is None for none."""

    entries: Entries
    problems: tuple[str, ...] = ()
    content: bytes | None = None
    damaged: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Served:
    """What lies in the file, to be served, and what was wrong with it, in words."""

    shelf: Shelf
    problems: tuple[str, ...] = ()
    missing: bool = False
    damaged: bool = False


class RegistryFile:
    """One file, and the lock beside it that keeps two syncs apart, also across processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._marks = path.with_name(f"{path.stem}.history") / "marks.json"
        self._digest = path.with_name(f"{path.stem}.history") / "written.sha256"
        self._index = path.with_name(f"{path.stem}.history") / "index.json"

    def read(self) -> Stored:
        """Return what is stored; a file that is missing or damaged is an empty registry.

        Nothing is changed. Raises SnapshotError only for a file that is there and cannot be opened.
        """
        content = self._content()
        if content is None:
            return Stored({})
        if self._ours(content):
            from pydantic_core import from_json

            # Nobody has touched it: there is nothing to look for, and 80 MB are read at once.
            return Stored(from_json(content, cache_strings="all"), content=content)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return Stored({}, (f"{self.path} is not UTF-8: {error.reason}.",), damaged=True)
        return replace(parse(text, str(self.path)), content=content)

    def serve(self) -> Served:
        """Return what is stored as bytes; a file that is missing or damaged is an empty shelf.

        Nothing is changed. Raises SnapshotError as `read` does.
        """
        content = self._content()
        if content is None:
            return Served(shelve_entries({}), missing=True)
        digest = sha256(content).hexdigest()
        if digest in self._known():
            with suppress(OSError, ValueError):  # without an index, it is looked for
                index = self._index.read_text(encoding="utf-8")
                if shelf := shelve_by_index(content, digest, index):
                    return Served(shelf)
            with suppress(ValueError):  # a record that was edited by hand once, and kept since
                return Served(shelve(content))
        stored = self.read()
        return Served(shelve_entries(stored.entries), stored.problems, damaged=stored.damaged)

    def marks(self) -> Marks | None:
        """Return what the last sync saw, None where the file is not as that sync left it.

        Raises SnapshotError as `read` does.
        """
        try:
            found = read_marks(self._marks.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):  # without them, everything is compared
            return None
        content = None if found is None else self._content()
        if found is None or content is None:
            return None
        return found if found.file == sha256(content).hexdigest() else None

    def mark(
        self,
        keys: Mapping[str, tuple[str, str]],
        shared: Mapping[str, tuple[str, ...]],
        content: bytes | None,
    ) -> None:
        """Remember under which key each id was stored, and its record's mark. Raises OutputError.

        `content` is what the file holds, None for what `write` wrote last: it is not read again,
        since somebody else may have changed it.
        """
        with writing(self._marks):
            self._marks.parent.mkdir(parents=True, exist_ok=True)
        written = next(iter(self._known()), "")
        digest = written if content is None else sha256(content).hexdigest()
        write_whole(self._marks, spelt(Marks(digest, keys, shared)))

    def set_aside(self) -> Path:
        """Rename a damaged file so that it is kept, and return its new path. Raises OutputError."""
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        with writing(self.path):
            self.path.rename(aside)
        return aside

    def write(self, entries: Entries, stored: Stored) -> bool:
        """Make the file hold these entries; tell whether it had to be written. Raises OutputError.

        The same entries are the same bytes.
        """
        content = serialized(entries).encode()
        if content == stored.content:
            return False
        with writing(self.path):
            self._digest.parent.mkdir(parents=True, exist_ok=True)
        digest = sha256(content).hexdigest()
        # Before the file, and with the one that is there: whichever of them somebody meets, also
        # after a crash in between, is known for what a sync wrote.
        before = stored.content or b""
        known = [digest, *([sha256(before).hexdigest()] if self._ours(before) else [])]
        write_whole(self._digest, "\n".join(known) + "\n")
        with suppress(ValueError):
            write_whole(self._index, spelt_index(shelve(content), digest))
        write_whole(self.path, content)
        return True

    def _content(self) -> bytes | None:
        """Return the file's bytes, None where there is none; raises SnapshotError."""
        with reading(self.path):
            if not self.path.exists():
                return None
            other = not self.path.is_file()
        if other:  # reading a pipe or a device may never end
            raise SnapshotError(f"{self.path} cannot be read: this is no file.")
        return read_bytes(self.path)

    def _ours(self, content: bytes) -> bool:
        """Tell whether a file is as the last sync wrote it, or the one before found it."""
        return sha256(content).hexdigest() in self._known()

    def _known(self) -> list[str]:
        """Return the digests of what syncs wrote, the newest first; that file may still come."""
        try:
            return self._digest.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):  # without it, the file is looked at closely
            return []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock; raises BusySyncError when another sync has it, OutputError."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                raise BusySyncError(
                    f"Another sync of {self.path} is running.", hint="Wait for it to end."
                ) from error
        try:
            sweep(self.path.parent)
            yield
        finally:
            lock.release()


def serialized(entries: Entries) -> str:
    """Return the file's text: keys in order, each entry's fields in the order they came."""
    return pretty({key: entries[key] for key in sorted(entries)}, sort_keys=False)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def parse(content: str, name: str) -> Stored:
    """Return what a text holds, a list as older tools wrote it, too; raises nothing."""
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in items]
        repeated.extend(key for key in dict.fromkeys(keys) if keys.count(key) > 1)
        return dict(items)

    if not content.strip():
        return Stored({}, (f"{name} is empty.",))
    try:
        value = json.loads(content, object_pairs_hook=pairs, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return Stored({}, (f"{name} is not JSON: {error}.",), damaged=True)
    # Only keys are named: what stands in an entry is not for everybody who may hear of this.
    known = set(value) if isinstance(value, dict) else set()
    keys = [key if key in known else "a field" for key in repeated]
    problems = [f"{name} says {key} more than once; the last one counts." for key in keys]
    problems = list(dict.fromkeys(problems))
    if isinstance(value, list):
        value = {str(one.get("id")): one for one in value if isinstance(one, dict)}
        problems.append(f"{name} is a list, as older tools wrote it.")
    if not isinstance(value, dict):
        return Stored({}, (f"{name} holds no map of assistants.",), damaged=True)
    entries: dict[str, Entry] = {}
    for key, entry in value.items():
        if why := unreadable(entry):
            problems.append(f"{name}: {key} is left out: {why}.")
        else:
            entries[key] = entry
    return Stored(entries, tuple(problems))
