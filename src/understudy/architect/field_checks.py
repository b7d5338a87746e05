"""Checks of an assistant's input fields: types, options, choices."""

from __future__ import annotations

import math
import re
from typing import Any

from understudy.architect import limits
from understudy.architect.choices import Choices, read_choices, value_and_label
from understudy.architect.findings import Collector, Path
from understudy.architect.format import OPTION_SHAPES, SHAPES, FieldType
from understudy.architect.shapes import briefly, check, what_is, whole
from understudy.architect.template import normal

_CHOOSING = frozenset({FieldType.SELECT, FieldType.MULTI_SELECT})
_NUMBERS = frozenset({int, float})
_MEANT = _CHOOSING | {FieldType.FILE_UPLOAD}
_ACCEPT = re.compile(r"\.[\w.+-]+|[\w.+-]+/(?:[\w.+-]+|\*)|\*")
_PAIR = {"value", "label"}
_TYPES = ", ".join(FieldType)


def check_fields(fields: list[Any], path: Path, found: Collector, *, shaped: bool = False) -> None:
    """Report what is wrong with the input fields of one assistant.

    `shaped` ones are known to have the types, sizes and options that they should have.
    """
    if shaped and _plain(fields):
        return
    names: dict[str, int] = {}
    for i, one in enumerate(fields):
        here = (*path, i)
        if shaped:
            _name(one, i, here, names, found)
            if one["field_type"] in _MEANT:
                _meaning(one["field_type"], one.get("options") or {}, (*here, "options"), found)
            continue
        if not isinstance(one, dict):
            found.add(
                "not_an_object",
                here,
                f"An input field is an object, not {what_is(one)}.",
                "Write { ... }.",
            )
            continue
        check(one, SHAPES["input_field"], here, found, "Input field")
        _name(one, i, here, names, found)
        _options(one, here, found)
    _positions(fields, path, found)


def _plain(fields: list[Any]) -> bool:
    """Tell whether nothing is amiss with shaped fields; others are looked at closely."""
    names = set()
    for i, one in enumerate(fields):
        names.add(one["name"])
        if one["position"] != i or not one["name"].isascii():
            return False
        kind = one["field_type"]
        if kind == FieldType.SELECT:
            options = one["options"]
            values = {choice["value"] for choice in options["choices"]}
            default = options.get("default")
            if len(values) < len(options["choices"]) or not (default is None or default in values):
                return False
        elif kind in _MEANT:
            return False
    return len(names) == len(fields)


def _name(one: dict[str, Any], i: int, here: Path, names: dict[str, int], found: Collector) -> None:
    name = one.get("name")
    if not isinstance(name, str) or not name.strip():
        return
    first = names.setdefault(normal(name).strip(), i)
    if first != i:
        found.add(
            "duplicate_field",
            (*here, "name"),
            f'The input field "{name[:80]}" is there twice (also input_fields[{first}]).',
            "Rename one of them; names that only look the same count as the same.",
        )


def _options(one: dict[str, Any], here: Path, found: Collector) -> None:
    kind, options = one.get("field_type"), one.get("options")
    if not isinstance(kind, str):
        return
    shape = OPTION_SHAPES.get(kind)
    if shape is None:
        near = found.near(kind, FieldType)
        found.add(
            "unknown_field_type",
            (*here, "field_type"),
            f'"{kind[:80]}" is no field type.',
            f'Did you mean "{near}"?' if near else f"Write one of {_TYPES}.",
        )
        return
    at = (*here, "options")
    if options is None:
        options = {}
    if not isinstance(options, dict):
        return  # its type was reported
    if kind in _CHOOSING and options.get("choices") is None:
        found.add(
            "missing_choices",
            here if "options" not in one else at,
            f'A {kind} field needs "options.choices".',
            'Add "choices": [{"value": "a", "label": "A"}].',
        )
    _known_options(kind, options, at, found)
    _meaning(kind, options, at, found)


def _meaning(kind: str, options: dict[str, Any], at: Path, found: Collector) -> None:
    """Report options that do not fit together, or are no choices."""
    if kind in _CHOOSING and options.get("choices") is not None:
        _choices(kind, options, at, found)
    accept = options.get("accept")
    if kind == FieldType.FILE_UPLOAD and isinstance(accept, str):
        _accept(accept, at, found)


def _known_options(kind: str, options: dict[str, Any], at: Path, found: Collector) -> None:
    shape = OPTION_SHAPES[kind]
    sound = shape.sound
    if all(name in sound and sound[name](value) for name, value in options.items()):
        return
    known = {name: value for name, value in options.items() if name in shape.fields}
    # Choices have shapes of their own and are checked by themselves.
    known.pop("choices", None)
    rest: dict[str, Any] = {"choices": []} if "choices" in shape.fields else {}
    check({**known, **rest}, shape, at, found)
    for name, value in options.items():
        if name in shape.fields:
            continue
        near = found.near(name, shape.fields)
        found.add(
            "unknown_option",
            (*at, name),
            f'"{name[:80]}" is no option of {kind}.',
            f'Did you mean "{near}"?' if near else "Remove it, or leave it: it does nothing.",
            on_key=True,
        )
        _kept(value, (*at, name), found)


def _kept(value: Any, at: Path, found: Collector) -> None:
    """Report what an option that nobody knows holds, and that cannot be kept as it is."""
    row = [value]
    for _ in range(limits.DEEPEST + 1):
        below = []
        for one in row:
            if type(one) not in _NUMBERS:
                if isinstance(one, list | dict):
                    below.append(one)
            elif limits.LARGEST < abs(one) < math.inf:
                found.add(
                    "out_of_range",
                    at,
                    f"A number in this is larger than {limits.LARGEST}, which readers of JSON "
                    "do not tell from its neighbours.",
                    "Write it as text.",
                )
                return
        if not below:
            return
        row = [inner for one in below for inner in (one.values() if isinstance(one, dict) else one)]
    found.add(
        "too_deep",
        at,
        f"This is nested more than {limits.DEEPEST} levels deep.",
        "Options hold simple values.",
    )


def _choices(kind: str, options: dict[str, Any], at: Path, found: Collector) -> None:
    here = (*at, "choices")
    read = read_choices(options["choices"])
    if read is None:
        found.add(
            "bad_choices",
            here,
            f'"choices" must be a list of values with labels, not {what_is(options["choices"])}.',
            'Write [{"value": "a", "label": "A"}].',
        )
        return
    if not read.entries:
        found.add("bad_choices", here, '"choices" is empty.', "Add what can be chosen.")
    if read.shape:
        found.add(
            "choices_shape",
            here,
            f'"choices" is {read.shape}; it is read all the same.',
            'Write [{"value": "a", "label": "A"}].',
        )
    values = _entries(read, here, found)
    default = options.get("default")
    if kind == FieldType.SELECT and isinstance(default, str) and default not in values:
        known = filter(None, map(value_and_label, read.entries))
        near = found.near(default, (value for value, _ in known))
        found.add(
            "unknown_default",
            (*at, "default"),
            f'The default "{default[:80]}" is the value of no choice.',
            f'Did you mean "{near}"?' if near else "Write the value of a choice.",
        )
    if kind == FieldType.MULTI_SELECT:
        _selections(options, len(values), at, found)


def _entries(read: Choices, here: Path, found: Collector) -> set[str]:
    """Return the choices' values, and report entries that are none."""
    if not read.shape and (simple := _simple(read.entries)) is not None:
        return simple
    values: set[str] = set()
    for i, entry in enumerate(read.entries):
        place = here if read.where is None else (*here, *read.where, i)
        known = value_and_label(entry)
        if isinstance(entry, dict):
            check(entry, SHAPES["choice"], place, found)
        elif known is None:
            found.add(
                "bad_choices",
                place,
                f"A choice is a value with a label, not {what_is(entry)}"
                f"{' that is empty' if entry == '' else ''}.",
                'Write {"value": "a", "label": "A"}.',
            )
        if known is None:
            continue
        if known[0] in values:
            found.add(
                "duplicate_choice",
                place,
                f'The choice "{known[0][:80]}" is there twice.',
                "Remove one of them, or give it another value.",
            )
        values.add(known[0])
    return values


def _simple(entries: tuple[Any, ...]) -> set[str] | None:
    """Return the values of entries that are surely right, None for others."""
    values = [
        entry["value"]
        for entry in entries
        if type(entry) is dict
        and entry.keys() <= _PAIR
        and type(entry.get("value")) is str
        and type(entry.get("label", "")) is str
        and " " < entry["value"][:1] < "\x7f"
    ]
    found = set(values)
    return found if len(found) == len(entries) else None


def _selections(options: dict[str, Any], count: int, at: Path, found: Collector) -> None:
    least, most = whole(options.get("minSelections")), whole(options.get("maxSelections"))
    fewest = least or 0
    if most is not None and fewest > most:
        found.add(
            "bad_selections",
            (*at, "minSelections"),
            f"minSelections ({least}) is above maxSelections ({most}).",
            "Nobody could choose so.",
        )
    elif count and fewest > count:
        found.add(
            "bad_selections",
            (*at, "minSelections"),
            f"minSelections is {least}, but there are {count} choices.",
            f"Write {count} or less.",
        )


def _accept(accept: str, at: Path, found: Collector) -> None:
    for part in accept.split(",")[: limits.MOST_SUBSTITUTIONS]:
        if part.strip() and not _ACCEPT.fullmatch(part.strip()):
            found.add(
                "bad_accept",
                (*at, "accept"),
                f'"{part.strip()[:80]}" is neither a file name ending nor a MIME type.',
                'Write endings with their dot, divided by commas: ".pdf,.docx".',
            )
            return


def _positions(fields: list[Any], path: Path, found: Collector) -> None:
    if all(type(one) is dict and one.get("position") == i for i, one in enumerate(fields)):
        return
    taken: dict[int, int] = {}
    for i, one in enumerate(fields):
        position = whole(one.get("position")) if isinstance(one, dict) else None
        if position is None:
            continue
        first = taken.setdefault(position, i)
        if first != i:
            found.add(
                "duplicate_field_position",
                (*path, i, "position"),
                f"Position {briefly(position)} is also that of input_fields[{first}].",
                "Number the fields 0, 1, 2 and so on; equal ones keep their order here.",
            )
    if gap := first_gap(taken):
        found.add(
            "field_position_gap",
            (*path, taken[gap[1]], "position"),
            f"Positions of input fields should go on with {gap[0]}, not {briefly(gap[1])}.",
            "Number the fields 0, 1, 2 and so on.",
        )


def first_gap(taken: dict[int, int]) -> tuple[int, int] | None:
    """Return the first position that is missing and the one that stands there instead."""
    for expected, position in enumerate(sorted(taken)):
        if position != expected:
            return expected, position
    return None
