"""Writes valid documents by chance: every field, option and way to name an output.

The same seed writes the same document, so properties and the fuzzer share it.
"""

from __future__ import annotations

import unicodedata
from random import Random
from typing import Any

from understudy.architect.template import slug

WORDS = ("weigh", "Gather Facts", "x_y", "Größe messen", "v2.0", "見る see", "A")
FIELDS = ("f_one", "größe", "名前", "naïve_2", "f-z_")
MODELS = ("gpt-4o", "claude-3-haiku", "gemini-1.5-pro", "gpt-5-x", "openai-o9", "llama")
#: No opening brace: what stands in two of them is a variable.
LETTERS = 'abc XYZ 019-_.,:;}"\\/$&<é\u0301ßñ日🙂\u200b\u3000٣\u00a0'
CONTROLS = "\n\r\t\x00\x1b\x7f\u2028"


def text(chance: Random, *, least: int = 0, most: int = 14, lines: bool = True) -> str:
    """Return a text with at least so many characters that are no blanks around it."""
    letters = LETTERS + (CONTROLS if lines else "")
    while True:
        made = "".join(chance.choices(letters, k=chance.randint(least, most)))
        if least <= len(unicodedata.normalize("NFC", made).strip()):
            return made


def value(chance: Random, depth: int = 2) -> Any:
    """Return any JSON value whose numbers all readers tell apart."""
    kind = chance.randrange(7 if depth else 5)
    if kind == 5:
        return [value(chance, depth - 1) for _ in range(chance.randrange(3))]
    if kind == 6:
        return {text(chance): value(chance, depth - 1) for _ in range(chance.randrange(3))}
    number = chance.choice([0, -0.0, 1.5, 1e-7, 2**53 - 1, -3, 1e15, 3.0])
    return (None, chance.random() < 0.5, number, text(chance), "")[kind]


def some(chance: Random, **fields: Any) -> dict[str, Any]:
    """Return any of the fields; a callable one is asked."""
    return {
        name: one() if callable(one) else one
        for name, one in fields.items()
        if chance.random() < 0.5
    }


def document(chance: Random) -> dict[str, Any]:
    """Return a document without errors."""
    names: dict[str, str] = {}
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        name = text(chance, least=3, lines=False)
        names.setdefault(unicodedata.normalize("NFC", name).strip(), name)
    made = {
        "version": "1.0",
        "assistants": [_assistant(chance, name) for name in names.values()],
        **some(
            chance,
            exported_at=chance.choice([None, "2026-05-06T07:08:09Z"]),
            export_source=chance.choice([None, "harbour"]),
        ),
    }
    return dict(shuffled(made, chance))


def shuffled(value: Any, chance: Random) -> Any:
    """Return the value with the names of each object in another order."""
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: shuffled(value[name], chance) for name in names}
    return [shuffled(one, chance) for one in value] if isinstance(value, list) else value


def _assistant(chance: Random, name: str) -> dict[str, Any]:
    order = _order(chance)
    parallel = any(group is not None for _, _, group in order)
    asked = chance.sample(FIELDS, chance.randrange(4))
    titles = [f"{chance.choice(WORDS)} {i}" for i in range(len(order))]
    prompts = []
    for title, (stage, position, group) in zip(titles, order, strict=True):
        known = list(asked)
        for other, (earlier, where, _) in zip(titles, order, strict=True):
            if earlier < stage:
                known += [f"prompt_{where}_output", slug(other), other]
        prompts.append(_prompt(chance, title, known))
        prompts[-1]["position"] = position if chance.random() < 0.9 else float(position)
        if group is not None or chance.random() < 0.5:
            prompts[-1]["parallel_group"] = group
    if chance.random() < 0.2:
        chance.shuffle(prompts)
    return {
        "name": name,
        "prompts": prompts,
        "input_fields": [_field(chance, one, i) for i, one in enumerate(asked)],
        **({"is_parallel": True} if parallel else {}),
        **some(
            chance,
            description=lambda: chance.choice([None, text(chance)]),
            status="approved",
            image_path=lambda: chance.choice([None, "", text(chance)]),
            timeout_seconds=lambda: _seconds(chance),
            repositoryIds=lambda: chance.choice([None, [], [1, 5]]),
            enabledTools=lambda: chance.choice([None, ["web_search"], ["saw", "saw"]]),
        ),
    }


def _order(chance: Random) -> list[tuple[int, int, int | None]]:
    """Return stage, position and group of each prompt, in order of position."""
    places, position = [], chance.choice([0, 0, 0, 3])
    for stage in range(chance.randint(1, 4)):
        size = chance.choice([1, 1, 1, 2, 3])
        group = stage - 1 if size > 1 or chance.random() < 0.2 else None
        for _ in range(size):
            places.append((stage, position, group))
            position += chance.choice([1, 1, 1, 1, 5])
    return places


def _prompt(chance: Random, title: str, known: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": title, "model_name": chance.choice(MODELS)}
    mapped: dict[str, str] = {}
    if chance.random() < 0.3:
        for name in chance.sample(["m1", "m.2", "größe 2"], chance.randrange(3)):
            mapped[name] = _content(chance, known)
        made["input_mapping"] = mapped or chance.choice([None, {}])
    made["content"] = _content(chance, [*known, *mapped])
    return made | some(
        chance,
        system_context=lambda: chance.choice([None, text(chance)]),
        timeout_seconds=lambda: _seconds(chance),
    )


def _content(chance: Random, names: list[str]) -> str:
    pieces = [text(chance, least=1)]
    for name in chance.choices(names, k=chance.randrange(5)) if names else ():
        pieces += [chance.choice(["{{%s}}", "{{%s}}", "{{ %s }}"]) % name, text(chance)]
    return "".join(pieces)


def _seconds(chance: Random) -> float | None:
    return chance.choice([None, 1, 899.9, 900, 0.5, 60.0])


def _field(chance: Random, name: str, position: int) -> dict[str, Any]:
    kind = chance.choice(["short_text", "long_text", "select", "multi_select", "file_upload"])
    made = {
        "name": name,
        "label": text(chance, least=1),
        "field_type": kind,
        "position": position,
    }
    many = kind == "multi_select"
    if many or kind == "select":
        made["options"] = _picking(chance, many=many)
    elif chance.random() < 0.8:
        made["options"] = chance.choice([None, _options(chance, kind)])
    return made


def _options(chance: Random, kind: str) -> dict[str, Any]:
    size = chance.choice([1, 80, 200.0, 2**53 - 1, None])
    if kind == "file_upload":
        accept = chance.choice([".pdf", ".pdf, .docx", "image/*,text/plain", "*", None])
        return some(chance, accept=accept, maxSize=size, multiple=True, required=None)
    options = some(chance, placeholder=lambda: text(chance), required=True, maxLength=size)
    if kind == "long_text":
        options |= some(chance, rows=size)
    if chance.random() < 0.3:
        options["colour"] = value(chance)
    return options


def _picking(chance: Random, *, many: bool) -> dict[str, Any]:
    known = list({text(chance, least=1): 0 for _ in range(chance.randint(1, 4))})
    chosen: Any = [
        {"value": one, **some(chance, label=chance.choice([None, one]))} for one in known
    ]
    shape = chance.randrange(8)
    if shape == 1:
        chosen = known
    elif shape == 2:
        chosen = {"values": chosen}
    elif shape == 3:
        known = ["a", "b c"]
        chosen = chance.choice(["a, b c,", '["a", "b c"]', '{"values": ["a", {"value": "b c"}]}'])
    options: dict[str, Any] = {"choices": chosen}
    if many and chance.random() < 0.5:
        least = chance.randint(0, len(known))
        options |= {"minSelections": least, "maxSelections": max(1, least)}
    if not many and chance.random() < 0.5:
        options["default"] = chance.choice([None, *known])
    return options
