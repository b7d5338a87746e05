"""The library of Architect documents, wired: checking, importing, approving, exporting."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from understudy._version import __version__
from understudy.architect.approval import State
from understudy.architect.checking import Options
from understudy.architect.definition import Definition, from_json, to_json
from understudy.architect.document import Document
from understudy.architect.limits import VERSION
from understudy.architect.models import DEFAULT, Catalogue, Model
from understudy.config import Settings, as_bool, text_of
from understudy.errors import AbsentStoreError, InvalidDocumentError, UsageError
from understudy.providers.catalog import is_named, is_shipped
from understudy.providers.named import variable
from understudy.store.records import Batch, Incoming, Moved, Version, Which

if TYPE_CHECKING:
    from understudy.store.address import Address
    from understudy.store.library import Library

#: Where the library is unless something else is configured.
DEFAULT_DATABASE = "understudy.db"


@dataclass(frozen=True, slots=True, repr=False)
class Import:
    """What became of one file: `batch` is None where nothing was stored.

    `left_out` are the indices of assistants with errors that were left out with `keep_going`.
    """

    document: Document
    batch: Batch | None
    left_out: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Exported:
    """A document made from the library; `lacking` are names whose advanced fields are left out."""

    document: Mapping[str, Any]
    lacking: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The document as JSON, laid out for people."""
        return json.dumps(self.document, indent=2, ensure_ascii=False) + "\n"


def catalogue_of(settings: Settings, overrides: Mapping[str, str] | None = None) -> Catalogue:
    """Return the models that are there: those of understudy.toml, else the built-in ones.

    `overrides` say which id answers for a name; a model of a provider that the environment names
    need not be listed. Raises UsageError for one that is not active.
    """
    listed = tuple(
        Model(
            id=table["id"],
            provider=table["provider"].casefold(),
            active=table.get("active", True),
            order=table.get("order", number),
            context_window=table.get("context_window"),
            tools=frozenset(table.get("tools", ())),
        )
        for number, table in enumerate(settings.models)
    )
    catalogue = Catalogue(listed or DEFAULT.models, dict(overrides or {}))
    more = _unlisted(catalogue, settings.variables or os.environ)
    catalogue = replace(catalogue, models=(*catalogue.models, *more))
    for old, new in catalogue.overrides.items():
        if catalogue.chosen(new) is None:
            known = ", ".join(model.id for model in catalogue.active()) or "none"
            raise UsageError(
                f"--map-model {old}={new}: no active model has the id {new!r}.",
                hint=f"Active are {known}.{_naming(new)}",
            )
    return catalogue


def _unlisted(catalogue: Catalogue, environment: Mapping[str, str]) -> Iterator[Model]:
    """Yield the models that answer for others, by providers which the environment names."""
    known = {model.asked for model in catalogue.models}
    for new in dict.fromkeys(catalogue.overrides.values()):
        if new not in known and is_named(new, environment):
            yield Model(new, new.partition("/")[0], order=sys.maxsize)


def _naming(model: str) -> str:
    """Return how to name a provider of one's own, where a model looks like one of such."""
    name, slash, _ = model.partition("/")
    asked = variable(name) if slash and not is_shipped(name) else ""
    return f" {asked} makes {name} a provider of your own." if asked else ""


class Makes(Enum):
    """Which files are made where there are none; `RUNS`: that of runs, and no library."""

    NOTHING = "nothing"
    RUNS = "runs"
    ALL = "all"


class Architect:
    """Checks documents and keeps the library; an asynchronous context manager, which closes it.

    Everything that touches the library may raise StoreError, and AbsentStoreError for a file that
    is not there and that it does not make.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: str | None = None,
        map_model: Mapping[str, str] | None = None,
        allow_unknown_variables: bool = False,
        makes: Makes = Makes.ALL,
    ) -> None:
        self.settings = settings
        named = settings.option("architect_database")
        #: Whether somebody said where the library is.
        self.named = named is not None
        self.database = database or text_of(settings, "architect_database", DEFAULT_DATABASE)
        self._makes = makes
        self._origin = "--database" if database else named.origin if named else ""
        self.catalogue = catalogue_of(settings, map_model)
        self._allow_unknown = allow_unknown_variables
        strict = settings.option("architect_four_eyes")
        self.four_eyes = as_bool(strict) if strict else False
        self._library: Library | None = None
        self._opening = asyncio.Lock()

    @property
    def options(self) -> Options:
        """What checks go by."""
        return Options(self.catalogue, self._allow_unknown)

    async def library(self) -> Library:
        """Return the library, opened when it is first asked for; `aclose` closes it."""
        from understudy.store.address import parse  # half a second: checks go without
        from understudy.store.library import Library

        async with self._opening:
            if self._library is None:
                self.require(parse(self.database))
                self._library = await Library.open(self.database)
            return self._library

    def require(self, address: Address) -> None:
        """Raise AbsentStoreError for a database that is not there and shall not be made."""
        from understudy.store.address import for_runs, parse

        if self._makes is Makes.ALL or address.path is None or address.path.exists():
            return
        library = parse(self.database)
        if self._makes is Makes.RUNS and address.what != library.what:
            return
        beside = any(one.path and one.path.exists() for one in (library, for_runs(library)))
        if beside or not self._origin:
            made = "import" if address.what == library.what else "run"
            raise AbsentStoreError(
                f"There is no {address.what} {address.shown} yet.",
                hint=f"`understudy architect {made}` makes it.",
                unused=True,
            )
        raise AbsentStoreError(
            f"There is no {address.what} {address.shown}; nothing was made.",
            hint=f"Check {self._origin}. `understudy architect import` makes a new library.",
            unused=False,
        )

    async def aclose(self) -> None:
        """Close the library where it was opened; may be repeated."""
        library, self._library = self._library, None
        if library is not None:
            await library.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def check(self, source: str | Path) -> Document:
        """Return a checked file; raises SnapshotError where it cannot be read."""
        return Document.load(source, self.options)

    def check_text(
        self,
        data: bytes | str,
        source: str = "document",
        *,
        allow_unknown_variables: bool = False,
    ) -> Document:
        """Return a checked document."""
        lenient = self._allow_unknown or allow_unknown_variables
        return Document.parse(data, source=source, options=Options(self.catalogue, lenient))

    def check_stored(self, text: str, source: str, *, lenient: bool = True) -> Document:
        """Return a checked document made of the library's contents; its size was checked before."""
        lenient = self._allow_unknown or lenient
        options = Options(self.catalogue, lenient, stored=True)
        return Document.parse(text, source=source, options=options)

    async def add(self, document: Document, *, actor: str, keep_going: bool = False) -> Import:
        """Store a document's assistants, all of them or none; with `keep_going`, the sound ones.

        What was there is unchanged; what is new or has changed waits for approval. May be
        repeated.
        """
        sound = document.sound
        left_out = tuple(sorted({*range(len(document.flows))} - {*sound}))
        if not sound or not (document.valid or keep_going):
            return Import(document, None, left_out)
        # In a thread: the digests of a large file take a second, in which others are served.
        items, digest = await asyncio.to_thread(_prepared, document, sound)
        library = await self.library()
        batch = await library.add(
            items,
            actor=actor,
            source=document.source,
            file_digest=digest,
            failed=len(left_out),
        )
        return Import(document, batch, left_out)

    async def move(
        self,
        key: str,
        to: State,
        *,
        actor: str,
        reason: str = "",
        number: int | None = None,
        digest: str | None = None,
        allow_unknown_variables: bool = False,
    ) -> Moved:
        """Approve (or enable), reject or disable a version; `digest` is that of what was reviewed.

        Raises InvalidDocumentError for approving what does not validate against today's models,
        MoveError for a move that its state does not allow, StaleVersionError for a version of
        another digest, FourEyesError, SelectionError.
        """
        library = await self.library()
        expected = digest
        if to is State.APPROVED:
            version = await self._to_approve(library, key, number)
            await asyncio.to_thread(self.require_valid, version, lenient=allow_unknown_variables)
            number, expected = version.number, digest or version.digest
        return await library.move(
            key,
            to,
            actor=actor,
            reason=reason,
            number=number,
            expect_digest=expected,
            four_eyes=self.four_eyes,
        )

    async def _to_approve(self, library: Library, key: str, number: int | None) -> Version:
        """Return the version that approving would approve, as `Library.move` chooses it."""
        if number is None:
            kept = await library.find(key)
            number = kept.pending
            if number is None and kept.in_force and kept.in_force.state is State.DISABLED:
                number = kept.in_force.number
        return await library.version(key, number)

    def require_valid(self, version: Version, *, lenient: bool = False) -> None:
        """Raise InvalidDocumentError unless a stored version is valid with today's models."""
        text = document_text([version.content])
        document = self.check_stored(text, version.name, lenient=lenient)
        if not document.valid:
            first, *more = document.errors
            rest = f" ({len(more)} more)" if more else ""
            raise InvalidDocumentError(
                f'Version {version.number} of "{version.name}" is not valid: {first.message}{rest}',
                hint=first.hint or "understudy architect show tells all.",
            )

    async def export(
        self,
        keys: Sequence[str] | None = None,
        *,
        advanced: bool = False,
        which: Which = Which.IN_FORCE_ELSE_LATEST,
    ) -> Exported:
        """Return a document of the assistants named, or of all; raises SelectionError."""
        made: list[dict[str, Any]] = []
        lacking: list[str] = []
        library = await self.library()
        async for version in library.contents(keys, which=which):
            one = definition_of(version)
            if not advanced and (one.repository_ids or one.enabled_tools):
                lacking.append(one.name)
            made.append(to_json(one, advanced=advanced))
        return Exported(enclosed(made), tuple(lacking))


def _prepared(document: Document, indices: Sequence[int]) -> tuple[list[Incoming], str]:
    """Return what the library takes of a document, and the digest of its text."""
    items = [incoming(one) for one in document.definitions(indices)]
    return items, hashlib.sha256(document.text.encode("utf-8", "replace")).hexdigest()


def incoming(one: Definition) -> Incoming:
    """Return an assistant as the library takes it; raises InvalidDocumentError."""
    if not one.canonical.startswith("{"):
        raise InvalidDocumentError(f'"{one.name}" holds what no JSON can hold; nothing was stored.')
    return Incoming(
        name=one.name,
        description=one.description,
        digest=one.digest,
        content=one.canonical,
        prompts=len(one.prompts),
        inputs=len(one.input_fields),
        models=one.models,
    )


def definition_of(version: Version) -> Definition:
    """Return what a version of the library says."""
    return from_json(json.loads(version.content))


def document_text(contents: Iterable[str]) -> str:
    """Return a document around assistants that are JSON already."""
    return f'{{"version":"{VERSION}","assistants":[{",".join(contents)}]}}'


def enclosed(assistants: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the document that an export writes around its assistants."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "version": VERSION,
        "exported_at": now,
        "export_source": f"understudy {__version__}",
        "assistants": list(assistants),
    }
