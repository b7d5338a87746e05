"""Ways to break a document: in its tree, and in its bytes. All by chance that can be repeated."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

STRANGE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    1.0,
    0.5,
    20,
    2**53,
    10**400,
    -(10**18),
    1e300,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\u2003",
    "a",
    "0",
    "-7",
    "1.0",
    "true",
    "approved",
    "Ship's cook",
    "e\u0301e\u0301",
    "\ud800",
    "\x00",
    "two\nlines",
    "{{prompt_0_output}}",
    "{{prompt_00_output}}",
    "{{}}",
    "{{ }}",
    "{{a b}}",
    "{{x}} ${y}",
    "prompt_3.output",
    "inputs.topic",
    '["a", "b"]',
    '["\\ud800"]',
    '{"values": [1]}',
    "[" * 50,
    "a,b,,c",
    "x" * 300,
    [],
    [None],
    ["a", {"value": "b"}],
    [[[]]],
    {},
    {"": ""},
    {"values": ["a"]},
    {"__proto__": {"a": 1}},
    {"value": "a", "label": 1},
)
NAMES = (
    *("name", "prompts", "input_fields", "position", "parallel_group", "input_mapping"),
    *("options", "choices", "default", "field_type", "timeout_seconds", "is_parallel"),
    *("content", "system_context", "model_name", "label", "$schema", "__proto__", "naem", ""),
)
TYPES = ("short_text", "long_text", "select", "multi_select", "file_upload", "text")
Holder = Any


def holders(value: Any) -> Iterator[Holder]:
    """Yield every object and list that is not empty."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list) and one:
            yield one
            waiting += one.values() if isinstance(one, dict) else one


def _keys(holder: Holder) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def _delete(holder: Holder, chance: Random) -> None:
    del holder[chance.choice(_keys(holder))]


def _replace(holder: Holder, chance: Random) -> None:
    holder[chance.choice(_keys(holder))] = copy.deepcopy(chance.choice(STRANGE))


def _exchange(holder: Holder, chance: Random) -> None:
    one, other = chance.choice(_keys(holder)), chance.choice(_keys(holder))
    holder[one], holder[other] = holder[other], holder[one]


def _double(holder: Holder, chance: Random) -> None:
    value = copy.deepcopy(holder[chance.choice(_keys(holder))])
    if isinstance(holder, list):
        holder.insert(chance.randrange(len(holder) + 1), value)
    else:
        holder[chance.choice(NAMES)] = value


def _add(holder: Holder, chance: Random) -> None:
    value = copy.deepcopy(chance.choice(STRANGE))
    if isinstance(holder, list):
        holder.append(value)
    else:
        holder[chance.choice(NAMES)] = value


def _number(holder: Holder, chance: Random) -> None:
    if isinstance(holder, dict):
        for name in ("position", "parallel_group"):
            if name in holder and chance.random() < 0.7:
                holder[name] = chance.choice([0, 1, 2, 3, "1", 1.0, None])


def _name(holder: Holder, chance: Random) -> None:
    if isinstance(holder, dict) and "name" in holder:
        holder["name"] = chance.choice(
            ["weigh", "A b", "a-b", "f_one", "größe", "gro\u0308ße", "…"]
        )


def _text(holder: Holder, chance: Random) -> None:
    if isinstance(holder, dict) and isinstance(holder.get("content"), str):
        made = chance.choice(["{{%s}}", "{{ %s}}", "${%s}", "{%s}", "{{%s}"])
        holder["content"] += made % chance.choice(
            [
                "nobody",
                "f_one",
                "a-b",
                "prompt_1_output",
                "prompt_9_output",
                "größe",
                "a b",
                "weigh",
            ]
        )


def _kind(holder: Holder, chance: Random) -> None:
    if isinstance(holder, dict) and "field_type" in holder:
        holder["field_type"] = chance.choice(TYPES)


_BREAKS: tuple[Callable[[Holder, Random], None], ...] = (
    *(_delete, _replace, _replace, _exchange, _double, _add),
    *(_number, _number, _name, _text, _text, _kind),
)


def broken_tree(value: Any, chance: Random) -> Any:
    """Return a copy of a JSON value with one to four changes."""
    made = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        known = list(holders(made))
        if not known:
            break
        chance.choice(_BREAKS)(chance.choice(known), chance)
    return made


_PIECES = (
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\x00", b"\xff", b"\xc3", b"\n"),
    *(b"NaN", b"-Infinity", b"1e999", b"null", b"true", b"{{", b"}}", b"${a}", b"\\ud800"),
    *(b'"version": "1.0",', b'"position": 3,', b"\xef\xbb\xbf", b"//", b"'", b"9" * 5000),
    *(b"[" * 1200, b'{"a":' * 600, b"0" * 30, b"\xe2\x80\x83", b"\xcc\x81"),
)


def broken_bytes(data: bytes, chance: Random) -> bytes:
    """Return the bytes with one to three changes."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        at, other = (chance.randrange(len(data) + 1) for _ in range(2))
        low, high = min(at, other), max(at, other)
        way = chance.randrange(7)
        if way == 0:
            data = data[:at]
        elif way == 1:
            data = data[:at] + data[at + 1 :]
        elif way == 2:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        elif way == 3:
            data = data[:at] + chance.choice(_PIECES) + data[at:]
        elif way == 4:
            data = data[:low] + data[low : low + 1][::-1] + data[high:]
        elif way == 5:
            data = data[:high] + data[low:high] + data[high:]
        else:
            one, two = data[low : low + 1], data[high : high + 1]
            data = data[:low] + two + data[low + 1 : high] + one + data[high + 1 :]
    return data


def spelt(value: Any, chance: Random) -> str:
    """Return JSON in one of the ways in which people and programs lay it out."""
    return json.dumps(
        value,
        ensure_ascii=chance.random() < 0.5,
        indent=chance.choice([None, None, 0, 2, "\t"]),
        separators=chance.choice([None, (",", ":"), (" , ", " : ")]),
    )
