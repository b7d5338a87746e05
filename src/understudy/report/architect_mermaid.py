"""Pictures of assistants as Mermaid, which GitHub and many editors draw."""

from __future__ import annotations

from understudy.architect.picture import Picture
from understudy.report.clean import clean


def mermaid(picture: Picture) -> str:
    """Return a Mermaid flowchart."""
    lines = ["---", f"title: {_quoted(picture.title)}", "---", "flowchart TD"]
    for number, (label, row) in enumerate(zip(picture.labels, picture.rows, strict=True)):
        lines.append(f'  subgraph r{number}["{_entities(label)}"]')
        for box in row:
            text = "<br/>".join(map(_entities, (box.title, *box.lines[:1])))
            shape = f'(["{text}"])' if box.field else f'["{text}"]'
            lines.append(f"    {box.id}{shape}")
        lines.append("  end")
    lines += [f'  {one.start} -- "{_entities(one.name)}" --> {one.end}' for one in picture.arrows]
    return "\n".join(lines)


def _entities(text: str) -> str:
    """Return a label in which nothing has a meaning for Mermaid."""
    return "".join(
        character if character.isalnum() or character in " _-.,:/*" else f"#{ord(character)};"
        for character in clean(text)
    )


def _quoted(text: str) -> str:
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
