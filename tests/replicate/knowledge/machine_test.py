"""Whatever happens in source and destination, and whatever breaks: one run makes them alike."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import understudy
from command import DESTINATION, MODEL, SOURCE, surroundings
from mirrored import Mirror, Pairs, moved
from understudy import Identity, KnowledgeOptions, Report, RetryPolicy, UnderstudyError
from understudy.sandbox import Fault, Project, ThreadedSandbox
from understudy.sandbox.faults import KINDS, REQUESTS

FAST = RetryPolicy(attempts=3, base=0.001, longest=0.002, patience=1.0)
EVERYTHING = KnowledgeOptions(file_search=True, code_interpreter=True)
MINUTE = 60.0

picks = st.integers(0, 1000)
names = st.sampled_from(["a.txt", "b, ü.md", 'c "d".csv', "no-ending"])
attributes = st.dictionaries(
    st.sampled_from(["year", "by", "draft", "x" * 64]),
    st.one_of(st.text("aü\n", max_size=3), st.booleans(), st.integers(0, 9), st.just(0.5)),
    max_size=3,
)
chunkings = st.sampled_from([(100, 0), (800, 400), (4096, 2048)]).map(
    lambda pair: {
        "type": "static",
        "static": {"max_chunk_size_tokens": pair[0], "chunk_overlap_tokens": pair[1]},
    }
)
metadata = st.dictionaries(st.sampled_from("abc"), st.text("xü", max_size=2), max_size=3)
days = st.none() | st.integers(1, 365)
#: 429 asks for whole seconds and is told apart in the tests of the wire; 429-ms leads the same way.
quick = sorted(set(KINDS) - {"hang", "hang-after", "latency", "429"})
#: Requests that no run of these makes: a fault in them would be none.
ELSEWHERE = frozenset(
    {"agents", "templates", "responses", "conversations", "items", "containers", "container_files"}
)
faults = st.builds(
    Fault,
    kind=st.sampled_from(quick),
    where=st.sampled_from(["any", *(r for r in REQUESTS if r.split(".")[0] not in ELSEWHERE)]),
    nth=st.integers(1, 6),
    seconds=st.just(0.0),
)
troubles = st.lists(faults, min_size=1, max_size=3)


class Replication(RuleBasedStateMachine):
    """A source that people change, a destination that people meddle with, and runs in between."""

    identity = Identity.METADATA

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="understudy-machine-"))
        self.ahead = 0.0
        self.sandbox = ThreadedSandbox(purpose_rule=False, clock=lambda: time.time() + self.ahead)
        self.sandbox.__enter__()
        self.settings = understudy.load_settings(
            surroundings(self.sandbox.base_url, self.folder), self.folder
        )
        self.count = 0
        self.twins = False
        self.dirty = False
        self.others: set[str] = set()
        self.stray: set[str] = set()
        self.history: tuple[dict[str, str], ...] = ({}, {}, {})

    def teardown(self) -> None:
        self.sandbox.close()
        shutil.rmtree(self.folder)

    @property
    def source(self) -> Project:
        return self.sandbox.project(SOURCE)

    @property
    def destination(self) -> Project:
        return self.sandbox.project(DESTINATION)

    @property
    def forgetful(self) -> bool:
        """Whether all can be recognised without the output directory."""
        return self.identity is Identity.METADATA and not self.twins

    @initialize()
    def begin(self) -> None:
        stranger = self.destination.put_file("a.txt", b"somebody's", created_at=1)["id"]
        store = self.destination.put_store(name="Store", files=[stranger])["id"]
        one = self.destination.add(name="Bot", model=MODEL)["id"]
        self.others = {stranger, store, one}
        self.add_assistant(0, 0, shares=False)

    @rule(store=picks, file=picks, shares=st.booleans())
    def add_assistant(self, store: int, file: int, shares: bool) -> None:
        stores, files = list(self.source.stores), list(self.source.files)
        used = (
            stores[store % len(stores)]
            if stores and shares
            else self.source.put_store(name="Store", files=[self._file("a.txt")])["id"]
        )
        own = files[file % len(files)] if files and shares else self._file("ci.csv")
        self.count += 1
        self.source.add(
            name=f"Bot {self.count}",
            model=MODEL,
            tool_resources={
                "file_search": {"vector_store_ids": [used]},
                "code_interpreter": {"file_ids": [own]},
            },
        )
        self._changed()

    @rule(store=picks, name=names, tags=attributes, chunking=st.none() | chunkings)
    def add_a_file_to_a_store(
        self, store: int, name: str, tags: dict[str, Any], chunking: dict[str, Any] | None
    ) -> None:
        if one := self._store(self.source, store):
            self.source.attach(one, self._file(name), tags, chunking)
            self._changed()

    @rule(store=picks, content=st.sampled_from([b"twin 1", b"twin 2", b"twin 3"]))
    def add_a_file_that_looks_like_others(self, store: int, content: bytes) -> None:
        if one := self._store(self.source, store):
            self.source.attach(one, self.source.put_file("twin.txt", content)["id"])
            self.twins = True
            self._changed()

    @rule(store=picks, file=picks)
    def take_a_file_out_of_a_store(self, store: int, file: int) -> None:
        if pair := self._member(self.source, store, file):
            self.source.detach(*pair)
            self._changed()

    @rule(store=picks, file=picks, grows=st.booleans())
    def change_a_file(self, store: int, file: int, grows: bool) -> None:
        """A file cannot be changed: people upload a new one of the same name."""
        if pair := self._member(self.source, store, file):
            old = self.source.files[pair[1]]
            content = bytearray(self.source.content(pair[1]) or b" ")
            content[0] ^= 1
            new = self.source.put_file(old["filename"], bytes(content) + b"+" * grows)["id"]
            tags = self.source.store_files(pair[0])[pair[1]]["attributes"]
            self.source.attach(pair[0], new, tags)
            self._replace(pair[1], new)
            self.source.remove_file(pair[1])
            self._changed()

    @rule(store=picks, file=picks, tags=attributes)
    def change_attributes(self, store: int, file: int, tags: dict[str, Any]) -> None:
        if pair := self._member(self.source, store, file):
            self.source.edit_attributes(*pair, tags)
            self._changed()

    @rule(store=picks, file=picks, chunking=chunkings)
    def cut_a_file_otherwise(self, store: int, file: int, chunking: dict[str, Any]) -> None:
        if pair := self._member(self.source, store, file):
            tags = self.source.store_files(pair[0])[pair[1]]["attributes"]
            self.source.attach(*pair, tags, chunking)
            self._changed()

    @rule(store=picks, name=st.text("sü ", max_size=3), pairs=metadata, days=days)
    def change_a_store(
        self, store: int, name: str, pairs: dict[str, str], days: int | None
    ) -> None:
        if one := self._store(self.source, store):
            expiry = {"anchor": "last_active_at", "days": days} if days else None
            self.source.edit_store(one, name=name, metadata=pairs, expires_after=expiry)
            self._changed()

    @rule(one=picks, file=picks, name=names, at=st.integers(0, 3))
    def change_the_files_of_an_assistant(self, one: int, file: int, name: str, at: int) -> None:
        ids = list(self.source.assistants)
        if not ids:
            return
        chosen = ids[one % len(ids)]
        resources = self.source.assistants[chosen]["tool_resources"]
        files = list(resources.get("code_interpreter", {}).get("file_ids", []))
        there = list(self.source.files)
        new = there[file % len(there)] if there and file % 2 else self._file(name)
        if new in files or len(files) > 5:
            files.remove(files[at % len(files)])
        else:
            files.insert(at, new)
        changed = {**resources, "code_interpreter": {"file_ids": files}}
        self.source.edit(chosen, tool_resources=changed)
        self._changed()

    @rule(one=picks)
    def remove_an_assistant(self, one: int) -> None:
        ids = list(self.source.assistants)
        if len(ids) > 1:
            self.source.remove(ids[one % len(ids)])
            self._changed()

    @rule(store=picks, file=picks, how=st.sampled_from(["detach", "delete", "tag", "rename"]))
    def meddle_with_the_destination(self, store: int, file: int, how: str) -> None:
        pair = self._member(self.destination, store, file)
        if pair is None or pair[0] in self.others:
            return
        if how == "detach":
            self.destination.detach(*pair)
        elif how == "delete":
            self.destination.remove_file(pair[1])
        elif how == "tag":
            tags = self.destination.store_files(pair[0])[pair[1]]["attributes"]
            self.destination.edit_attributes(*pair, {**tags, "tampered": True})
        else:
            self.destination.edit_store(pair[0], name="Renamed", expires_after=None)
        self._changed()

    @rule(store=picks)
    def let_a_store_expire_in_the_destination(self, store: int) -> None:
        if (one := self._store(self.destination, store)) and one not in self.others:
            self.destination.expire_store(one)
            self.others.add(one)
            self._changed()

    @precondition(lambda self: self.forgetful)
    @rule()
    def lose_the_output_directory(self) -> None:
        shutil.rmtree(self.folder / "out", ignore_errors=True)

    @precondition(lambda self: self.dirty)
    @rule()
    def run(self) -> None:
        self._converge()

    @precondition(lambda self: self.dirty)
    @rule(breaks=troubles, forgets=st.booleans())
    def run_with_faults_and_again(self, breaks: list[Fault], forgets: bool) -> None:
        self._suffer(breaks)
        if forgets and self.forgetful:
            self.lose_the_output_directory()
        self._converge()

    @precondition(lambda self: self.dirty)
    @rule(breaks=troubles)
    def run_with_faults(self, breaks: list[Fault]) -> None:
        """What arrives now may have left the source when everything is well again."""
        self._suffer(breaks)
        self.stray |= {*self.destination.files, *self.destination.stores}

    @invariant()
    def nothing_is_left_on_the_way(self) -> None:
        assert not list(self.folder.rglob(".understudy-*"))
        assert not self.source.containers

    def _suffer(self, breaks: list[Fault]) -> None:
        self.sandbox.faults = breaks
        with contextlib.suppress(UnderstudyError):
            self._clone()
        self.sandbox.faults = ()

    def _converge(self) -> None:
        """Run; then both are alike, and another run reads only."""
        report = self._clone()
        assert report.exit_code == 0, [o.error for o in report.outcomes]
        self._compare()
        self.sandbox.requests.clear()
        again = self._clone()
        assert again.exit_code == 0
        assert not again.plan.sends
        assert moved(self.sandbox) == (0, 0)
        assert {r.method for r in self.sandbox.requests} == {"GET"}
        self.dirty = False

    def _compare(self) -> None:
        here = {one["name"] for one in self.source.assistants.values()}
        copies = self.destination.assistants.values()
        gone = {one["id"] for one in copies if one["name"] not in here}
        past = {copy for pairs in self.history[1:] for copy in pairs.values()}
        marked = self.identity is Identity.METADATA
        mirror = Mirror(self.source, self.destination, marked=marked, recorded=self._recorded())
        mirror.check(self.others | self.stray | gone | past)
        held = (self.destination.assistants, self.destination.stores, self.destination.files)
        found = (mirror.assistants, mirror.stores, mirror.files)
        for known, pairs, there in zip(self.history, found, held, strict=True):
            self._same_copies(known, pairs, there)

    def _recorded(self) -> dict[str, str]:
        """Return which file's copy is which, as the last run says: twins look the same."""
        content = json.loads((self.folder / "out" / "mapping.json").read_text(encoding="utf-8"))
        files = content.get("knowledge", {}).get("files", [])
        return {one["srcId"]: one["dstId"] for one in files if one["dstId"]}

    def _same_copies(self, known: dict[str, str], pairs: Pairs, there: Any) -> None:
        """What had a copy that is still there has no other one now."""
        for one, copy in pairs.copies.items():
            before = known.get(one, copy)
            if before in there and before not in self.others:
                assert before == copy, f"{one} was copied anew"
            self.others |= {before} - {copy}
        known.update(pairs.copies)

    def _clone(self) -> Report:
        clone = understudy.clone(
            "src",
            "dst",
            knowledge=EVERYTHING,
            identity=self.identity,
            settings=self.settings,
            output_dir=self.folder / "out",
            retry=FAST,
            settle=0.0,
        )
        try:
            return asyncio.run(clone)
        finally:
            self.ahead += MINUTE

    def _changed(self) -> None:
        self.dirty = True
        self.ahead += MINUTE

    def _file(self, name: str) -> str:
        """Put a file into the source that looks like no other one."""
        self.count += 1
        return str(self.source.put_file(name, b"." * self.count)["id"])

    def _replace(self, old: str, new: str) -> None:
        """Let assistants lean on another file."""
        for one in list(self.source.assistants.values()):
            resources = one["tool_resources"]
            files = resources.get("code_interpreter", {}).get("file_ids", [])
            if old in files:
                ids = list(dict.fromkeys(new if each == old else each for each in files))
                changed = {**resources, "code_interpreter": {"file_ids": ids}}
                self.source.edit(one["id"], tool_resources=changed)

    @staticmethod
    def _store(project: Project, pick: int) -> str | None:
        alive = [one for one, store in project.stores.items() if store["status"] != "expired"]
        return alive[pick % len(alive)] if alive else None

    def _member(self, project: Project, store: int, file: int) -> tuple[str, str] | None:
        one = self._store(project, store)
        inside = list(project.store_files(one)) if one else []
        return (one, inside[file % len(inside)]) if one and inside else None


class UnmarkedReplication(Replication):
    """The same without marks: identity is kept in mapping.json."""

    identity = Identity.MAPPING


_BOUNDED = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
Replication.TestCase.settings = UnmarkedReplication.TestCase.settings = _BOUNDED
TestReplication = Replication.TestCase
TestUnmarkedReplication = UnmarkedReplication.TestCase
