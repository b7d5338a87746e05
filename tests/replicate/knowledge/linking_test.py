"""Tying assistants to their knowledge: what their payload, ledger and findings say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from replicate.holding import CLOSED, EXACT, TEXT, Pair, file, holding, inside, store
from understudy.model.assistant import CLONED_FROM, Assistant
from understudy.model.fidelity import Fidelity
from understudy.model.knowledge import Store
from understudy.platforms.base import Rendered
from understudy.replicate.knowledge.linking import Linker
from understudy.replicate.knowledge.needs import KnowledgeOptions, Needs
from understudy.replicate.knowledge.plan import KnowledgePlan

BOTH = KnowledgeOptions(file_search=True, code_interpreter=True)
EMPTY = Rendered({"name": "A"}, ())


def leaning(stores: Any = (), files: Any = (), id_: str = "asst") -> Assistant:
    resources = {
        "file_search": {"vector_store_ids": list(stores)},
        "code_interpreter": {"file_ids": list(files)},
    }
    return Assistant(id_, {"id": id_, "name": "A", "tool_resources": resources})


def library(**options: Any) -> Pair:
    source = holding([file("a"), file("f", "f.csv", 2)], [(store("S"), [inside("a")])])
    return Pair(source, needs={"asst": Needs(("S",), ("f",))}, **options)


def copies_of(pair: Pair) -> tuple[str, str]:
    """Return the ids of the store's and the file's copies."""
    (there,) = pair.destination.stores
    (copy,) = [one.id for one in pair.destination.files.values() if one.name == "f.csv"]
    return there, copy


def test_a_new_assistant_speaks_of_its_knowledge_by_the_sources_ids() -> None:
    linked = Linker(library().plan(), BOTH).link(leaning(["S"], ["f"]), None, EMPTY)
    assert linked.payload["tool_resources"] == {
        "file_search": {"vector_store_ids": ["knowledge:S"]},
        "code_interpreter": {"file_ids": ["knowledge:f"]},
    }
    (entry,) = linked.ledger
    assert (entry.field, entry.fidelity) == ("tool_resources", Fidelity.MAPPED)


def test_a_copy_that_leans_on_the_copies_does_not_differ() -> None:
    pair = library()
    pair.carry()
    linker = Linker(pair.plan(), BOTH)
    there, copy = copies_of(pair)
    for stores, files, differs in (
        ([there], [copy], False),
        ([there], [], True),
        (["other"], [copy], True),
        ([there], [copy, "extra"], True),
    ):
        here = leaning(stores, files, "copy")
        payload = linker.link(leaning(["S"], ["f"]), here, EMPTY).payload
        assert linker.differs(payload, here) == differs, (stores, files)


def test_what_still_has_to_travel_differs() -> None:
    linker = Linker(library().plan(), BOTH)
    here = leaning([], [], "copy")
    assert linker.differs(linker.link(leaning(["S"], ["f"]), here, EMPTY).payload, here)


def test_knowledge_that_was_not_asked_for_stays_there_and_is_said_to_be_left_out() -> None:
    pair = library(options=KnowledgeOptions(code_interpreter=True))
    pair.needs = {"asst": Needs((), ("f",))}
    pair.carry()
    linker = Linker(pair.plan(), KnowledgeOptions(code_interpreter=True))
    copies = list(pair.destination.files)
    here = leaning(["their own"], copies, "copy")
    linked = linker.link(leaning(["S"], ["f"]), here, EMPTY)
    assert linked.payload["tool_resources"]["file_search"] == {"vector_store_ids": ["their own"]}
    assert not linker.differs(linked.payload, here)
    dropped = [e for e in linked.ledger if e.fidelity is Fidelity.DROPPED]
    assert [e.field for e in dropped] == ["tool_resources.file_search"]


def test_an_assistant_without_knowledge_gets_none_and_loses_what_is_there() -> None:
    linker = Linker(KnowledgePlan(), BOTH)
    assert linker.link(leaning(), None, EMPTY) == EMPTY
    here = leaning(["old"], [], "copy")
    linked = linker.link(leaning(), here, EMPTY)
    assert linked.payload["tool_resources"]["file_search"] == {"vector_store_ids": []}
    assert linker.differs(linked.payload, here)


def rival(pair: Pair) -> None:
    stores = {**pair.destination.stores, "twin": store("twin", metadata={CLONED_FROM: "S"})}
    pair.destination = replace(pair.destination, stores=stores)


def expire(pair: Pair) -> None:
    gone = Store("S", {**pair.source.stores["S"].raw, "status": "expired"})
    pair.source = replace(pair.source, stores={"S": gone}, contents={"S": ()})


def vanish(pair: Pair) -> None:
    pair.source = replace(pair.source, stores={}, contents={})


@pytest.mark.parametrize("happens", [rival, expire, vanish])
def test_where_nobody_can_tell_which_store_it_should_have_it_keeps_what_it_has(
    happens: Any,
) -> None:
    pair = library()
    pair.carry()
    there, copy = copies_of(pair)
    happens(pair)
    plan = pair.plan()
    linker = Linker(plan, BOTH)
    here = leaning([there], [copy], "copy")
    linked = linker.link(leaning(["S"], ["f"]), here, EMPTY)
    assert linked.payload["tool_resources"]["file_search"] == {"vector_store_ids": [there]}
    assert not linker.differs(linked.payload, here)
    assert [lack.source_id for lack in linker.lacks("asst")] == ["S"], "and it is said"
    new = linker.link(leaning(["S"], ["f"]), None, EMPTY)
    assert "file_search" not in new.payload["tool_resources"]


def test_with_require_an_assistant_that_would_lack_something_is_blocked() -> None:
    options = KnowledgeOptions(file_search=True, code_interpreter=True, require=True)
    pair = library(options=options, offers={"f": CLOSED}, otherwise=EXACT)
    linker = Linker(pair.plan(), options)
    (finding,) = linker.link(leaning(["S"], ["f"]), None, EMPTY).findings
    assert finding.blocks
    assert finding.message == "It would lack f.csv."


def test_text_and_what_is_missing_stand_in_the_ledger() -> None:
    pair = library(offers={"a": TEXT, "f": CLOSED})
    linked = Linker(pair.plan(), BOTH).link(leaning(["S"], ["f"]), None, EMPTY)
    assert [(e.field, e.fidelity) for e in linked.ledger] == [
        ("tool_resources", Fidelity.MAPPED),
        ("file_search", Fidelity.DEGRADED),
        ("code_interpreter", Fidelity.DROPPED),
    ]
