"""What the variables of one assistant can mean. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, NamedTuple

from understudy.architect import limits
from understudy.architect.stages import Slot, Stage
from understudy.architect.template import OUTPUT, like_a_name, normal, slug

#: Names that are offered, or compared with a wrong one.
_MOST_SAID = 1000


class Source(StrEnum):
    """What a variable stands for."""

    FIELD = "field"
    OUTPUT = "output"
    MAPPING = "mapping"


class Reading(NamedTuple):
    """One variable that a prompt reads: `target` is the index of the field or of the prompt.

    `via` is the mapped name through which it is read; a mapped name itself has target -1.
    """

    name: str
    source: Source
    target: int
    times: int = 1
    via: str = ""


#: What a variable can mean: a field or a prompt, by its index.
Target = tuple[Source, int]


#: What a variable surely means, and the stage after which it can be read: -1 for fields.
Sure = tuple[Reading, int]


class Names:
    """What variables of one assistant can mean, and in which stage each prompt runs.

    `in_order` are the outputs by position of prompts whose positions are those in the list.
    `labels` are names and slugs that mean one prompt each and no field; none where any does not.
    """

    __slots__ = (
        "_at",
        "_by_name",
        "_by_slug",
        "_known",
        "_lost",
        "_positions",
        "_prompts",
        "_sayable",
        "_slots",
        "fields",
        "in_order",
        "labels",
        "slugs",
        "stage_of",
        "sure",
        "used_fields",
        "used_prompts",
    )

    def __init__(
        self,
        prompts: Sequence[Any],
        fields: Sequence[Any],
        slots: Sequence[Slot],
        ordered: Sequence[Stage],
        in_order: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.in_order = in_order
        self._prompts = prompts
        self._slots = slots
        self._by_name: dict[str, list[int]] | None = None
        self._at: dict[int, list[int]] | None = None
        self.sure: dict[str, Sure] = {}
        self._positions: str | None = None
        self._lost: set[str] = set()  # names that surely mean nothing
        self._known: dict[str, tuple[Target, ...]] = {}
        self._sayable: dict[int, tuple[str, ...]] = {}
        self.fields: dict[str, list[int]] = {}
        for i, one in enumerate(fields):
            name = one.get("name") if isinstance(one, dict) else None
            if isinstance(name, str):
                plain = name if name.isascii() else normal(name)
                self.fields.setdefault(plain.strip(), []).append(i)
        slugs: dict[int, str] = {}
        self.slugs = slugs
        labels: dict[str, int] = {}
        named = 0
        for slot in slots:
            index = slot[0]
            name = prompts[index].get("name")
            title = name if type(name) is str and len(name) <= limits.LONGEST_NAME else ""
            slugs[index] = short = slug(title)
            labels[title] = labels[short] = index
            if title == short:
                named += 1
            else:
                named += 2 if title.isascii() and title.strip() == title else 3
        # With fewer labels than that, one means two things, or is not spelt as it is compared.
        clear = len(labels) == named and "" not in labels and labels.keys().isdisjoint(self.fields)
        self.labels = labels if clear else {}
        self._by_slug: dict[str, list[int]] | None = None
        self.stage_of = {i: number for number, stage in enumerate(ordered) for i in stage[0]}
        self.used_prompts: set[int] = set()
        self.used_fields: set[int] = set()

    def surely(self, name: str) -> Sure | None:
        """Return what a variable surely means, None for one to be looked at closely."""
        found = self.sure.get(name)
        if found is not None or not self.labels:  # without labels some names mean two things
            return found
        if name in self._lost:
            return None
        indices, index = self.fields.get(name), self.labels.get(name)
        if name.startswith("prompt_"):  # a position, unless something else is called so
            if indices is not None or index is not None:
                return None
            index = self.in_order.get(name)
        if indices is not None:
            if len(indices) > 1:
                return None
            self.used_fields.add(indices[0])
            found = (Reading(name, Source.FIELD, indices[0]), -1)
        elif index is not None:
            self.used_prompts.add(index)
            found = (Reading(name, Source.OUTPUT, index), self.stage_of[index])
        else:
            return None
        self.sure[name] = found
        return found

    def surely_unknown(self, name: str) -> bool:
        """Tell whether it looks like a variable, of this spelling, and surely means nothing."""
        if name in self._lost:
            return True
        unknown = bool(
            self.labels
            and name.isascii()
            and like_a_name(name)
            and not name.startswith("prompt_")
            and name not in self.fields
            and name not in self.labels
        )
        if unknown:
            self._lost.add(name)
        return unknown

    @property
    def by_slug(self) -> Mapping[str, Sequence[int]]:
        """The prompts under each slug."""
        if self._by_slug is None:
            self._by_slug = {}
            for index, short in self.slugs.items():
                self._by_slug.setdefault(short, []).append(index)
        return self._by_slug

    def title(self, index: int) -> str:
        """Return a prompt's name, empty where it has none that could be used."""
        name = self._prompts[index].get("name")
        return name if type(name) is str and len(name) <= limits.LONGEST_NAME else ""

    def targets(self, name: str) -> tuple[Target, ...]:
        """Return everything that a variable can mean."""
        found = self._known.get(name)
        if found is None:
            plain = normal(name)
            if self.labels:
                outputs = [self.labels[plain]] if plain in self.labels else []
            else:
                outputs = [*self._named(plain), *(self.by_slug.get(plain, ()) if plain else ())]
            if plain.startswith("prompt_") and (match := OUTPUT.fullmatch(plain)):
                outputs += self.at_positions().get(int(match[1]), ())
            meant = [(Source.FIELD, i) for i in self.fields.get(plain, ())[:1]]
            meant += [(Source.OUTPUT, i) for i in dict.fromkeys(outputs)]
            found = self._known[name] = tuple(meant[: limits.MOST_PROMPTS + 1])
        return found

    def at_positions(self) -> Mapping[int, Sequence[int]]:
        """Return the prompts at each position, in order of position."""
        if self._at is None:
            self._at = {}
            for slot in sorted(self._slots, key=lambda slot: slot.position):
                self._at.setdefault(slot.position, []).append(slot.where)
        return self._at

    @property
    def positions(self) -> str:
        """The positions that there are, in words: some of them where there are many."""
        if self._positions is None:
            some = islice(self.at_positions(), 20)
            sane = [str(one) for one in some if abs(one) <= limits.LARGEST]
            self._positions = ", ".join(sane) or "none"
        return self._positions

    def sayable(self, index: int) -> tuple[str, ...]:
        """Return the names that a prompt may use, some of them where there are thousands."""
        mine = self.stage_of.get(index, 0)
        known = self._sayable.get(mine)
        if known is None:
            known = tuple(islice(chain(self.fields, self._outputs(mine)), _MOST_SAID))
            self._sayable[mine] = known
        return known

    def _outputs(self, stage: int) -> Iterator[str]:
        for slot in self._slots:
            if self.stage_of[slot.where] < stage:
                yield f"prompt_{slot.position}_output"
                if short := self.slugs[slot.where]:
                    yield short

    def _named(self, plain: str) -> Sequence[int]:
        if self._by_name is None:
            self._by_name = {}
            for i in self.slugs:
                if title := self.title(i):
                    self._by_name.setdefault(normal(title).strip(), []).append(i)
        return self._by_name.get(plain, ())
