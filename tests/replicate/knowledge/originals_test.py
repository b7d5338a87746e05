import hashlib
import os
from pathlib import Path

import pytest

from understudy.errors import UsageError
from understudy.model.knowledge import File
from understudy.replicate.knowledge.originals import Originals


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "originals"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"hello")
    (folder / "deep" / "er" / "b.txt").write_bytes(b"world!")
    return folder


def file(name: str, size: int | None) -> File:
    return File("file-1", name, size)


def test_an_original_is_found_by_name_and_size_anywhere_below(folder: Path) -> None:
    originals = Originals(folder)
    assert originals.find(file("a.txt", 5)).path == "a.txt"
    assert originals.find(file("b.txt", 6)).path == str(Path("deep", "er", "b.txt"))
    assert originals.path("a.txt").read_bytes() == b"hello"


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("a.txt", 6, "no 'a.txt' of 6 bytes"),
        ("A.txt", 5, "no 'A.txt' of 5 bytes"),
        ("", 5, "it has no name"),
        ("a.txt", None, "its size is not known"),
    ],
)
def test_what_is_not_there_is_said(folder: Path, name: str, size: int | None, reason: str) -> None:
    found = Originals(folder).find(file(name, size))
    assert found.path == ""
    assert reason in found.reason


def test_without_a_folder_nothing_is_found() -> None:
    assert Originals(None).find(file("a.txt", 5)).reason == "no --files-dir was given"


@pytest.mark.parametrize("name", ["some/where/a.txt", "C:\\docs\\a.txt", "../../a.txt"])
def test_a_name_that_is_a_path_is_looked_for_by_its_last_part(folder: Path, name: str) -> None:
    (folder.parent / "a.txt").write_bytes(b"other")
    found = Originals(folder).find(file(name, 5))
    assert found.path == "a.txt"
    assert Originals(folder).path(found.path).read_bytes() == b"hello"


def test_several_with_the_same_bytes_are_as_good_as_one(folder: Path) -> None:
    (folder / "deep" / "a.txt").write_bytes(b"hello")
    assert Originals(folder).find(file("a.txt", 5)).path == "a.txt"


def test_of_several_that_differ_none_is_taken_unless_a_digest_decides(folder: Path) -> None:
    (folder / "deep" / "a.txt").write_bytes(b"HELLO")
    found = Originals(folder).find(file("a.txt", 5))
    assert found.path == ""
    assert "2 files of that name and size differ: a.txt, deep" in found.reason
    digest = hashlib.sha256(b"HELLO").hexdigest()
    decided = Originals(folder).find(file("a.txt", 5), digest)
    assert decided.path == str(Path("deep", "a.txt"))
    none = Originals(folder).find(file("a.txt", 5), "0" * 64)
    assert "other bytes" in none.reason


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_that_lead_out_are_not_followed(folder: Path) -> None:
    secret = folder.parent / "secret.txt"
    secret.write_bytes(b"12345")
    (folder / "secret.txt").symlink_to(secret)
    (folder / "up").symlink_to(folder.parent)
    (folder / "inside.txt").symlink_to(folder / "a.txt")
    originals = Originals(folder)
    assert originals.find(file("secret.txt", 5)).path == ""
    assert originals.find(file("inside.txt", 5)).path == "inside.txt"
    with pytest.raises(UsageError, match="leads out"):
        originals.path("secret.txt")
    with pytest.raises(UsageError, match="leads out"):
        originals.path("../secret.txt")


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is no folder"):
        Originals(tmp_path / "file").find(file("a.txt", 5))
