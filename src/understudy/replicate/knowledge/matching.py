"""Which file in the destination is the copy of which file in the source. Pure.

Files carry no metadata of their own, so identity is found in this order, and never guessed:

1. the very same id (another reading of the same project);
2. what journal or mapping.json remember;
3. the marker on a store's file: the copy's attributes name the source, or, copying back, the
   source's attributes name the original, or both name the same one (A to B, A to C, now B to C);
4. the same place in the lists of two assistants of which one is the other's copy;
5. a file of the same name and size that is not older than the source, where only one file of
   the source has that name and size.

A file that was changed in the source is a new file with a new id, younger than the copy of the
old one: rules 4 and 5 cannot take the old copy for it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.model.knowledge import File, StoreFile
from understudy.model.naming import wire_name
from understudy.replicate.identity import RANDOM
from understudy.replicate.knowledge.holdings import Holdings

#: Appended to the name of a file that travelled as its parsed text.
TEXT_SUFFIX = ".txt"


@dataclass(frozen=True, slots=True)
class Match:
    """The copy of a file. `text`: it holds the parsed text only. `by_name`: rule 5 found it."""

    file: File
    text: bool = False
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known from elsewhere: remembered pairs, and lists of assistants that are pairs."""

    known: Mapping[str, str] = field(default_factory=dict)
    lists: Sequence[tuple[Sequence[str], Sequence[str]]] = ()
    one_home: bool = True


def sent_name(file: File) -> str:
    """Return the name that a copy gets: the file's own, else one made of its id."""
    return file.name or f"{file.id}.bin"


def text_name(file: File) -> str:
    """Return the name of the copy that holds a file's parsed text."""
    return sent_name(file) + TEXT_SUFFIX


def match_files(
    wanted: Iterable[str], source: Holdings, destination: Holdings, hints: Hints
) -> dict[str, Match]:
    """Return the copy of each wanted file that has one."""
    files = [source.files[one] for one in wanted if one in source.files]
    marked = _marked(files, source, destination)
    found: dict[str, Match] = {}
    taken: set[str] = set()
    for file in files:
        for candidate in (*_sure(file, destination, hints), *marked.get(file.id, ())):
            here = destination.files.get(candidate)
            if here is not None and here.id not in taken:
                taken.add(here.id)
                found[file.id] = Match(here, text=_is_text(here, file))
                break
    # What is remembered as another file's copy is nobody else's, however alike they look.
    claimed = {*taken, *hints.known.values(), *(one for ids in marked.values() for one in ids)}
    claimed |= {
        copy.file_id
        for inside in destination.contents.values()
        for copy in inside
        if copy.cloned_from
    }
    for one, here in _by_position(files, destination, hints, found):
        if here.id not in claimed:
            claimed.add(here.id)
            found[one] = Match(here)
    alike = Counter(_looks(file) for file in source.files.values())
    for one, here in _by_name(files, alike, destination, found, claimed):
        found[one] = Match(here, by_name=True)
    return found


def _sure(file: File, destination: Holdings, hints: Hints) -> Iterator[str]:
    here = destination.files.get(file.id)
    telling = hints.one_home or len(file.id) >= RANDOM
    if here is not None and telling and (here.name, here.bytes) == (file.name, file.bytes):
        yield file.id
    if (remembered := hints.known.get(file.id)) is not None:
        yield remembered


def _marked(
    files: Iterable[File], source: Holdings, destination: Holdings
) -> dict[str, tuple[str, ...]]:
    """Return destination ids under source ids, as attributes in stores tell."""
    wanted = {file.id for file in files}
    pairs: dict[str, dict[str, None]] = defaultdict(dict)
    for copy in _inside(destination):
        if copy.cloned_from in wanted:
            pairs[copy.cloned_from or ""][copy.file_id] = None
    siblings: dict[str, list[str]] = defaultdict(list)
    for copy in _inside(destination):
        siblings[copy.cloned_from or ""].append(copy.file_id)
    for original in _inside(source):
        if not (origin := original.cloned_from):
            continue
        if origin in destination.files:
            pairs[original.file_id][origin] = None
        if origin not in source.files:
            pairs[original.file_id].update(dict.fromkeys(siblings.get(origin, ())))
    return {one: tuple(ids) for one, ids in pairs.items()}


def _inside(holdings: Holdings) -> Iterator[StoreFile]:
    for inside in holdings.contents.values():
        yield from inside


def _by_position(
    files: Iterable[File], destination: Holdings, hints: Hints, found: Mapping[str, Match]
) -> Iterator[tuple[str, File]]:
    by_id = {file.id: file for file in files}
    for here, there in hints.lists:
        if len(here) != len(there):
            continue
        for one, other in zip(here, there, strict=True):
            file, copy = by_id.get(one), destination.files.get(other)
            if one not in found and file and copy and _could_be(copy, file):
                yield one, copy


def _by_name(
    files: Iterable[File],
    alike: Mapping[tuple[str, int | None], int],
    destination: Holdings,
    found: Mapping[str, Match],
    claimed: set[str],
) -> Iterator[tuple[str, File]]:
    candidates: dict[tuple[str, int | None], list[File]] = defaultdict(list)
    for copy in destination.files.values():
        if copy.id not in claimed:
            candidates[wire_name(copy.name), copy.bytes].append(copy)
    for file in files:
        if file.id in found or alike[_looks(file)] > 1 or file.bytes is None:
            continue
        for copy in sorted(candidates.get(_looks(file), ()), key=lambda f: f.created_at or 0):
            if _could_be(copy, file):
                yield file.id, copy
                break


def _looks(file: File) -> tuple[str, int | None]:
    return (wire_name(sent_name(file)), file.bytes)


def _could_be(copy: File, file: File) -> bool:
    """Tell whether name, size and age allow that one was copied from the other."""
    if copy.name not in (sent_name(file), wire_name(sent_name(file))):
        return False
    if copy.bytes != file.bytes or (copy.sha256 and file.sha256 and copy.sha256 != file.sha256):
        return False
    if copy.created_at is None or file.created_at is None:
        return True
    return copy.created_at >= file.created_at


def _is_text(copy: File, file: File) -> bool:
    return copy.name in (text_name(file), wire_name(text_name(file))) and copy.name != file.name
