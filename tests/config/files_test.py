import stat
from pathlib import Path

import pytest

from understudy.errors import OutputError, SnapshotError
from understudy.files import parse_json, read_json, read_text, write_if_changed, write_whole


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_whole(path, "one")
    held = path.open()
    write_whole(path, "two")
    assert path.read_text() == "two"
    assert held.read() == "one"  # whoever reads it meanwhile keeps the old one
    held.close()
    assert list(path.parent.iterdir()) == [path]


def test_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", "x")
    (tmp_path / "other").write_text("x")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("file", "other")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("name", ["n" * 250, "😀" * 60])
def test_names_may_be_as_long_as_the_system_allows(tmp_path: Path, name: str) -> None:
    write_whole(tmp_path / name, "x")
    assert (tmp_path / name).read_text() == "x"


@pytest.mark.parametrize("name", ["n" * 300, "file/below", "a\0b", "."])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        write_whole(tmp_path / name, "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_if_changed(path, "same")
    before = path.stat().st_ino
    assert not write_if_changed(path, "same")
    assert path.stat().st_ino == before
    assert write_if_changed(path, "other")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1, column 1"),
        ('{\n "a": }', "line 2, column 7"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 10_000, "digits"),
    ],
)
def test_broken_json_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(SnapshotError, match=words):
        parse_json(text, "file.json")


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "file") == [1]


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a\r\nb\n")
    assert read_text(tmp_path / "file") == "a\r\nb\n"


@pytest.mark.parametrize("name", ["none", "folder", "a\0b"])
def test_what_cannot_be_read_is_said_plainly(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SnapshotError, match="cannot be read"):
        read_text(tmp_path / name)
