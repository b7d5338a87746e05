"""Plan, clone, apply: the main job, wired together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from understudy.config import Settings
from understudy.errors import AuthenticationError, MissingError, UsageError
from understudy.model.assistant import Assistant
from understudy.ops import collector
from understudy.ops.listeners import both, log_events
from understudy.ops.packing import Packed, everything_held, pack
from understudy.ops.places import Places, unstoppable
from understudy.ops.recall import Recalled, recall
from understudy.ops.request import Request
from understudy.ops.settling import adopted, adopted_files, doubtful, seconds_left, unlisted
from understudy.platforms.base import Platform, Wait
from understudy.platforms.environments import Environment
from understudy.replicate.apply import apply_plan
from understudy.replicate.events import Listener, Read, silent
from understudy.replicate.gather import gather_both
from understudy.replicate.hosting import Hosting, furnished, read_environments
from understudy.replicate.identity import RANDOM
from understudy.replicate.inventory import Inventory
from understudy.replicate.knowledge.originals import Originals
from understudy.replicate.plan import Identity, Plan, PlanOptions
from understudy.replicate.planning import make_plan
from understudy.replicate.prune import orphans, plan_pruning, require_few
from understudy.replicate.reading import together
from understudy.replicate.recorder import Recorder
from understudy.replicate.result import RunResult

log = logging.getLogger("understudy.replicate")

_POLL = 1.0  # seconds between looks for what a killed run may have left


class Job:
    """One replication with both places open. Use `open_job`."""

    def __init__(
        self,
        request: Request,
        source: Platform,
        destination: Platform,
        *,
        same_place: bool,
        stop: asyncio.Event,
        listener: Listener,
    ) -> None:
        self.request = request
        self._source = source
        self._destination = destination
        self._same_place = same_place
        self._stop = stop
        self._listener = listener
        self._recalled = Recalled()
        self._adopted: tuple[dict[str, str], ...] = ({}, {}, {})
        self._inventories: tuple[Inventory, Inventory] | None = None
        self._packed: Packed | None = None
        self._originals = Originals(request.files_dir)
        self._environments: dict[str, Environment] = {}
        self._left_behind: dict[str, Environment] | None = None  # the source's
        self._today = datetime.now(UTC).date().isoformat()

    async def plan(self) -> Plan:
        """Read both places and return what would be done; writes nothing anywhere.

        What a killed run may have left is waited for, as long as a list may lag.
        """
        with collector.resting():
            while True:
                plan = await self._plan()
                listed = self._environments.values()
                doubts = doubtful(plan, self._recalled)
                if not doubts and not unlisted(plan, self._recalled, listed):
                    return plan
                if doubts and self._adopt(plan):
                    continue
                left = seconds_left(self._recalled, self.request.settle)
                if left <= 0:
                    return plan
                reason = "an interrupted run may have created what no list shows yet"
                pause = min(left, _POLL)
                self._listener(Wait(plan.destination.name, reason, pause))
                try:
                    await asyncio.wait_for(self._stop.wait(), pause)
                except TimeoutError:
                    continue
                return plan

    async def _plan(self) -> Plan:
        source, destination = await self.gather()
        options = self._options()
        render = self._destination.render
        linker = self._packed.linker if self._packed else None
        plan = make_plan(source, destination, options, render, linker)
        notes: tuple[str, ...] = ()
        if self.request.check_models and plan.writes:
            # Asked for only now: with nothing to write, nobody needs the answer.
            models, notes = await self._offered(destination)
            if models is not None:
                destination = replace(destination, models=models)
                plan = make_plan(source, destination, options, render, linker)
        if self.request.prune.wanted and source.whole:
            plan = await self._prune(plan)
        elif self.request.prune.wanted:
            note = f"Nothing is pruned: parts of {source.info.name} could not be read."
            notes = (*notes, note)
        return replace(plan, notes=(*notes, *plan.notes))

    async def _offered(
        self, destination: Inventory
    ) -> tuple[Mapping[str, str | None] | None, tuple[str, ...]]:
        """Return the destination's models, None where they cannot be told, and why not."""
        try:
            models = await self._destination.models()
        except AuthenticationError as error:
            return None, (f"The models were not checked: {error.message}",)
        if models is None and destination.capabilities.lists_models:
            note = f"{destination.info.name} does not say which models it offers; not checked."
            return None, (note,)
        return models, ()

    def inventories(self) -> tuple[Inventory, Inventory]:
        """Return what `plan` read."""
        assert self._inventories is not None  # noqa: S101 - plan() comes first
        return self._inventories

    def state(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return fingerprints of all that the plan depends on, in the source and there."""
        source, destination = (one.state() for one in self.inventories())
        if self._packed is not None and self._packed.luggage is not None:
            plan, luggage = self._packed.linker.plan, self._packed.luggage
            files, stores = plan.files, plan.stores
            source |= luggage.held.state(
                [s.source_id for s in files], [s.source_id for s in stores]
            )
            destination |= luggage.there.state(
                [s.destination_id for s in files if s.destination_id],
                [s.destination_id for s in stores if s.destination_id],
            )
        return source, destination

    async def gather(self) -> tuple[Inventory, Inventory]:
        """Read both places and return what they hold; raises UsageError for one place twice."""
        if self.request.output_dir is not None:
            self._recalled = recall(
                self.request.output_dir,
                self._source.info,
                self._destination.info,
                required=self.request.identity is Identity.MAPPING,
            )
            self._recalled.assistants |= self._adopted[0]
            self._recalled.stores |= self._adopted[1]
            self._recalled.files |= self._adopted[2]
        found = await gather_both(
            self._source,
            self._destination,
            known=self._recalled.assistants.values(),
            on_page=lambda place, count: self._listener(Read(place, count)),
        )
        self._require_different(*found)
        self._inventories = found
        # What is gone is not asked for again.
        there = found[1].by_id()
        pairs = self._recalled.assistants.items()
        self._recalled.assistants = {one: copy for one, copy in pairs if copy in there}
        found = await self._furnish(found)
        if self.request.carried.wanted:
            self._packed = await pack(
                self._source,
                self._destination,
                found,
                self._options(),
                self.request.carried,
                self._recalled,
                finisher=unstoppable(self._destination),
                closer=unstoppable(self._source),
                originals=self._originals,
                spool=self.request.output_dir,
                listener=self._listener,
            )
            self._forget_gone()
        return found

    async def apply(
        self, plan: Plan, recorder: Recorder | None = None, listener: Listener = silent
    ) -> RunResult:
        """Carry out the plan and return what happened; one more listener hears of it."""
        _, destination = self.inventories()
        await self._discard_containers()
        hosting, ended = None, unstoppable(self._destination)
        if self._destination.environments is not None and ended.environments is not None:
            hosting = Hosting(
                self._destination.environments,
                ended.environments,
                self._environments,
                self.request.settle,
            )
        return await apply_plan(
            plan,
            self._destination,
            before=destination.by_id(),
            concurrency=self.request.concurrency,
            luggage=self._packed.luggage if self._packed else None,
            stop=self._stop,
            finisher=ended,
            settle=self.request.settle,
            recorder=recorder,
            hosting=hosting,
            listener=both(self._listener, listener),
        )

    def stop(self) -> None:
        """Let the writes in flight end and begin no new ones."""
        self._stop.set()

    def _forget_gone(self) -> None:
        """Forget copies that the destination no longer has, so that nobody asks for them again."""
        if self._packed is not None and self._packed.luggage is not None:
            there, recalled = self._packed.luggage.there, self._recalled
            pairs = recalled.files.items()
            recalled.files = {one: copy for one, copy in pairs if copy in there.files}
            pairs = recalled.stores.items()
            recalled.stores = {one: copy for one, copy in pairs if copy in there.stores}

    @property
    def recalled(self) -> Recalled:
        """What earlier runs into the output directory left."""
        return self._recalled

    def _options(self) -> PlanOptions:
        return PlanOptions(
            selection=self.request.selection,
            identity=self.request.identity,
            known=self._recalled.assistants,
            ignore=self.request.ignore,
            check_models=self.request.check_models,
            same_place=self._same_place,
            tailoring=self.request.tailoring(self._today),
            strict=self.request.strict,
            environments=self._left_behind,
        )

    async def _furnish(self, found: tuple[Inventory, Inventory]) -> tuple[Inventory, Inventory]:
        """Return the inventories, agents' environments read into them, as far as they matter."""
        self._environments = {}
        if not (self.request.carried.code_interpreter or self.request.prune.wanted):
            return found
        here, there = await together(
            read_environments(self._source), read_environments(self._destination)
        )
        self._environments, self._left_behind = there, here
        found = furnished(found[0], here), furnished(found[1], there)
        self._inventories = found
        return found

    def _adopt(self, plan: Plan) -> bool:
        """Recognise what an interrupted run created; tell whether anything was found."""
        luggage = self._packed.luggage if self._packed else None
        there = luggage.there if luggage else None
        assistants, stores = dict[str, str](), dict[str, str]()
        if self.request.identity is Identity.MAPPING:  # else markers tell
            assistants, stores = adopted(plan, self._recalled, self.inventories()[1], there)
        found = (assistants, stores, adopted_files(plan, self._recalled, there))
        for known, fresh in zip(self._adopted, found, strict=True):
            known.update(fresh)
        return any(found)

    async def _prune(self, plan: Plan) -> Plan:
        """Return the plan with what has lost its original; raises SelectionError for too much."""
        source, destination = self.inventories()
        records = self._recalled.records()
        gone: list[Assistant] = []
        originals = {copy: one for one, copy in records.assistants.items()}
        for one in orphans(source, destination, records):
            try:
                await self._source.retrieve(originals[one.id])  # a list may not show everything
            except MissingError:
                gone.append(one)
        holdings, needed = None, set[str]()
        condemned = self._recalled.condemned
        if self._packed is not None and self._packed.luggage is not None:
            there = self._packed.luggage.there
            condemned = condemned & (
                there.stores.keys() | there.files.keys() | self._environments.keys()
            )
        if self.request.knowledge.wanted and self._destination.knowledge is not None:
            if gone or condemned:
                holdings = await everything_held(self._destination.knowledge)
            if (carried := plan.knowledge) is not None:
                needed = {s.destination_id for s in carried.files if s.destination_id}
                needed |= {s.destination_id for s in carried.stores if s.destination_id}
        pruning = plan_pruning(
            gone,
            source,
            destination,
            records,
            holdings,
            needed,
            condemned,
            self._environments,
        )
        require_few(pruning, most=self.request.prune.most, force=self.request.prune.force)
        notes = plan.notes
        if pruning.unproven:
            note = (
                f"{pruning.unproven} clones in {destination.info.name} have no original in "
                f"{source.info.name}, and no record tells that they came from there; they stay."
            )
            notes += (note,)
        return replace(plan, deletions=pruning.deletions, notes=notes)

    async def _discard_containers(self) -> None:
        """Delete what a killed run left in the source."""
        if self._source.knowledge is not None:
            for container in self._recalled.containers:
                await self._source.knowledge.delete_container(container)

    def _require_different(self, source: Inventory, destination: Inventory) -> None:
        """Recognise one project under two keys: it holds the same ids."""
        if not (source.capabilities.remote and destination.capabilities.remote):
            return
        same_server = source.info.home == destination.info.home
        both = source.by_id().keys() & destination.by_id().keys()
        shared = {i for i in both if same_server or len(i) >= RANDOM}
        if shared and self.request.allow_same:
            self._same_place = True
        elif shared:
            raise UsageError(
                f"{source.info.name} and {destination.info.name} are the same project: both hold "
                f"{min(shared)}.",
                hint="Check the keys; --allow-same clones within a project on purpose.",
            )


@asynccontextmanager
async def open_job(
    request: Request,
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    listener: Listener = silent,
    both_exist: bool = False,
) -> AsyncIterator[Job]:
    """Open both places for a replication and close them afterwards; raises UsageError.

    With `both_exist`, a destination that is not there yet is an error, too.
    """
    if request.identity is Identity.MAPPING and request.output_dir is None:
        raise UsageError("Identity is to be kept in mapping.json: that needs an output directory.")
    stop = stop or asyncio.Event()
    heard = both(listener, log_events)
    places = Places(settings, rate=request.rate, stop=stop, on_wait=heard, policy=request.retry)
    same = places.same(request.source, request.destination)
    if same and not request.allow_same:
        raise UsageError(
            f"Source and destination are the same place: {request.source}.",
            hint="--allow-same clones within a project on purpose.",
        )
    try:
        source = places.open(request.source, must_exist=True)
        destination = places.open(request.destination, must_exist=both_exist)
        if destination.capabilities.read_only and not both_exist:
            raise UsageError(
                f"{destination.info.name} is a {destination.info.platform}, which can only be "
                "copied from.",
                hint="Give another path for the copies.",
            )
        yield Job(request, source, destination, same_place=same, stop=stop, listener=heard)
    finally:
        collector.release()
        await places.aclose()
