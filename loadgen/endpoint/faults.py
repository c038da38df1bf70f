"""Faults on demand, so that a tester can rehearse an outage: delays, 500s, drops, stalls, 403 and 404 periods.

Rule: what happens to the n-th request depends on the seed and on n alone (periods: on the time since the faults were
set), so a rehearsal can be repeated. Shares are probabilities per request and exclude one another.
"""

from __future__ import annotations

import random
import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, structs

from loadgen.errors import EndpointError
from loadgen.model import Noun

Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=0, le=86_400_000)]


class Latency(Noun, forbid_unknown_fields=True):
    """Added before the answer, in milliseconds; no draw is below 0."""

    kind: Literal["constant", "uniform", "normal", "lognormal", "exponential"] = "constant"
    first: Amount = 0.0  # constant: value; uniform: least; normal, exponential: mean; lognormal: median
    second: Amount = 0.0  # uniform: most; normal: standard deviation; lognormal: sigma of the logarithm

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


class Period(Noun, forbid_unknown_fields=True):
    """All requests get `status` from `start` to `end` seconds after the faults were set."""

    status: Literal[403, 404, 429, 500]
    start: Annotated[float, Meta(ge=0)]
    end: Annotated[float, Meta(ge=0)]


class Faults(Noun, forbid_unknown_fields=True):
    """What goes wrong; by default nothing."""

    latency: Latency = Latency()
    errors: Share = 0.0  # answered 500 InternalServerException
    drops: Share = 0.0  # connection closed before the request was looked at
    lost_answers: Share = 0.0  # handled and kept, then the connection closed without an answer
    stalls: Share = 0.0  # answered `stall_seconds` late
    stall_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 30.0
    periods: tuple[Period, ...] = ()
    operations: tuple[str, ...] = ("PutRumEvents",)  # which operations are hit; empty: all
    seed: int = 0


class Blow(Noun):
    """What hits one request."""

    delay: float = 0.0  # seconds
    status: int | None = None
    drop: Literal["", "before", "after"] = ""


NO_BLOW = Blow()


class FaultLine:
    """Draws blows from one setting of faults."""

    def __init__(self, faults: Faults, now: float) -> None:
        self.faults = faults
        self._since = now
        self._source = random.Random(faults.seed)
        self._quiet = structs.replace(faults, seed=0, operations=Faults().operations) == Faults()

    def next(self, operation: str, now: float) -> Blow:
        """The blow for a request to `operation` at time `now`."""
        faults = self.faults
        if self._quiet or (faults.operations and operation not in faults.operations):
            return NO_BLOW
        chance = self._source.random()
        delay = faults.latency.draw(self._source)
        elapsed = now - self._since
        for period in faults.periods:
            if period.start <= elapsed < period.end:
                return Blow(delay, period.status)
        return self._struck(chance, delay)

    def _struck(self, chance: float, delay: float) -> Blow:
        """Shares are laid one after the other on [0, 1): one number decides."""
        faults = self.faults
        outcomes = (
            (faults.errors, Blow(delay, status=500)),
            (faults.drops, Blow(delay, drop="before")),
            (faults.lost_answers, Blow(delay, drop="after")),
            (faults.stalls, Blow(delay + faults.stall_seconds)),
        )
        for share, blow in outcomes:
            if chance < share:
                return blow
            chance -= share
        return Blow(delay)


_TERM = re.compile(r"([a-z_0-9]+)=(.+)")
_FORM = (
    "write e.g. errors=0.01,drops=0.005,lost_answers=0.001,stalls=0.01@30,latency=lognormal:80:0.5,403=10-20,404=30-40,"
    "operations=PutRumEvents+GetAppMonitor,seed=7"
)


def parse(text: str) -> Faults:
    """Faults from one line of the command line; raises EndpointError that shows the form."""
    raw: dict[str, Any] = {"periods": []}
    try:
        for term in filter(None, text.replace(" ", "").split(",")):
            if not (match := _TERM.fullmatch(term)):
                raise EndpointError(f"faults: '{term}' has no form name=value; {_FORM}")
            raw |= _parsed(match[1], match[2], raw["periods"])
        return msgspec.convert(raw, Faults)
    except (ValueError, msgspec.ValidationError) as wrong:
        raise EndpointError(f"faults: {wrong}; {_FORM}") from wrong


def _parsed(name: str, value: str, periods: list[dict[str, Any]]) -> dict[str, Any]:
    if name.isdigit():
        start, _, end = value.partition("-")
        return {"periods": [*periods, {"status": int(name), "start": float(start), "end": float(end)}]}
    match name:
        case "latency":
            kind, *numbers = value.split(":")
            return {"latency": {"kind": kind, **dict(zip(("first", "second"), map(float, numbers), strict=False))}}
        case "stalls":
            share, _, seconds = value.partition("@")
            return {"stalls": float(share)} | ({"stall_seconds": float(seconds)} if seconds else {})
        case "operations":
            return {"operations": [] if value == "all" else value.split("+")}
        case "seed":
            return {"seed": int(value)}
        case _:
            return {name: float(value)}
