"""Whatever goes wrong in whatever order, the file is one whole version of the source.

Several syncs at once, faults in any of their requests, edits in the source and by hand.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import understudy
from understudy import Registry
from understudy.errors import UnderstudyError
from understudy.ops.registry import Synced
from understudy.sandbox import Fault, Project, Sandbox

KEY = "sk-registry-0123456789"
NAMES = ["Support Bot", "support bot", "日本", "Other", "A" * 256]

#: Those that end a request at once; what is tried again is tried elsewhere.
quick = st.sampled_from(["401", "403", "gone", "quota", "html", "truncated"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(NAMES)),
        st.tuples(st.just("edit"), st.integers(0, 9)),
        st.tuples(st.just("remove"), st.integers(0, 9)),
        st.tuples(st.just("spoil"), st.sampled_from(["", "{", "[]", '{"A": 1}', "\x00"])),
        st.tuples(st.just("sync"), st.lists(st.tuples(quick, st.integers(1, 3)), max_size=2)),
    ),
    min_size=3,
    max_size=14,
)


@given(steps)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_file_is_always_one_whole_version(steps: list[tuple[str, Any]]) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[str, Any]]) -> None:
    async with Sandbox() as sandbox:
        source = sandbox.project(KEY)
        for number in range(105):  # two pages
            source.add(name=f"Bot {number}", model="gpt-4o")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config" / "assistants.json"
            for step, value in [*steps, ("sync", [])]:
                if step == "sync":
                    await _sync(sandbox, source, path, value)
                else:
                    _change(step, value, source, path)


def _change(step: str, value: Any, source: Project, path: Path) -> None:
    ids = list(source.assistants)
    if step == "add":
        source.add(name=value, model="gpt-4o")
    elif step == "edit":
        source.edit(ids[value % len(ids)], instructions=f"Edit {value}.")
    elif step == "remove":
        source.remove(ids[value % len(ids)])
    elif path.exists():
        path.write_text(value, encoding="utf-8")


async def _sync(
    sandbox: Sandbox, source: Project, path: Path, faults: list[tuple[str, int]]
) -> None:
    """Let three sync at once; whoever says that all is well is held to it."""
    before = _content(path)
    found = understudy.load_settings(
        {"OPENAI_BASE_URL": sandbox.base_url, "OPENAI_API_KEY": KEY}, path.parent
    )
    sandbox.faults = tuple(Fault(kind, "list", nth=nth, times=1) for kind, nth in faults)
    syncs = [Registry(path, settings=found, gate=None).sync(allow_removal=True) for _ in range(3)]
    done = await asyncio.gather(*syncs, return_exceptions=True)
    assert all(isinstance(one, Synced | UnderstudyError) for one in done)
    if all(isinstance(one, UnderstudyError) for one in done):
        assert _content(path) == before
        return
    entries = json.loads(_content(path) or b"")
    stored = {entry["id"]: entry for entry in entries.values()}
    assert len(stored) == len(entries), "no entry is lost, none is there twice"
    assert stored == {one: {**record} for one, record in source.assistants.items()}


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
