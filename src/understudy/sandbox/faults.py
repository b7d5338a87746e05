"""Faults: what goes wrong, for which requests, and when. Same seed, same failures.

The text form, as flags take it::

    KIND[=SECONDS[~JITTER]][:WHERE][@CHANCE | #N | #N-M | #N-][xTIMES]

    503:list@0.1            one list call in ten fails
    drop-after:create#3     the third create is executed, its answer lost
    quota:create#10-        from the tenth create on, the quota is used up
    429=2:any@0.2x5         one request in five must wait 2 s, five times at most
    latency=0.1~0.05:list   every list takes 100 to 150 ms longer
    truncated:files.content half of each file that is downloaded
    503:store_files@0.1     one request in ten about files in vector stores fails
"""

import math
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

KINDS = MappingProxyType(
    {
        "latency": "answers SECONDS later (default 0.1), plus up to JITTER",
        "429": "too many requests, with Retry-After: SECONDS (default 1)",
        "429-ms": "too many requests, with retry-after-ms (SECONDS default 0.02)",
        "429-bare": "too many requests, without a word on how long",
        "quota": "429 insufficient_quota",
        "401": "the key is refused",
        "403": "the key may not do this",
        "500": "internal error",
        "502": "bad gateway, in HTML as gateways have it",
        "503": "overloaded",
        "drop-before": "the connection breaks, the request was not executed",
        "drop-after": "the connection breaks, the request was executed",
        "hang": "never answers, the request was not executed",
        "hang-after": "never answers, the request was executed",
        "truncated": "executed, but the answer stops half-way: JSON too early, a file too short",
        "html": "executed, but the answer is an HTML page with status 200",
        "gone": "every /assistants call (or what WHERE names) is a 404, as after a shutdown",
    }
)
#: The kinds of requests to assistants and models, and of those that go nowhere.
PLAIN = ("create", "list", "retrieve", "update", "delete", "models", "other")
#: The kinds of requests in each group; `files.create` is one of them, `files` means all of them.
GROUPS = MappingProxyType(
    {
        "agents": ("create", "list", "retrieve", "update", "delete"),
        "templates": ("create", "list", "retrieve", "update", "delete"),
        "responses": ("create", "retrieve", "delete", "items"),
        "conversations": ("create", "retrieve", "update", "delete"),
        "items": ("create", "list", "retrieve", "delete"),
        "files": ("create", "list", "retrieve", "delete", "content"),
        "uploads": ("create", "part", "complete", "cancel"),
        "stores": ("create", "list", "retrieve", "update", "delete"),
        "store_files": ("create", "list", "retrieve", "update", "delete", "content"),
        "batches": ("create", "retrieve", "list", "cancel"),
        "containers": ("create", "list", "retrieve", "delete"),
        "container_files": ("create", "list", "retrieve", "delete", "content"),
    }
)
REQUESTS = (*PLAIN, *(f"{group}.{deed}" for group, deeds in GROUPS.items() for deed in deeds))
PLACES = ("any", *REQUESTS, *GROUPS)

_DEFAULT_SECONDS = MappingProxyType({"latency": 0.1, "429": 1.0, "429-ms": 0.02})
_NUMBER = r"(?:\d+\.?\d*|\.\d+)"
_FORM = re.compile(
    rf"(?P<kind>[a-z0-9-]+?)(?:=(?P<seconds>{_NUMBER})(?:~(?P<jitter>{_NUMBER}))?)?"
    rf"(?::(?P<where>[a-z_]+(?:\.[a-z]+)?))?"
    rf"(?:@(?P<chance>{_NUMBER})|\#(?P<nth>\d+)(?P<range>-(?P<last>\d*))?)?"
    rf"(?:x(?P<times>\d+))?"
)


def matches(where: str, request: str) -> bool:
    """Tell whether a request of a kind is one that `where` means: a kind, a group, or `any`."""
    return where in ("any", request, request.partition(".")[0])


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: `kind` happens to the requests that `where` and the rest select.

    Requests are counted from 1 among those that match `where`, since the rule was set: `nth`
    alone means that one request, `nth` to `last` a range (`math.inf`: from `nth` on). `chance`
    is drawn per request, `times` bounds how often the rule strikes. Raises `ValueError`.
    """

    kind: str
    where: str = "any"
    nth: int | None = None
    last: float | None = None
    chance: float = 1.0
    times: int | None = None
    seconds: float | None = None
    jitter: float = 0.0

    def __post_init__(self) -> None:
        places, last = ", ".join(PLACES), math.inf if self.last is None else self.last
        for problem, fine in (
            (f"unknown kind {self.kind!r}: choose from {', '.join(KINDS)}", self.kind in KINDS),
            (f"unknown place {self.where!r}: choose from {places}", self.where in PLACES),
            ("requests count from 1", self.nth is None or self.nth >= 1),
            ("a range needs its first request", self.last is None or self.nth is not None),
            ("a range must not end before it starts", (self.nth or 0) <= last),
            ("a chance lies between 0 and 1", 0 <= self.chance <= 1),
            ("a fault strikes at least once", self.times is None or self.times >= 1),
            ("seconds are finite and not negative", 0 <= self.pause + self.jitter < math.inf),
        ):
            if not fine:
                raise ValueError(f"fault {self.kind!r}: {problem}")

    @property
    def pause(self) -> float:
        """Seconds that belong to the kind: a delay, or what Retry-After asks for."""
        return _DEFAULT_SECONDS.get(self.kind, 0.0) if self.seconds is None else self.seconds

    def selects(self, position: int, dice: random.Random) -> bool:
        """Whether the rule means its `position`-th matching request (from 1)."""
        if self.nth is not None:
            return self.nth <= position <= (self.nth if self.last is None else self.last)
        return self.chance >= 1 or dice.random() < self.chance


def parse_fault(text: str) -> Fault:
    """Return the fault that `text` describes (see the top of the file). Raises `ValueError`."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"cannot read the fault {text!r}: write KIND[=SECONDS][:WHERE][@CHANCE|#N|#N-M][xTIMES]"
            f", for instance 503:list@0.1; kinds are {', '.join(KINDS)}"
        )
    part = match.groupdict()
    return Fault(
        kind=part["kind"],
        where=part["where"] or "any",
        nth=int(part["nth"]) if part["nth"] else None,
        last=None if part["range"] is None else float(part["last"] or math.inf),
        chance=float(part["chance"] or 1),
        times=int(part["times"]) if part["times"] else None,
        seconds=float(part["seconds"]) if part["seconds"] else None,
        jitter=float(part["jitter"] or 0),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is in store for one request: a delay in seconds, and at most one fault."""

    delay: float = 0.0
    fault: Fault | None = None


class _Armed:
    """A rule with its counters."""

    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self.seen = self.struck = 0
        self._seed = seed

    def strikes(self, where: str) -> random.Random | None:
        """Dice for the details if the rule strikes this request, else None."""
        fault = self.fault
        if not matches(fault.where, where):
            return None
        self.seen += 1
        # One die per request, so that the outcome depends on the count alone.
        dice = random.Random(f"{self._seed}/{self.seen}")  # noqa: S311 - chance, not secrecy
        spent = fault.times is not None and self.struck >= fault.times
        if spent or not fault.selects(self.seen, dice):
            return None
        self.struck += 1
        return dice


class FaultBook:
    """The rules in force. Every rule counts every request that it could concern."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self._seed = seed
        self._armed: list[_Armed] = []
        self.replace(faults)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The rules in force, in order of precedence."""
        return tuple(armed.fault for armed in self._armed)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Put these rules in force; one that was in force already keeps its counts."""
        kept = {id(armed.fault): armed for armed in self._armed}
        self._armed = [
            kept.get(id(fault)) or _Armed(fault, f"{self._seed}/{place}")
            for place, fault in enumerate(faults)
        ]

    def judge(self, where: str) -> Verdict:
        """Decide on the next request, of the kind `where`; to be asked once per request."""
        delay, chosen = 0.0, None
        for armed in self._armed:
            dice = armed.strikes(where)
            if dice is None:
                continue
            if armed.fault.kind == "latency":
                delay += armed.fault.pause + armed.fault.jitter * dice.random()
            else:
                chosen = chosen or armed.fault
        return Verdict(delay, chosen)
