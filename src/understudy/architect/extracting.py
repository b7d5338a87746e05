"""The text of one file, in a process of its own: a program that imports nothing of ours.

It takes a kind, a path and limits, sets limits on itself, and writes one JSON object to standard
output: `text`, or a `code` and a `message`. What it reads comes from strangers; it may be killed.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path

MOST_PAGES = 2_000
MOST_CHARACTERS = 10_000_000
_MEMORY = 1_500_000_000  # bytes of address space, the interpreter's own among them
_SECONDS = 60  # of processor time
_UNPACKED = 200_000_000  # bytes that a .docx may have when it is unpacked
_DEEPEST = 500  # elements of HTML within each other
_PASSWORD = 4  # of pdfium's errors
_UNSEEN = frozenset({"script", "style", "template", "noscript", "head"})
_BLOCKS = frozenset(
    {"p", "div", "br", "li", "tr", "section", "article", "header", "footer", "table", "ul", "ol"}
    | {"pre", "h1", "h2", "h3", "h4", "h5", "h6"}
)


class RefusedError(Exception):
    """A file that has no text for us, with a code that stays."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def of_pdf(path: Path) -> str:
    """Return the text of a PDF, page by page; raises RefusedError."""
    import pypdfium2  # type: ignore[import-untyped]

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD:
            raise RefusedError("encrypted_file", "It is encrypted with a password.") from error
        raise RefusedError("damaged_file", "It cannot be read as a PDF.") from error
    count = len(document)
    if count > MOST_PAGES:
        raise RefusedError("too_many_pages", f"It has {count:,} pages; {MOST_PAGES:,} are read.")
    pages, size = [], 0
    for number in range(count):
        try:
            text = document[number].get_textpage().get_text_bounded()
        except pypdfium2.PdfiumError as error:
            raise RefusedError("damaged_file", f"Page {number + 1} cannot be read.") from error
        pages.append(text.replace("\r\n", "\n").strip())
        size += len(text)
        if size > MOST_CHARACTERS:
            raise _too_long()
    return "\n\n".join(filter(None, pages))


def of_docx(path: Path) -> str:
    """Return the text of a .docx, its tables row by row; raises RefusedError."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise RefusedError("damaged_file", "It cannot be read as a .docx.") from error
    if "word/document.xml" not in names:
        raise RefusedError("mislabelled_file", "It is a zip archive, and no .docx.")
    if unpacked > _UNPACKED:
        raise RefusedError("too_large_unpacked", f"It unpacks to {unpacked:,} bytes.")
    import docx
    from docx.table import Table

    lines: list[str] = []
    try:
        for part in docx.Document(str(path)).iter_inner_content():
            if isinstance(part, Table):
                lines += ["\t".join(cell.text for cell in row.cells) for row in part.rows]
            else:
                lines.append(part.text)
    except Exception as error:  # the library raises what its XML parser and zip file do
        raise RefusedError("damaged_file", "It cannot be read as a .docx.") from error
    return "\n".join(lines)


class _Seen(HTMLParser):
    """Gathers what a reader of a page sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag in _UNSEEN and len(self._hidden) < _DEEPEST:
            self._hidden.append(tag)
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def of_html(path: Path) -> str:
    """Return what a reader of a page sees; raises RefusedError."""
    seen = _Seen()
    seen.feed(of_text(path))
    seen.close()
    lines = (" ".join(line.split()) for line in "".join(seen.parts).split("\n"))
    return "\n".join(filter(None, lines))


def of_text(path: Path) -> str:
    """Return a file of text; raises RefusedError."""
    if path.stat().st_size > 4 * MOST_CHARACTERS:  # bytes: UTF-8 has four for one at most
        raise _too_long()
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"It is not UTF-8 text (byte {error.start:,})."
        raise RefusedError("not_utf8", message) from error
    if "\x00" in text:
        raise RefusedError("mislabelled_file", "It holds NUL characters, and is no text.")
    return text


READERS: Mapping[str, Callable[[Path], str]] = {
    ".txt": of_text,
    ".md": of_text,
    ".csv": of_text,
    ".json": of_text,
    ".html": of_html,
    ".pdf": of_pdf,
    ".docx": of_docx,
}


def read(kind: str, path: Path) -> str:
    """Return the text of a file of a kind (its ending); raises RefusedError."""
    text = READERS[kind](path)
    if len(text) > MOST_CHARACTERS:
        raise _too_long()
    if not text.strip():
        scanned = " It may be scanned: pictures of pages." if kind == ".pdf" else ""
        raise RefusedError("no_text", f"There is no text in it.{scanned}")
    return text


def _too_long() -> RefusedError:
    return RefusedError("too_long", f"It has more than {MOST_CHARACTERS:,} characters of text.")


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows: there the parent's clock is the only limit
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Read the file that the arguments name."""
    kind, path = sys.argv[1:3]
    _limit()
    try:
        told = {"text": read(kind, Path(path))}
    except RefusedError as error:
        told = {"code": error.code, "message": str(error)}
    except ImportError:
        told = {
            "code": "no_reader",
            "message": f"Reading {kind} needs a library that is not there.",
        }
    except (MemoryError, RecursionError):
        told = {"code": "too_large", "message": "Reading it takes too much memory."}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
