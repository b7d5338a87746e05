"""From bytes to a JSON value, with what could not be read as findings instead of exceptions."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import jiter

from understudy.architect import limits
from understudy.architect.findings import Collector, Path
from understudy.architect.syntax import explain

#: How files begin that are no text; a name ending in .json makes them none.
_MAGIC: Mapping[bytes, str] = {
    b"PK\x03\x04": "a zip archive (or a .docx)",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF-": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_EVEN = frozenset({int, bool, type(None)})
_CONSTANTS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_FORMAT = "Invalid file format"
_AS_UTF8 = "Save the file as UTF-8 text."
_WIDE = 256  # entries of an object; no field of the format has as many
TOO_WIDE = f"an object has more than {limits.WIDEST:,} entries"
_DIGITS = 4300  # of a whole number: the interpreter refuses more
#: How half a character is spelt; whole ones are spelt so, too.
_HALF = re.compile(r"\\u[dD]")
_SURROGATE = re.compile("[\ud800-\udfff]")
#: A text, closed or not: what is searched has not been read yet.
_TEXT = r'"(?:[^"\\]++|\\.)*+"?'
_TEXTS = re.compile(_TEXT, re.DOTALL)
_TEXT_OR_BRACKET = re.compile(rf"{_TEXT}|[\[{{\]}}]", re.DOTALL)


class TooWideError(Exception):
    """An object has more entries than are read."""


class Doubled(dict[str, Any]):
    """An object in which a name stood more than once; the last one counts, as in `json`."""

    __slots__ = ("names",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        times = Counter(map(itemgetter(0), pairs))
        self.names = tuple([name for name, count in times.items() if count > 1])


@dataclass(slots=True)
class Read:
    """What came of reading: the text, its value, and whether there is one."""

    text: str = ""
    value: Any = None
    readable: bool = False
    #: Of bytes that are no text, what can be shown of them: for lines and columns alone.
    shown: str = field(default="", repr=False)
    #: Whether the value may hold what JSON should not; looked for only then.
    odd: bool = field(default=False, repr=False)
    #: Whether numbers without end and objects without number went unnoticed; nothing else can.
    quick: bool = field(default=False, repr=False)


def read(data: bytes, found: Collector, *, quickly: bool = False, bounded: bool = True) -> Read:
    """Return the document's JSON value; what is wrong goes to `found`. Raises nothing else.

    With `quickly`, what reads without a doubt is read in two thirds of the time; see `Read.quick`.
    """
    if bounded and len(data) > limits.MOST_BYTES:
        found.add(
            "file_too_large",
            (),
            f"File too large: more than {limits.MOST_BYTES:,} bytes (10 MB).",
            "Reduce file size or split into multiple files.",
        )
        return Read()
    text, sound = _decoded(data, found)
    if not sound:
        return Read(shown=text)
    if bounded and _too_many(data, text):
        refuse(f"it has more than {limits.MOST_VALUES:,} values", found)
        return Read(text)
    value = _plainly(data.removeprefix(_BOM)) if quickly else None
    return _parsed(text, found) if value is None else Read(text, value, readable=True, quick=True)


def _plainly(data: bytes) -> Any:
    """Return the value of JSON in which nothing is amiss, None for other text.

    The reader in Rust refuses doubled names, NaN, halves of characters, long numbers and depth.
    """
    try:
        return jiter.from_json(
            data, cache_mode="keys", catch_duplicate_keys=True, allow_inf_nan=False
        )
    except ValueError:
        return None


def _decoded(data: bytes, found: Collector) -> tuple[str, bool]:
    """Return the text and whether it is one; else what of it can be shown."""
    for magic, what in _MAGIC.items():
        if data.startswith(magic):
            found.add(
                "not_json",
                (),
                f"{_FORMAT}: this is {what}, not JSON.",
                "Unpack it, or give the JSON file itself.",
            )
            return "", False
    if data.startswith(_UTF16) or b"\x00" in data[:4]:
        found.add("not_utf8", (), f"{_FORMAT}: the text is UTF-16 or UTF-32, not UTF-8.", _AS_UTF8)
        return "", False
    if data.startswith(_BOM):
        found.add(
            "byte_order_mark",
            (),
            "The file begins with a byte order mark.",
            "Save it as UTF-8 without BOM; it is read all the same.",
            offset=0,
        )
        data = data[len(_BOM) :]
    try:
        return data.decode("utf-8"), True
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        found.add(
            "not_utf8",
            (),
            f"{_FORMAT}: this is not UTF-8 (byte 0x{data[error.start]:02x}).",
            _AS_UTF8,
            offset=len(before),
        )
        return data.decode("utf-8", "replace"), False


def _too_many(data: bytes, text: str) -> bool:
    """Tell whether there are more values than are read, by what stands before each of them."""
    if len(data) <= limits.MOST_VALUES or _values(data) <= limits.MOST_VALUES:
        return False
    return _values(_TEXTS.sub("", text).encode()) > limits.MOST_VALUES


def _values(data: bytes) -> int:
    return len(data) - len(data.translate(None, b",[{"))


def _hooks(strange: list[str], constants: list[str]) -> dict[str, Any]:
    """Return how values are made; what is odd about them goes to the lists."""

    def real(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            strange.append(digits)
        return value

    def thing(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) > limits.WIDEST:
            raise TooWideError
        made = dict(pairs)
        if len(made) != len(pairs):
            strange.append("")
            return Doubled(pairs)
        if len(made) > _WIDE:
            strange.append("")
        return made

    return {
        "object_pairs_hook": thing,
        "parse_float": real,
        "parse_constant": constants.append,  # in C: there may be millions
    }


def refuse(why: str, found: Collector) -> None:
    """Report that there is more than is read."""
    found.add(
        "too_many_values",
        (),
        f"{_FORMAT}: {why}.",
        "No Architect document has so many; split it, if it is one.",
        offset=0,
    )


def _parsed(text: str, found: Collector) -> Read:
    strange: list[str] = []
    constants: list[str] = []
    hooks = _hooks(strange, constants)
    try:
        value = _loads(text, hooks, strange)
        if constants:
            value = None  # makes room
            hooks["parse_constant"] = _CONSTANTS.__getitem__
            value = _loads(text, hooks, strange)
    except json.JSONDecodeError as error:
        message, hint, offset = explain(text, error)
        found.add("not_json", (), f"{_FORMAT}: {message}", hint, offset=offset)
        return Read(text)
    except TooWideError:
        refuse(TOO_WIDE, found)
        return Read(text)
    except RecursionError:
        found.add(
            "too_deep",
            (),
            f"{_FORMAT}: it is nested too deeply to be read.",
            "No Architect document has more than some ten levels of objects and lists.",
            offset=_deepest(text),
        )
        return Read(text)
    odd = bool(strange or constants or _HALF.search(text))
    return Read(text, value, readable=True, odd=odd)


def _loads(text: str, hooks: Mapping[str, Any], strange: list[str]) -> Any:
    def whole(digits: str) -> float | int:
        if len(digits) > _DIGITS:
            strange.append(digits[:20])
            return math.inf
        return int(digits)

    try:
        return json.loads(text, **hooks)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a whole number of thousands of digits
        return json.loads(text, **hooks, parse_int=whole)


def _deepest(text: str) -> int:
    """Return where the nesting passes what is read, -1 where brackets in texts hide it."""
    depth = 0
    for match in _TEXT_OR_BRACKET.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > limits.DEEPEST * 4:
                return match.start()
        elif mark in "]}":
            depth -= 1
    return -1


def even(value: Any) -> bool:
    """Tell whether what was read quickly has no infinite number and no wide object."""
    seen = [value]
    for one in seen:  # which grows meanwhile
        kind = type(one)
        if kind is dict:
            if len(one) > _WIDE:
                return False
            seen += one.values()
        elif kind is list:
            seen += one
        elif kind is float and math.isinf(one):
            return False
    return True


def oddities(value: Any, found: Collector, at: Path = ()) -> None:
    """Report what JSON should not hold, wherever it stands: doubled names, no numbers, no text.

    `at` is the path of the value. Raises TooWideError for an object with more entries than are
    read.
    """
    path: list[Any] = []
    # A path is made for what is reported only: there may be millions of values. What lies deeper
    # than any document goes is reported where that begins.
    levels: list[Iterator[tuple[Any, Any]]] = [iter([(None, value)])]
    while levels:
        for part, one in levels[-1]:
            if type(one) in _EVEN:
                continue
            if isinstance(one, str | float):
                if not (one.isascii() if isinstance(one, str) else math.isfinite(one)):
                    _odd(_path(at, path, part), one, found)
            elif isinstance(one, list | dict) and one:
                path.append(part)
                levels.append(enumerate(one) if isinstance(one, list) else iter(one.items()))
                if isinstance(one, dict):
                    _names(_path(at, path), one, found)
                break
        else:
            levels.pop()
            if path:
                path.pop()


def _path(at: Path, parts: list[Any], *last: Any) -> Path:
    """Return the path without the first of the parts, which stands for the value."""
    return tuple([*at, *[*parts, *last][1:]][: 4 * limits.DEEPEST - 1])


def _odd(path: Path, one: str | float, found: Collector) -> None:
    if isinstance(one, str):
        _text(path, one, found)
        return
    found.add(
        "not_a_number",
        path,
        "This is no number that JSON has (NaN, Infinity or too large).",
        "Write a number, or null.",
    )


def _names(path: Path, one: dict[str, Any], found: Collector) -> None:
    if len(one) > limits.WIDEST:
        raise TooWideError
    if isinstance(one, Doubled):
        for name in one.names:
            found.add(
                "duplicate_key",
                (*path, name),
                f'"{name[:80]}" stands here twice.',
                "Remove one of them: which one counts differs between readers.",
                on_key=True,
            )
    for name in one:
        if not name.isascii():
            _text(path, name, found)


def _text(path: Path, text: str, found: Collector) -> None:
    if match := _SURROGATE.search(text):
        found.add(
            "half_a_character",
            path,
            f"The text holds half of a character (\\u{ord(match[0]):04x}), which no file can keep.",
            "Write both halves of the pair, or the character itself.",
        )
