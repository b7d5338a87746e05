"""What a worker plays: assistants, held ready by their digests, with what was entered."""

from __future__ import annotations

import json
from dataclasses import replace

from understudy.architect.checking import Options
from understudy.architect.document import Document
from understudy.architect.engine import Play
from understudy.runs.workers import Claimed

_HELD = 64  # assistants


class Plays:
    """Makes what is played of what was claimed; many runs are of one assistant."""

    def __init__(self) -> None:
        self._held: dict[str, Play] = {}

    def of(self, claimed: Claimed) -> Play:
        """Return what is to be played; raises what data raises that is damaged."""
        if claimed.inputs is None:
            raise ValueError("what was entered has been purged")
        if claimed.play not in self._held:
            if len(self._held) >= _HELD:
                del self._held[next(iter(self._held))]
            self._held[claimed.play] = _made(claimed.text)
        return replace(self._held[claimed.play], inputs=json.loads(claimed.inputs))


def _made(text: str) -> Play:
    kept = json.loads(text)
    whole = f'{{"version":"1.0","assistants":[{kept["content"]}]}}'
    document = Document.parse(whole, options=Options(allow_unknown_variables=True, stored=True))
    return Play(
        definition=document.assistants[0],
        flow=document.flows[0],
        models=kept["models"],
        inputs={},
        tools={model: tuple(tools) for model, tools in kept["tools"].items()},
    )
