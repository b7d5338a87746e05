"""Comparing two projects of the sandbox with all their knowledge, whatever their ids are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from understudy.model.meaning import same
from understudy.sandbox import Project, Sandbox

CLONED_FROM = "cloned_from"
STORE_FIELDS = ("name", "description", "metadata", "expires_after")
_OWN = {"id", "object", "created_at", "tool_resources", "metadata"}


class Pairs:
    """Which thing of the destination is the copy of which: one to one, or it fails."""

    def __init__(self) -> None:
        self.copies: dict[str, str] = {}
        self._originals: dict[str, str] = {}

    def add(self, one: str, copy: str) -> None:
        """Note a pair."""
        assert self.copies.setdefault(one, copy) == copy, f"{one} has two copies"
        assert self._originals.setdefault(copy, one) == one, f"{copy} is the copy of two"


class Mirror:
    """Compares field by field. Without `marked`, assistants and stores are told by their names.

    `recorded` says which file's copy is which where looks do not: of files that look alike it is
    taken at its word, and then held to it everywhere.
    """

    def __init__(
        self,
        source: Project,
        destination: Project,
        *,
        marked: bool = True,
        recorded: Mapping[str, str] | None = None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._marked = marked
        self._recorded = recorded or {}
        self.assistants, self.stores, self.files = Pairs(), Pairs(), Pairs()

    def check(self, others: Iterable[str] = ()) -> None:
        """Fail unless the destination holds each assistant once with all it leans on.

        `others` are ids of what else may be there.
        """
        there = self._destination.assistants
        clones: dict[str, str] = {}
        rest = set(others)
        for one in there.values():
            if one["id"] in rest:
                continue
            key = one["metadata"].get(CLONED_FROM) if self._marked else one["name"]
            assert key not in clones, f"{key} was copied twice"
            clones[key] = one["id"]
        for one in self._source.assistants.values():
            copy = clones.pop(one["id"] if self._marked else one["name"], None)
            assert copy is not None, f"{one['name']} was not copied"
            self._assistant(one, there[copy])
        assert clones == {}, "nobody's copies"
        stray = set(self._destination.stores) - set(self.stores.copies.values()) - rest
        assert stray == set(), "vector stores that nobody needs"
        stray = set(self._destination.files) - set(self.files.copies.values()) - rest
        assert {one: self._destination.files[one]["filename"] for one in stray} == {}
        assert not self._source.containers

    def _assistant(self, one: Mapping[str, Any], copy: Mapping[str, Any]) -> None:
        self.assistants.add(one["id"], copy["id"])
        for name in {*one, *copy} - _OWN:
            assert same(name, one.get(name), copy.get(name)), (one["name"], name)
        mark = {CLONED_FROM: one["id"]} if self._marked else {}
        assert copy["metadata"] == {**one["metadata"], **mark}
        for store, other in self._lists(one, copy, "file_search", "vector_store_ids"):
            self._store(store, other)
        for file, other in self._lists(one, copy, "code_interpreter", "file_ids"):
            self._file(file, other)

    def _lists(
        self, one: Mapping[str, Any], copy: Mapping[str, Any], tool: str, key: str
    ) -> Iterable[tuple[str, str]]:
        ids = [(each["tool_resources"] or {}).get(tool, {}).get(key, []) for each in (one, copy)]
        assert len(ids[0]) == len(ids[1]), f"{one['name']} leans on {ids[1]}, not on {ids[0]}"
        return zip(*ids, strict=True)

    def _store(self, one: str, copy: str) -> None:
        self.stores.add(one, copy)
        fields, there = self._source.stores[one], self._destination.stores[copy]
        mark = {CLONED_FROM: one} if self._marked else {}
        wanted = {name: fields.get(name) for name in STORE_FIELDS}
        wanted["metadata"] = {**fields["metadata"], **mark}
        assert {name: there.get(name) for name in STORE_FIELDS} == wanted
        assert there["status"] == "completed"
        inside, copies = self._source.store_files(one), self._destination.store_files(copy)
        assert len(inside) == len(copies), f"{fields['name']} holds {len(copies)} files"
        rest: dict[str, Mapping[str, Any]] = dict(copies)
        for file in inside.values():
            self._member(file, rest)

    def _member(self, file: Mapping[str, Any], rest: dict[str, Mapping[str, Any]]) -> None:
        """Compare a store's file with its copy, which leaves the rest."""
        attributes = {k: v for k, v in file["attributes"].items() if k != CLONED_FROM}
        mark = {CLONED_FROM: file["id"]} if self._marked and len(attributes) < 16 else {}
        look = self._look(self._source, file["id"])
        recorded = self._recorded.get(file["id"])
        for other in sorted(rest.values(), key=lambda one: one["id"] != recorded):
            fits = other["attributes"] == {**attributes, **mark}
            if fits and look == self._look(self._destination, other["id"]):
                break
        else:
            found = [
                (o["attributes"], self._look(self._destination, o["id"])) for o in rest.values()
            ]
            raise AssertionError(f"no {attributes} {look} among {found}")
        assert other["chunking_strategy"] == file["chunking_strategy"]
        assert other["status"] == "completed"
        del rest[other["id"]]
        self._file(file["id"], other["id"])

    def _file(self, one: str, copy: str) -> None:
        self.files.add(one, copy)
        assert self._look(self._source, one) == self._look(self._destination, copy)

    @staticmethod
    def _look(project: Project, file_id: str) -> tuple[Any, ...]:
        file = project.files[file_id]
        return file["filename"], file["bytes"], file["purpose"], project.sha256(file_id)


def moved(sandbox: Sandbox) -> tuple[int, int]:
    """Return how many bytes of files went into the sandbox, and how many came out of it."""
    records = sandbox.requests
    return sum(r.bytes_in for r in records), sum(r.bytes_out for r in records)


def sizes(project: Project) -> int:
    """Return how many bytes all files of a project have."""
    return sum(int(file["bytes"]) for file in project.files.values())
