"""Pictures of assistants as SVG, for documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

from understudy.architect.picture import Box, Picture
from understudy.report.clean import clean, width

_LETTER, _LINE, _PAD, _BETWEEN, _SPACE = 7.8, 20, 12, 64, 28


def svg(picture: Picture) -> str:
    """Return a picture that stands by itself: no scripts, no fonts, nothing from elsewhere."""
    sizes = {box.id: _size(box) for row in picture.rows for box in row}
    widths = [sum(sizes[b.id][0] for b in row) + _SPACE * (len(row) - 1) for row in picture.rows]
    wide = max([*widths, len(clean(picture.title)) * _LETTER * 1.2]) + 2 * _SPACE
    places: dict[str, tuple[float, float]] = {}
    body: list[str] = []
    top = 56.0
    for label, row, taken in zip(picture.labels, picture.rows, widths, strict=True):
        left = (wide - taken) / 2
        body.append(f'<text x="8" y="{top - 8:.0f}" class="label">{_xml(label)}</text>')
        tall = max(sizes[box.id][1] for box in row)
        for box in row:
            places[box.id] = (left, top)
            body += _svg_box(box, left, top, sizes[box.id])
            left += sizes[box.id][0] + _SPACE
        top += tall + _BETWEEN
    arrows = [_svg_arrow(a.start, a.end, a.name, places, sizes) for a in picture.arrows]
    tall = top - _BETWEEN + _SPACE
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {tall:.0f}"',
            f'width="{wide:.0f}" height="{tall:.0f}" role="img">',
            f"<title>{_xml(picture.title)}</title>",
            _STYLE,
            f'<text x="8" y="24" class="title">{_xml(picture.title)}</text>',
            *arrows,
            *body,
            "</svg>",
        ]
    )


_STYLE = """<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" \
markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>
<style>svg{background:#fff}text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#223}
.title{font-size:16px;font-weight:bold}.label{fill:#778;font-size:11px}.more{fill:#556}
rect{fill:#f4f6fb;stroke:#8899bb}.field{fill:#fff8ea;stroke:#c9a24a}
path.flow{fill:none;stroke:#667;stroke-width:1.2}</style>"""


def _size(box: Box) -> tuple[float, float]:
    longest = max(width(clean(text)) for text in (box.title, *box.lines[:1]))
    return longest * _LETTER + 2 * _PAD, _LINE * (1 + len(box.lines[:1])) + _PAD


def _svg_box(box: Box, left: float, top: float, size: tuple[float, float]) -> Iterator[str]:
    wide, tall = size
    kind = ' class="field"' if box.field else ""
    yield (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="6"{kind}/>'
    )
    for number, text in enumerate((box.title, *box.lines[:1]), 1):
        y = top + number * _LINE
        kind = ' class="more"' if number > 1 else ""
        yield f'<text x="{left + _PAD:.1f}" y="{y:.1f}"{kind}>{_xml(text)}</text>'


def _svg_arrow(
    start: str,
    end: str,
    name: str,
    places: Mapping[str, tuple[float, float]],
    sizes: Mapping[str, tuple[float, float]],
) -> str:
    x1, y1 = places[start][0] + sizes[start][0] / 2, places[start][1] + sizes[start][1]
    x2, y2 = places[end][0] + sizes[end][0] / 2, places[end][1]
    bend = max(24.0, (y2 - y1) / 2)
    curve = (
        f"M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"
    )
    return (
        f'<path class="flow" marker-end="url(#head)" d="{curve}"><title>{_xml(name)}</title></path>'
    )


def _xml(text: str) -> str:
    return escape(clean(text), {'"': "&quot;"})
