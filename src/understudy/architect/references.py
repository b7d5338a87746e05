"""Checks of the texts of one assistant's prompts: what each of them reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from understudy.architect import limits
from understudy.architect.findings import Collector, Path
from understudy.architect.meaning import Names, Reading, Source, Target
from understudy.architect.rules import Severity
from understudy.architect.template import (
    BRACES,
    DOLLAR,
    OUTPUT,
    like_a_name,
    normal,
    variables,
)

_DATABASE_ID = re.compile(r"(?:\{\{\s*)?prompt_\d+\.output(?:\s*\}\})?")
_INPUTS = "inputs."
#: Unknown variables of one text that are reported by name; the rest is counted.
_MOST_NAMED = limits.MOST_SUBSTITUTIONS
#: Different texts in double braces that are looked at; who has more has too many substitutions.
_MOST_LOOKED_AT = 1000


class _Problem(NamedTuple):
    code: str
    message: str
    hint: str


class References:
    """Checks the texts of one assistant's prompts."""

    def __init__(self, names: Names, at: Path, found: Collector, *, allow_unknown: bool) -> None:
        self._names = names
        self._at = at
        self._found = found
        self._allow_unknown = allow_unknown

    def prompt(self, index: int, prompt: Mapping[str, Any]) -> tuple[Reading, ...]:
        """Return what one prompt reads."""
        quick = self._quick(index, prompt)
        return self._closely(index, prompt) if quick is None else quick

    def _quick(self, index: int, prompt: Mapping[str, Any]) -> tuple[Reading, ...] | None:
        """Return what a prompt reads, None for one to be looked at closely.

        That is one in which anything is other than surely right or surely unknown.
        """
        content, system = prompt.get("content"), prompt.get("system_context")
        if type(content) is not str or "${" in content or prompt.get("input_mapping"):
            return None
        if system is not None and (type(system) is not str or "{{" in system):
            return None
        found = BRACES.findall(content) if "{{" in content else []
        if len(found) > limits.MOST_SUBSTITUTIONS:
            return None
        if not found:
            return ()
        names = self._names
        known, surely, mine = names.sure, names.surely, names.stage_of[index]
        reads: dict[str, Reading] = {}
        unknown: dict[str, None] = {}
        for name in found:
            before = reads.get(name)
            if before is not None:
                reads[name] = before._replace(times=before.times + 1)
                continue
            sure = known.get(name) or surely(name)
            if sure is None and names.surely_unknown(name):
                unknown[name] = None
                continue
            if sure is None or sure[1] >= mine:
                return None
            reads[name] = sure[0]
        for name in unknown:
            self._reading(index, name, (), (*self._at, index, "content"), {})
        return tuple(reads.values())

    def _closely(self, index: int, prompt: Mapping[str, Any]) -> tuple[Reading, ...]:
        path = (*self._at, index)
        mapping = prompt.get("input_mapping")
        mapping = mapping if isinstance(mapping, dict) else {}
        mapped = self._names_of(mapping, path)
        reads: list[Reading] = []
        used: set[str] = set()
        content = prompt.get("content")
        if isinstance(content, str):
            here = (*path, "content")
            if "${" in content:
                self._dollars(content, here)
            if "{{" in content:
                reads += self._text(index, content, here, mapped, used)
        for name, value in mapping.items():
            reads += self._mapped(index, name, value, (*path, "input_mapping", name))
            if normal(name) not in used:
                self._found.add(
                    "unused_mapping",
                    (*path, "input_mapping", name),
                    f'The mapped name "{name[:80]}" is not used in the content.',
                    f"Write {{{{{name[:80]}}}}} there, or remove it.",
                    on_key=True,
                )
        system = prompt.get("system_context")
        if isinstance(system, str) and "{{" in system:
            self._system(system, (*path, "system_context"))
        return tuple(reads)

    def _names_of(self, mapping: Mapping[str, Any], path: Path) -> dict[str, str]:
        """Return the mapped names by their normal form; those that share one are reported."""
        mapped: dict[str, str] = {}
        for name in mapping:
            first = mapped.setdefault(normal(name), name)
            if first is not name:
                self._found.add(
                    "duplicate_key",
                    (*path, "input_mapping", name),
                    f'"{name[:80]}" looks the same as "{first[:80]}", which stands here, too.',
                    "Rename one of them: names that only look the same count as the same.",
                    on_key=True,
                )
        return mapped

    def _text(
        self,
        index: int,
        text: str,
        here: Path,
        mapped: Mapping[str, str],
        used: set[str],
        via: str = "",
    ) -> list[Reading]:
        reads, total, unknown, literal = [], 0, 0, 0
        standing = variables(text)
        for name, count in islice(standing.items(), _MOST_LOOKED_AT):
            total += count
            plain = normal(name)
            if plain in mapped:
                used.add(plain)
                reads.append(Reading(name, Source.MAPPING, -1, count))
                continue
            targets = self._targets(name, inside=bool(via))
            if targets is None or not (targets or like_a_name(name)):
                total -= count
                literal += 1
                if literal <= _MOST_NAMED:
                    self._literal(name, here)
                continue
            if not targets:
                unknown += 1
                if unknown > _MOST_NAMED:
                    continue
            if reading := self._reading(index, name, targets, here, mapped):
                reads.append(Reading(name, *reading, count, via))
        self._many(here, unknown - _MOST_NAMED, literal - _MOST_NAMED)
        if total > limits.MOST_SUBSTITUTIONS or len(standing) > _MOST_LOOKED_AT:
            least = "" if len(standing) <= _MOST_LOOKED_AT else "at least "
            self._found.add(
                "too_many_substitutions",
                here,
                f"The text has {least}{max(total, len(standing)):,} substitutions, at most "
                f"{limits.MOST_SUBSTITUTIONS} are made in one prompt; each occurrence counts.",
                "Split the prompt, or name a variable less often.",
            )
        return reads

    def _literal(self, name: str, here: Path) -> None:
        self._found.add(
            "literal_braces",
            here,
            f'"{{{{{name[:80]}}}}}" is no variable; it stays as it is.',
            "A variable's name is letters, digits, _ and -.",
            spot=name,
        )

    def _many(self, here: Path, unknown: int, literal: int) -> None:
        """Report what is not named, because there is so much of it."""
        hint = "Is this text a template of another kind?"
        if unknown > 0:
            message = f"{unknown:,} more variables are unknown."
            weight = Severity.WARNING if self._allow_unknown else None
            self._found.add("unknown_variable", here, message, hint, severity=weight)
        if literal > 0:
            message = f"{literal:,} more texts in double braces are no variables."
            self._found.add("literal_braces", here, message, hint)

    def _targets(self, name: str, *, inside: bool) -> tuple[Target, ...] | None:
        """Return what a name can mean, None for one that cannot be a name at all."""
        if inside and name.startswith(_INPUTS):
            return self._names.targets(name.removeprefix(_INPUTS))
        return self._names.targets(name) if name else None

    def _reading(
        self,
        index: int,
        name: str,
        targets: tuple[Target, ...],
        here: Path,
        mapped: Mapping[str, str],
    ) -> Target | None:
        """Return the one thing that a variable means here; else report why there is none."""
        names = self._names
        for source, target in targets:
            (names.used_fields if source is Source.FIELD else names.used_prompts).add(target)
        problem = self._problem(index, name, targets, mapped)
        if problem is not None:
            lenient = problem.code == "unknown_variable" and self._allow_unknown
            self._found.add(
                problem.code,
                here,
                problem.message,
                problem.hint,
                spot=name,
                severity=Severity.WARNING if lenient else None,
            )
            return None
        source, target = targets[0]
        if (
            source is Source.OUTPUT
            and (match := OUTPUT.fullmatch(name))
            and int(match[1]) != target
        ):
            self._found.add(
                "position_is_not_index",
                here,
                f'"{name}" is the output of position {match[1]} ("{names.title(target)}"), which '
                f"is prompts[{target}] of the list.",
                f"List the prompts by position, or write {{{{{names.slugs[target]}}}}}.",
                spot=name,
            )
        return source, target

    def _problem(
        self,
        index: int,
        name: str,
        targets: tuple[Target, ...],
        mapped: Mapping[str, str],
    ) -> _Problem | None:
        names = self._names
        if not targets:
            return self._unknown(index, name, mapped)
        if len(targets) > 1:
            return _Problem(
                "ambiguous_variable",
                f'"{name[:80]}" could be {" or ".join(map(self._named, targets))}.',
                "Rename one of them, or write prompt_N_output with a position of its own.",
            )
        source, target = targets[0]
        if source is Source.FIELD or names.stage_of[target] < names.stage_of[index]:
            return None
        if target == index:
            what = "is the prompt's own output"
        elif names.stage_of[target] == names.stage_of[index]:
            what = f'is the output of "{names.title(target)}", which runs at the same time'
        else:
            what = f'is the output of "{names.title(target)}", which runs later'
        return _Problem(
            "later_output",
            f'"{name[:80]}" {what}.',
            "Read outputs of earlier stages only, or change the positions.",
        )

    def _unknown(self, index: int, name: str, mapped: Mapping[str, str]) -> _Problem:
        sayable = self._names.sayable(index)
        if mapped:
            sayable = (*islice(mapped, _MOST_LOOKED_AT), *sayable)
        near = ""
        if name.startswith("prompt_") and (match := OUTPUT.fullmatch(name)):
            message = f"No prompt has position {match[1]}; there are {self._names.positions}."
            hint = "prompt_N_output means the prompt at position N, from 0."
        else:
            near = self._found.near(name, sayable)
            message = f'"{name[:80]}" is no input field and no earlier output.'
            hint = (
                f"There is {', '.join(one[:80] for one in sayable[:8])}."
                if sayable
                else "The form has no fields."
            )
        return _Problem("unknown_variable", message, f'Did you mean "{near}"?' if near else hint)

    def _named(self, target: Target) -> str:
        source, index = target
        if source is Source.FIELD:
            return f"input_fields[{index}]"
        return f'the output of prompts[{index}] "{self._names.title(index)[:80]}"'

    def _mapped(self, index: int, name: str, value: Any, here: Path) -> list[Reading]:
        if not isinstance(value, str):
            self._found.add(
                "wrong_type",
                here,
                f'The mapping of "{name[:80]}" must be text.',
                'Write a template, such as "{{prompt_0_output}}".',
            )
            return []
        if _DATABASE_ID.fullmatch(value.strip()):
            self._found.add(
                "database_id",
                here,
                f'"{value.strip()[:80]}" names a prompt by the number that one database gave it; '
                "elsewhere it is another prompt or none.",
                "Write {{prompt_N_output}} with the prompt's position N, or its slug.",
            )
            return []
        if BRACES.search(value):
            return self._text(index, value, here, {}, set(), via=name)
        plain = value.strip()
        targets = self._targets(plain, inside=True)
        if plain.startswith(_INPUTS) or targets:
            reading = self._reading(index, plain, targets or (), here, {})
            return [Reading(plain, *reading, 1, name)] if reading else []
        self._found.add(
            "literal_mapping",
            here,
            f'"{value[:80]}" is no variable and no template; it is put in as it stands.',
            "Write {{name}} for what was entered or answered.",
        )
        return []

    def _dollars(self, text: str, here: Path) -> None:
        if match := DOLLAR.search(text):
            known = bool(self._names.targets(match[1]))
            self._found.add(
                "dollar_variable",
                here,
                f'"{match[0]}" stays as it is.',
                f"Write {{{{{match[1]}}}}}." if known else "Variables are written {{name}}.",
                spot=match[0],
            )

    def _system(self, text: str, here: Path) -> None:
        known = next(
            (
                name
                for name in variables(text)
                if name and (self._names.targets(name) or like_a_name(name))
            ),
            None,
        )
        if known is not None:
            self._found.add(
                "variable_in_system_context",
                here,
                f'"{{{{{known[:80]}}}}}" stays as it is: variables are not replaced '
                "in system_context.",
                "Move it into the content.",
                spot=known,
            )
