"""Pictures of assistants as text for a terminal, and what each prompt reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from understudy.architect.picture import Box, Explained, Picture
from understudy.report.clean import clean, fit, width

_WIDEST = 44  # columns of one box
_NARROWEST = 14
_GAP = 2
_ASCII = str.maketrans("┌┐└┘─│┬┴┼├┤▼→", "++++-|+++++v>")


def drawing(picture: Picture, *, columns: int, ascii_only: bool = False) -> Iterator[str]:
    """Yield the picture's lines: a row of boxes for the form and for each stage.

    Rows that are wider than the columns go on below.
    """
    lines = list(_drawn(picture, max(columns, 40)))
    for line in lines:
        yield line.translate(_ASCII) if ascii_only else line


def _drawn(picture: Picture, columns: int) -> Iterator[str]:
    yield f"{clean(picture.title)}  ({clean(picture.note)})"
    above: list[int] = []
    for label, row in zip(picture.labels, picture.rows, strict=True):
        boxes = [_box(box, min(_WIDEST, columns - 2)) for box in row]
        parts = list(_broken(boxes, columns))
        centres = _centres(parts[0]) if len(parts) == 1 else []
        yield from _joined(above, centres, label)
        for part in parts:
            yield from _side_by_side(part)
        above = centres if len(parts) == 1 else [_GAP]


def _box(box: Box, widest: int) -> list[str]:
    """Return the lines of one box, all of one width."""
    inner = [clean(box.title)]
    for line in box.lines:
        inner += _wrapped(clean(line), widest - 4)
    size = max(_NARROWEST, min(widest - 4, max(map(width, inner))))
    top, bottom = f"┌{'─' * (size + 2)}┐", f"└{'─' * (size + 2)}┘"
    return [top, *(f"│ {fit(line, size)} │" for line in inner), bottom]


def _wrapped(text: str, columns: int) -> list[str]:
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}".strip()
        if line and width(joined) > columns:
            lines.append(line)
            line = word
        else:
            line = joined
    return [*lines, line]


def _broken(boxes: Sequence[list[str]], columns: int) -> Iterator[list[list[str]]]:
    """Yield the boxes in rows that fit."""
    row: list[list[str]] = []
    used = 0
    for box in boxes:
        needed = width(box[0]) + (_GAP if row else 0)
        if row and used + needed > columns:
            yield row
            row, used, needed = [], 0, width(box[0])
        row.append(box)
        used += needed
    yield row


def _side_by_side(boxes: Sequence[list[str]]) -> Iterator[str]:
    height = max(map(len, boxes))
    grown = []
    for box in boxes:
        blank = f"│{' ' * (width(box[0]) - 2)}│"
        grown.append([*box[:-1], *[blank] * (height - len(box)), box[-1]])
    for row in zip(*grown, strict=True):
        yield (" " * _GAP).join(row).rstrip()


def _centres(boxes: Sequence[list[str]]) -> list[int]:
    centres, at = [], 0
    for box in boxes:
        centres.append(at + width(box[0]) // 2)
        at += width(box[0]) + _GAP
    return centres


def _joined(above: Sequence[int], below: Sequence[int], label: str) -> Iterator[str]:
    """Yield the lines between two rows; the label stands beside them."""
    if not above:
        yield f"{label}"
        return
    below = below or above[:1]
    ends = sorted({*above, *below})
    bar = [" "] * (ends[-1] + 1)
    for at in range(ends[0], ends[-1] + 1):
        bar[at] = "─"
    for at in ends:
        up, down = at in above, at in below
        first, last = at == ends[0], at == ends[-1]
        bar[at] = _joint(up=up, down=down, first=first, last=last)
    heads = [" "] * (below[-1] + 1)
    for at in below:
        heads[at] = "▼"
    if len(ends) > 1:
        stems = [" "] * (above[-1] + 1)
        for at in above:
            stems[at] = "│"
        yield "".join(stems)
        yield "".join(bar)
    yield f"{''.join(heads)}  {label}"


def _joint(*, up: bool, down: bool, first: bool, last: bool) -> str:
    if first and last:
        return "│"
    if first:
        return "├" if up and down else "└" if up else "┌"
    if last:
        return "┤" if up and down else "┘" if up else "┐"
    return "┼" if up and down else "┴" if up else "┬"


def explained_text(prompts: Sequence[Explained]) -> Iterator[str]:
    """Yield for every prompt what it reads and who reads it."""
    for one in prompts:
        model = clean(one.model)
        if one.answered_by and one.answered_by != one.model:
            model += f" → {clean(one.answered_by)}"
        yield f"stage {one.stage}  {one.position} {clean(one.name)}  {model} ({one.why})"
        for variable, source, what, times in one.reads:
            kind = "input field" if source == "field" else "output of"
            often = f", {times} times" if times > 1 else ""
            yield f"    reads    {{{{{clean(variable)}}}}}: {kind} {clean(what)}{often}"
        if not one.reads:
            yield "    reads    nothing"
        said = ", ".join(map(clean, one.read_by)) or "nobody: it is an answer of the assistant"
        yield f"    read by  {said}"
