"""Which functions of a module a model may call."""

from __future__ import annotations

from pathlib import Path

from understudy.ops.handlers import load_handlers


def test_only_what_a_module_defines_itself_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from os import remove\nfrom functools import partial\nimport shutil\n"
        "def find_order(order: str) -> str:\n    return order\n"
        "def _helper() -> None: ...\nclass Thing: ...\nalias = remove\n"
    )
    handlers = load_handlers(path)
    assert "find_order" in handlers
    for name in ("remove", "alias", "partial", "shutil", "_helper", "Thing"):
        assert name not in handlers


def test_what_handlers_names_is_offered_wherever_it_is_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from os.path import join\nHANDLERS = {'join-paths': join}\n")
    assert "join-paths" in load_handlers(path)
