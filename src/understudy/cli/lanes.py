"""A run on a terminal: a lane for each prompt that is being answered, its text as it comes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from understudy.architect.definition import Definition
from understudy.architect.run_events import (
    PromptCompleted,
    PromptDelta,
    PromptFailed,
    PromptStarted,
    RunEnded,
    RunEvent,
)
from understudy.report.clean import clean, clean_lines

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_TAIL = 2000  # characters of an answer that a lane may show
_REFRESH = 15  # a second
_NAME = 24


class LiveLanes:
    """Shows the ends of the answers that are on their way, below what was printed.

    What has ended is for the caller to print: `above` takes the display away meanwhile.
    """

    def __init__(self, definition: Definition, console: Console) -> None:
        from rich.live import Live

        self._names = [clean(prompt.name)[:_NAME] for prompt in definition.prompts]
        self._console = console
        self._texts: dict[int, deque[str]] = {}
        self._live = Live(
            console=console, transient=True, refresh_per_second=_REFRESH, get_renderable=self._drawn
        )
        self._live.start()

    def hear(self, event: RunEvent) -> None:
        """Take one event."""
        if isinstance(event, PromptStarted):
            self._texts[event.prompt] = deque(maxlen=_TAIL)
        elif isinstance(event, PromptDelta) and event.prompt in self._texts:
            _, newline, rest = event.text.rpartition("\n")
            if newline:  # lines that are whole are printed
                self._texts[event.prompt].clear()
            self._texts[event.prompt].extend(rest if newline else event.text)
        elif isinstance(event, PromptCompleted | PromptFailed):
            self._texts.pop(event.prompt, None)
        elif isinstance(event, RunEnded):
            self._texts.clear()

    def above(self, lines: list[str]) -> None:
        """Print lines for good, above the lanes."""
        for line in lines:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the display away; may be repeated."""
        self._live.stop()

    def _drawn(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, style="bold")
        table.add_column(no_wrap=True)
        texts = dict(sorted(self._texts.items()))
        room = max(1, (self._console.height - 4) // max(1, len(texts)))
        name = max(map(len, self._names))
        # Room for ^C at the end, which terminals show: a new line there would stay.
        wide = max(20, self._console.width - name - 6)
        for prompt, text in texts.items():
            said = clean_lines("".join(text)) or "..."
            table.add_row(self._names[prompt], Text(_ending(said, wide, room), style="dim"))
        return table


def _ending(text: str, wide: int, count: int) -> str:
    """Return what of a line fits into so many, from its end."""
    pieces = [text[i : i + wide] for i in range(0, len(text), wide)]
    return "\n".join(pieces[-count:])
