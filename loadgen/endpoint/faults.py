"""Faults that are injected on demand, to rehearse an outage: delays, 500s, drops, stalls, periods of 403 and 404.

Rule: the fault of the n-th request depends on the seed and on n alone (periods: on the time since the faults were set),
so that a rehearsal can be repeated. Shares are probabilities per request and exclude one another.
"""

from __future__ import annotations

import random
from typing import Annotated, Literal

from msgspec import Meta, structs

from loadgen.model import Noun

Share = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[float, Meta(ge=0, le=86_400_000)]


class Latency(Noun, forbid_unknown_fields=True):
    """Added before the answer, in milliseconds; no draw is below 0."""

    kind: Literal["constant", "uniform", "normal", "lognormal", "exponential"] = "constant"
    first: Milliseconds = 0.0  # constant: value; uniform: least; normal, exponential: mean; lognormal: median
    second: Milliseconds = 0.0  # uniform: most; normal: standard deviation; lognormal: sigma of the logarithm

    def draw(self, source: random.Random) -> float:
        """Seconds."""
        match self.kind:
            case "uniform":
                value = source.uniform(self.first, self.second)
            case "normal":
                value = source.gauss(self.first, self.second)
            case "lognormal":
                value = self.first * source.lognormvariate(0.0, min(self.second, 10.0))
            case "exponential":
                value = source.expovariate(1.0 / self.first) if self.first else 0.0
            case _:
                value = self.first
        return max(0.0, value) / 1000.0


class FaultPeriod(Noun, forbid_unknown_fields=True):
    """All requests get `status` from `start` to `end` seconds after the faults were set."""

    status: Literal[403, 404, 429, 500]
    start: Annotated[float, Meta(ge=0)]
    end: Annotated[float, Meta(ge=0)]


class Faults(Noun, forbid_unknown_fields=True):
    """Which faults are injected; by default none."""

    latency: Latency = Latency()
    errors: Share = 0.0  # answered 500 InternalServerException
    drops: Share = 0.0  # connection closed before the request was looked at
    lost_answers: Share = 0.0  # handled and kept, then the connection closed without an answer
    stalls: Share = 0.0  # answered `stall_seconds` late
    stall_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 30.0
    periods: tuple[FaultPeriod, ...] = ()
    operations: tuple[str, ...] = ("PutRumEvents",)  # which operations are hit; empty: all
    seed: int = 0


class InjectedFault(Noun):
    """What happens to one request."""

    delay: float = 0.0  # seconds
    status: int | None = None
    drop: Literal["", "before", "after"] = ""


NO_FAULT = InjectedFault()


class FaultInjector:
    """Draws the fault of each request from one setting of faults."""

    def __init__(self, faults: Faults, now: float) -> None:
        self.faults = faults
        self._since = now
        self._source = random.Random(faults.seed)
        self._quiet = structs.replace(faults, seed=0, operations=Faults().operations) == Faults()

    def draw_fault(self, operation: str, now: float) -> InjectedFault:
        """The fault of the next request to `operation`, at time `now`."""
        faults = self.faults
        if self._quiet or (faults.operations and operation not in faults.operations):
            return NO_FAULT
        chance = self._source.random()
        delay = faults.latency.draw(self._source)
        elapsed = now - self._since
        for period in faults.periods:
            if period.start <= elapsed < period.end:
                return InjectedFault(delay, period.status)
        return self._draw_share(chance, delay)

    def _draw_share(self, chance: float, delay: float) -> InjectedFault:
        """Shares are laid one after the other on [0, 1): one number decides."""
        faults = self.faults
        outcomes = (
            (faults.errors, InjectedFault(delay, status=500)),
            (faults.drops, InjectedFault(delay, drop="before")),
            (faults.lost_answers, InjectedFault(delay, drop="after")),
            (faults.stalls, InjectedFault(delay + faults.stall_seconds)),
        )
        for share, fault in outcomes:
            if chance < share:
                return fault
            chance -= share
        return InjectedFault(delay)
