"""Huge, deep and odd files, each looked at in a process of its own, which tells what it took.

As a script it waits for names of files, one a line as JSON, and answers each with a line of JSON;
with `--names` it lists them. It forks for each, so that none pays for importing, and memory is that
of one alone.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from understudy.architect.document import Document
from understudy.architect.fixing import fixed
from understudy.architect.limits import MOST_BYTES, MOST_VALUES

_HEAD = b'{"version":"1.0","assistants":['
_PROMPT = b'{"name":"p","content":"c","model_name":"gpt-4o","position":0}'
_WHOLE = b'{"name":"abc","input_fields":[],"prompts":['


def fill(head: bytes, unit: bytes, tail: bytes) -> bytes:
    """Return as many units between head and tail as a file may have, divided by commas."""
    room = MOST_BYTES - len(head) - len(tail)
    return head + b",".join([unit] * (room // (len(unit) + 1))) + tail


def numbered(head: str, unit: str, tail: str) -> bytes:
    """Return units with a number each, which stands where the unit has %x."""
    size = len(unit) + 5
    count = (MOST_BYTES - len(head) - len(tail)) // size
    return f"{head}{','.join(unit.replace('%x', f'{i:x}') for i in range(count))}{tail}".encode()


def written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def one(prompts: Any = None, fields: Any = (), **more: Any) -> dict[str, Any]:
    prompts = [prompt()] if prompts is None else prompts
    return {"name": "Some name", "prompts": prompts, "input_fields": list(fields), **more}


def prompt(**more: Any) -> dict[str, Any]:
    return {"name": "p", "content": "c", "model_name": "gpt-4o", "position": 0, **more}


def document(*assistants: Any) -> bytes:
    return written({"version": "1.0", "assistants": assistants})


def content(text: str, **more: Any) -> bytes:
    return document(one([prompt(content=text, **more)]))


def field(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "label": "l", "field_type": "short_text", "position": 0, **more}


def picking(choices: Any) -> bytes:
    return document(one(fields=[field("a", field_type="select", options={"choices": choices})]))


def names_in_disorder(letters: str, count: int) -> list[str]:
    """Return names that all look a little like each other, and differ."""
    size = len(letters)
    turned = [letters[i % size :] + letters[: i % size] for i in range(count)]
    return [f"{name[: i % 7]}{i:x}{name[i % 7 :]}" for i, name in enumerate(turned)]


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("assistants.json", _HEAD + b"]}")
    return buffer.getvalue()


_SMALL = (b"{}", b"[]", b'{"a":0}', b'""', b"0", b"[[]]", b"NaN")
_PLACES: dict[str, tuple[bytes, bytes]] = {
    "the list of assistants": (_HEAD, b"]}"),
    "an unknown field": (b'{"version":"1.0","x":[', b'],"assistants":[]}'),
    "an unknown field before NaN": (b'{"x":[', b',NaN],"assistants":[]}'),
    "a document with a doubled key": (b'{"x":1,"x":1,"assistants":[', b"]}"),
    "prompts": (_HEAD + _WHOLE, b"]}]}"),
    "input fields": (_HEAD + b'{"name":"abc","prompts":[],"input_fields":[', b"]}]}"),
    "tools": (_HEAD + _WHOLE + _PROMPT + b'],"enabledTools":[', b"]}]}"),
    "an unknown option": (
        _HEAD + b'{"prompts":[],"input_fields":[{"field_type":"short_text","options":{"x":[',
        b"]}}]}]}",
    ),
    "choices": (
        _HEAD + b'{"prompts":[],"input_fields":[{"field_type":"select","options":{"choices":[',
        b"]}}]}]}",
    ),
}
_CROWDED = (
    *("an unknown field before NaN", "a document with a doubled key", "prompts"),
    *("an unknown option", "choices"),
)
_GRID = (
    *((unit, "the list of assistants") for unit in _SMALL),
    *((unit, "an unknown field") for unit in (b"{}", b'""')),
    (b"NaN", "a document with a doubled key"),
)


def _full(unit: bytes, place: str) -> bytes:
    head, tail = _PLACES[place]
    return fill(head, unit, tail)


def _as_many(unit: bytes, place: str) -> bytes:
    head, tail = _PLACES[place]
    return head + b",".join([unit] * (MOST_VALUES - 50)) + tail


_MARKS = "\u0301\u0316"

FILES: dict[str, Callable[[], bytes]] = {
    **{
        f"ten megabytes of {unit.decode()} in {place}": partial(_full, unit, place)
        for unit, place in _GRID
    },
    **{f'as many "" as are read in {place}': partial(_as_many, b'""', place) for place in _CROWDED},
    "as many numbers as are read in choices": partial(_as_many, b"0.5", "choices"),
    "a leading null": lambda: _HEAD + b"null," + b"{}]}",
    "nothing": lambda: b"",
    "blanks": lambda: b" " * MOST_BYTES,
    "line breaks": lambda: b'{"x":' + b"\n" * 10_000_000 + b"1}",
    "a byte too many": lambda: b" " * (MOST_BYTES + 1),
    "a zip": zipped,
    "UTF-16": lambda: (_HEAD + b"]}").decode().encode("utf-16"),
    "UTF-16 without mark": lambda: (_HEAD + b"]}").decode().encode("utf-16-le"),
    "no UTF-8 at the end": lambda: b'{"x":"' + b"a" * 10_000_000 + b'\xff"}',
    "a mark and nothing": lambda: b"\xef\xbb\xbf",
    "10,000 lists in each other": lambda: b"[" * 10_000 + b"]" * 10_000,
    "10,000 objects in each other": lambda: b'{"a":' * 10_000 + b"0" + b"}" * 10_000,
    "five million brackets": lambda: b"[" * (MOST_BYTES // 2) + b"]" * (MOST_BYTES // 2),
    "depth after a long text": lambda: b'["' + b"a" * 9_000_000 + b'",' + b"[" * 10_000,
    "depth after many quotes": lambda: b'["' + b'\\"' * 4_500_000 + b'",' + b"[" * 10_000,
    "chains of 900 lists": lambda: fill(b'{"x":[', b"[" * 900 + b"]" * 900, b"]}"),
    "as many lists as are read, 900 deep": lambda: (
        b'{"x":['
        + b",".join([b"[" * 900 + b"]" * 900] * (MOST_VALUES // 901 - 1))
        + b'],"version":1}'
    ),
    "as many objects as are read, 900 deep": lambda: (
        b'{"x":['
        + b",".join([b'{"":' * 900 + b"0" + b"}" * 900] * (MOST_VALUES // 901 - 1))
        + b'],"version":1}'
    ),
    "as many objects as fit": lambda: (
        b'{"x":[' + b",".join([b'{"":0}'] * (MOST_VALUES - 9)) + b"]}"
    ),
    "a deep option": lambda: document(
        one(fields=[field("a", options={"x": json.loads("[" * 900 + "]" * 900)})])
    ),
    "a deep content": lambda: document(one([prompt(content=json.loads("[" * 900 + "]" * 900))])),
    "NaN 950 deep": lambda: b'{"x":' + b"[" * 950 + b"NaN" + b"]" * 950 + b"}",
    "many NaN 800 deep": lambda: (
        b'{"x":' + b'{"kkkkkkkkkk":' * 800 + b"[" + b"NaN," * 100_000 + b"0]" + b"}" * 801
    ),
    "many NaN under a long key": lambda: (
        b'{"' + b"k" * 5_000_000 + b'":[' + b"NaN," * 900_000 + b"0]}"
    ),
    "numbers beyond all": lambda: fill(b'{"x":[', b"1e400", b"]}"),
    "a number of 100,000 digits": lambda: b'{"x":' + b"9" * 100_000 + b"}",
    "a number of ten million digits": lambda: b'{"x":-' + b"9" * 10_000_000 + b"}",
    "numbers of 4,300 digits": lambda: fill(b'{"x":[', b"9" * 4300, b"]}"),
    "numbers of 4,301 digits": lambda: fill(b'{"x":[', b"9" * 4301, b"]}"),
    "numbers of 400 digits everywhere": lambda: document(
        one(
            [prompt(position=10**400, timeout_seconds=10**400, parallel_group=-(10**400))],
            [field("a", position=10**400, options={"maxLength": 10**400, "x": 10**400})],
            timeout_seconds=10**400,
            repositoryIds=[10**400],
        )
    ),
    "half characters": lambda: fill(b'{"x":[', b'"\\ud800"', b"]}"),
    "one name twice, a million times": lambda: fill(b"{", b'"a":0', b"}"),
    "many names, each twice": lambda: numbered("{", '"%x":0,"%x":0', "}")[: 9 * 10**6] + b"}",
    "9,999 names": lambda: document(dict.fromkeys(map(str, range(9_999)), 0)),
    "a million names": lambda: numbered("{", '"%x":0', "}"),
    "a million names in a mapping": lambda: numbered(
        (_HEAD + _WHOLE).decode() + '{"input_mapping":{', '"%x":""', "}}]}]}"
    ),
    "20,000 prompts": lambda: document(
        one([prompt(name=f"p{i}", position=i, content=f"{{{{p{i - 1}}}}}") for i in range(20_000)])
    ),
    "80,000 prompts that read positions": lambda: document(
        one([prompt(name=f"p{i}", content=f"{{{{prompt_{i + 9}_output}}}}") for i in range(80_000)])
    ),
    "80,000 prompts of one name": lambda: document(one([prompt(content="{{P}}")] * 80_000)),
    "prompts of one name, twenty each": lambda: document(
        *(
            one([prompt(content="{{P}}", position=i) for i in range(20)], name=f"Name {n}")
            for n in range(2_000)
        )
    ),
    "positions that begin with one": lambda: document(
        *(
            one(
                [prompt(content=f"{{{{prompt_{i}_output}}}}", position=i + 1) for i in range(20)],
                name=f"Name {n}",
            )
            for n in range(2_000)
        )
    ),
    "two groups in turns": lambda: document(
        one([prompt(position=i, parallel_group=i % 2) for i in range(70_000)], is_parallel=True)
    ),
    "a million variables": lambda: content("".join(f"{{{{v{i:x}}}}}" for i in range(1_000_000))),
    "a million variables that are no ASCII": lambda: content(
        "".join(f"{{{{é{i:x}}}}}" for i in range(850_000))
    ),
    "a million variables in a system context": lambda: content(
        "c", system_context="".join(f"{{{{v{i:x}}}}}" for i in range(1_000_000))
    ),
    "ten megabytes of {{": lambda: content("{{" * 5_000_000),
    "ten megabytes of {{ and letters": lambda: content(("{{" + "a" * 298) * 33_000),
    "ten megabytes of ${a}": lambda: content("${a}" * 2_500_000),
    "ten megabytes of text": lambda: content("a" * 10_000_000),
    "fifty unknown variables in a long text": lambda: content(
        "é" * 4_000_000 + "".join(f"{{{{  v{i}  }}}}" for i in range(50))
    ),
    "unknown variables, many fields": lambda: document(
        one(
            [prompt(content="".join(f"{{{{v{i}_{j}}}}}" for j in range(50))) for i in range(400)],
            [field(f"f{i}") for i in range(60_000)],
        )
    ),
    "variables that are nearly right": lambda: document(
        *(
            one(
                [
                    prompt(position=i, content="".join(f"{{{{{name}}}}}" for name in part))
                    for i, part in enumerate(
                        [names_in_disorder("analysis_output", 1000)[k::20] for k in range(20)]
                    )
                ],
                [field(name) for name in names_in_disorder("output_analysis", 200)],
                name=f"Name {n}",
            )
            for n in range(8)
        )
    ),
    "fields that are nearly right": lambda: document(
        one([dict.fromkeys(names_in_disorder("system_context", 40_000), 0)])
    ),
    "options that are nearly right": lambda: document(
        one(fields=[field("a", options=dict.fromkeys(names_in_disorder("maxLength", 40_000), 0))])
    ),
    "field types that are nearly right": lambda: document(
        one(fields=[field("a", field_type=f"txet_gnol{i}") for i in range(80_000)])
    ),
    "models that are nearly right": lambda: document(
        *(
            one(
                [
                    prompt(model_name=f"gpt-{n}-{i}" + "x4o-mini" * 25, position=i)
                    for i in range(20)
                ],
                name=f"Name {n}",
            )
            for n in range(800)
        )
    ),
    "a name of combining marks": lambda: document(one(name="a" + _MARKS * 1_000_000)),
    "a mapping of combining marks": lambda: document(
        one([prompt(input_mapping={"a" + _MARKS * 1_000_000: "x"})])
    ),
    "names of combining marks": lambda: document(
        *(
            one([prompt(name=_MARKS * 127 + str(i), position=i) for i in range(20)])
            for _ in range(800)
        )
    ),
    "names that differ by normal form": lambda: document(
        *(one(name="e\u0301" * 9 if n % 2 else "é" * 9) for n in range(30_000))
    ),
    "one name for all assistants": lambda: document(*([one()] * 30_000)),
    "one name for all fields": lambda: document(one(fields=[field("a")] * 50_000)),
    "one choice, many times": lambda: picking(["a"] * 2_000_000),
    "one choice with label, many times": lambda: picking([{"value": "a", "label": "b"}] * 280_000),
    "as many choices as are read": lambda: picking([{"value": f"{i:x}"} for i in range(480_000)]),
    "a JSON of choices": lambda: picking("[" + "{}," * 30_000 + "{}]"),
    "tools for many prompts": lambda: document(
        one([prompt(position=i) for i in range(40_000)], enabledTools=["web_search"] * 400_000)
    ),
    "an accept of commas": lambda: document(
        one(fields=[field("a", field_type="file_upload", options={"accept": "," * 10_000_000})])
    ),
    "a text without end": lambda: b'{"x":"' + b"a" * 10_000_000,
    "quotes without end": lambda: b'{"x":"' + b'\\"' * 5_000_000,
    "a list without end": lambda: fill(b'{"x":[', b'""', b""),
    "a position in quotes, a million times": lambda: (
        fill(_HEAD + _WHOLE, b'{"position":"0"}', b"]}]}")[:7_000_000] + b"]}]}"
    ),
}


def look(path: str) -> dict[str, Any]:
    """Return what became of a file: seconds of processor time, megabytes, findings."""
    start = time.process_time()
    document = Document.load(path)
    findings = document.findings
    seconds = time.process_time() - start
    start = time.process_time()
    mended = fixed(document)
    return {
        "seconds": seconds,
        "mending": time.process_time() - start,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "valid": document.valid,
        "codes": sorted({finding.code for finding in findings}),
        "same": mended == document.text,
        "sound": len(document.sound),
    }


def build(name: str, path: str) -> dict[str, Any]:
    """Write a file."""
    return {"bytes": Path(path).write_bytes(FILES[name]())}


def apart(work: Callable[..., dict[str, Any]], *given: str) -> dict[str, Any]:
    """Return what a process of its own says, or how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            said = json.dumps(work(*given))
        except BaseException as error:
            said = json.dumps({"error": repr(error)[:500]})
        with os.fdopen(writer, "w") as out:
            out.write(said)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        said = lines.read()
    _, status = os.waitpid(child, 0)
    return dict(json.loads(said)) if said else {"error": f"ended with {status}"}


def main() -> None:
    """Answer until there is nothing more to read."""
    if "--names" in sys.argv:
        sys.stdout.write(json.dumps(list(FILES)) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "document.json")
        for line in sys.stdin:
            said = apart(build, json.loads(line), path)
            sys.stdout.write(json.dumps(said | apart(look, path)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
