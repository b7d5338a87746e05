"""Files become text in a process with limits; those that give none say why."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest

from understudy.architect import attachments, extracting
from understudy.architect.attachments import read_upload
from understudy.architect.inputs import Unreadable, Upload


def pdf(*pages: str, encrypted: bool = False) -> bytes:
    """Return a PDF with a line of text on each page; spelt out, by the format's own rules."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for text in pages:
        number = len(objects) + 1
        kids.append(f"{number} 0 R")
        font = "<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 400] /Contents {number + 1} 0 R "
            f"/Resources << /Font {font} >> >>"
        )
        drawn = f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET" if text else "0 0 100 100 re f"
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(pages)} >>"
    if encrypted:
        words = f"/O <{'00' * 32}> /U <{'00' * 32}> /P -4"
        objects.append(f"<< /Filter /Standard /V 1 /R 2 {words} >>")
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    more = f"/Encrypt {len(objects)} 0 R /ID [<00> <00>]" if encrypted else ""
    return (
        out
        + (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
            f"trailer << /Size {len(objects) + 1} /Root 1 0 R {more} >>\n"
            f"startxref\n{len(out)}\n%%EOF\n"
        ).encode()
    )


def word(text: str = "Dear harbour,") -> bytes:
    made = docx.Document()
    made.add_paragraph(text)
    table = made.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "wind", "north"
    made.add_paragraph("Yours")
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def bomb() -> bytes:
    """Return a .docx that unpacks to 300 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a/>")
        for number in range(3):
            archive.writestr(f"word/{number}.xml", b" " * 100_000_000)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


PAGE = (
    "<html><head><title>No</title></head><body><script>no()</script>"
    "<h1>Log</h1><p>All &amp; calm<br>so far</p></body></html>"
)
TEXTS: dict[str, tuple[str, bytes, str]] = {
    "text": ("a.txt", "\ufeffhé\n".encode(), "hé\n"),
    "markdown": ("A.MD", b"# a", "# a"),
    "csv": ("a.csv", b"a,b\n1,2", "a,b\n1,2"),
    "json": ("a.json", b"{}", "{}"),
    "html": ("a.html", PAGE.encode(), "Log\nAll & calm\nso far"),
    "pdf": ("a.pdf", pdf("One leak", "Two leaks"), "One leak\n\nTwo leaks"),
    "docx": ("a.docx", word(), "Dear harbour,\nwind\tnorth\nYours"),
}


@pytest.mark.parametrize("what", TEXTS)
async def test_a_file_becomes_its_text(tmp_path: Path, what: str) -> None:
    name, data, text = TEXTS[what]
    path = tmp_path / name
    path.write_bytes(data)
    upload = await read_upload(path)
    assert isinstance(upload, Upload), upload
    assert (upload.name, upload.size, upload.text) == (name, len(data), text)


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "another kind": ("a.exe", b"MZ", "unknown_kind"),
    "no ending": ("README", b"a", "unknown_kind"),
    "encrypted": ("a.pdf", pdf("secret", encrypted=True), "encrypted_file"),
    "scanned": ("a.pdf", pdf("", ""), "no_text"),
    "cut off": ("a.pdf", pdf("a")[:200], "damaged_file"),
    "a zip as a PDF": ("a.pdf", zipped(), "mislabelled_file"),
    "a text as a .docx": ("a.docx", b"Dear harbour", "mislabelled_file"),
    "a zip as a .docx": ("a.docx", zipped(), "mislabelled_file"),
    "a .docx that is cut off": ("a.docx", word()[:900], "damaged_file"),
    "a zip bomb": ("a.docx", bomb(), "too_large_unpacked"),
    "a picture as text": ("a.txt", b"a\x00b", "mislabelled_file"),
    "another encoding": ("a.txt", "hé".encode("latin-1"), "not_utf8"),
    "nothing": ("a.txt", b" \n", "no_text"),
    "too many pages": ("a.pdf", pdf(*(["a"] * 2001)), "too_many_pages"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_file_without_text_says_why(tmp_path: Path, what: str) -> None:
    name, data, code = REFUSED[what]
    path = tmp_path / name
    path.write_bytes(data)
    told = await read_upload(path)
    assert isinstance(told, Unreadable), told
    assert (told.name, told.code) == (name, code)
    assert told.message


async def test_a_name_from_elsewhere_decides_and_leads_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "spooled"
    path.write_bytes(b"a")
    told = await read_upload(path, name="../../etc/notes.txt")
    assert isinstance(told, Upload)
    assert told.text == "a"


def _hang(folder: Path) -> str:
    program = folder / "hang.py"
    program.write_text("import time\nwhile True: time.sleep(1)\n")
    return str(program)


async def test_who_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = attachments._PYTHON[0]
    monkeypatch.setattr(attachments, "_PYTHON", (python, _hang(tmp_path)))
    (tmp_path / "a.txt").write_text("a")
    told = await read_upload(tmp_path / "a.txt", patience=0.2)
    assert isinstance(told, Unreadable)
    assert told.code == "too_slow"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "too_large"),
        ("raise SystemExit(1)", "damaged_file"),
        ("import os; os.abort()", "damaged_file"),
    ],
)
async def test_a_reader_that_dies_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, code: str
) -> None:
    (tmp_path / "p.py").write_text(
        f"import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); {program}"
    )
    python = attachments._PYTHON[0]
    monkeypatch.setattr(attachments, "_PYTHON", (python, str(tmp_path / "p.py")))
    (tmp_path / "a.txt").write_text("a")
    told = await read_upload(tmp_path / "a.txt")
    assert isinstance(told, Unreadable)
    assert told.code == code


async def test_memory_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(extracting.__file__).parent
    (tmp_path / "p.py").write_text(
        f"import sys; sys.path.insert(0, {str(folder)!r}); import extracting\n"
        "extracting.READERS['.txt'] = lambda path: 'a' * 2_000_000_000\n"
        "extracting.main()"
    )
    python = attachments._PYTHON[0]
    monkeypatch.setattr(attachments, "_PYTHON", (python, str(tmp_path / "p.py")))
    (tmp_path / "a.txt").write_text("a")
    told = await read_upload(tmp_path / "a.txt")
    assert isinstance(told, Unreadable)
    assert told.code == "too_large"


async def test_more_text_than_any_prompt_takes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * 10_000_001)
    told = await read_upload(path)
    assert isinstance(told, Unreadable)
    assert told.code == "too_long"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
async def test_what_is_no_file_is_not_waited_for(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "a.txt")
    with pytest.raises(OSError, match="no file"):
        await read_upload(tmp_path / "a.txt")


async def test_a_file_that_is_gone_is_the_callers_matter(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await read_upload(tmp_path / "none.txt")


def test_readers_write_no_files_and_the_environment_stays_here() -> None:
    assert os.path.isabs(extracting.__file__)  # noqa: PTH117
    source = Path(extracting.__file__).read_text()
    assert "from understudy" not in source
