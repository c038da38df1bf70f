"""Faults that are injected on demand, to rehearse an outage: delays, 500s, drops, stalls, periods of 403 and 404.

Rule: the fault of the n-th request depends on the seed and on n alone (periods: on the time since the faults were set),
so that a rehearsal can be repeated. Shares are probabilities per request and exclude one another.

`parse_faults` reads the text of the option --faults; an error names the wrong term and what to write instead.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from math import isfinite
from typing import Annotated, Any, Literal, NoReturn

from msgspec import Meta, structs

from loadgen.errors import EndpointError
from loadgen.model import Noun
from loadgen.options import Share
from loadgen.rum.service_model import load_service_model

DelayMilliseconds = Annotated[float, Meta(ge=0, le=86_400_000)]


class Latency(Noun, forbid_unknown_fields=True):
    """The distribution of the delay before each answer, in milliseconds; no draw is below 0."""

    kind: Literal["constant", "uniform", "normal", "lognormal", "exponential"] = "constant"
    first: DelayMilliseconds = 0.0  # constant: value; uniform: least; normal, exponential: mean; lognormal: median
    second: DelayMilliseconds = 0.0  # uniform: most; normal: standard deviation; lognormal: sigma of the logarithm

    def draw(self, source: random.Random) -> float:
        """Draw a delay, in seconds."""
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
    """The fault of one request."""

    delay: float = 0.0  # seconds
    status: int | None = None  # answer with this error status, without handling the request
    drop: Literal["", "before", "after"] = ""  # close the connection before or after handling the request


NO_FAULT = InjectedFault()


class FaultInjector:
    """A generator of each request's fault, from one `Faults` and its seed."""

    def __init__(self, faults: Faults, now: float) -> None:
        self.faults = faults
        self._since = now
        self._source = random.Random(faults.seed)
        self._quiet = structs.replace(faults, seed=0, operations=Faults().operations) == Faults()

    def draw_fault(self, operation: str, now: float) -> InjectedFault:
        """Draw the fault of the next request to `operation`, at Unix time `now`."""
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
        """Choose the fault: the shares lie one after another on [0, 1), and `chance` falls into one of them or none."""
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


SHARES = ("errors", "drops", "lost_answers")
LATENCIES = {  # kind: the form of its term in --faults
    "constant": "constant:MS",
    "uniform": "uniform:MIN:MAX",
    "normal": "normal:MEAN:SD",
    "lognormal": "lognormal:MEDIAN:SIGMA",
    "exponential": "exponential:MEAN",
}
STATUSES = (403, 404, 429, 500)
MOST_SECONDS = 86_400.0


def parse_faults(text: str) -> Faults:
    """Read terms between commas, such as `errors=0.01,latency=lognormal:80:0.5,403=10-20`; raises EndpointError."""
    found: dict[str, Any] = {}
    periods: list[FaultPeriod] = []
    for term in filter(None, text.replace(" ", "").split(",")):
        name, _, value = term.partition("=")
        if name.isdigit():
            periods.append(_read_period(term, name, value))
        elif name in READERS:
            found |= READERS[name](term, value)
        else:
            _refuse(term, f"{', '.join(READERS)} or a status, each with = and a value, such as errors=0.01")
    faults = Faults(**found, periods=tuple(periods))
    if (together := faults.errors + faults.drops + faults.lost_answers + faults.stalls) > 1 + 1e-9:
        raise EndpointError(f"faults: the shares add up to {together:g}; write shares that add up to 1 at most")
    return faults


def _refuse(term: str, instead: str) -> NoReturn:
    raise EndpointError(f"faults: {term!r} does not fit; write {instead}")


def _read_number(term: str, text: str, most: float, instead: str) -> float:
    """Return the number in `text`; raises EndpointError unless it is from 0 to `most`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not (isfinite(number) and 0 <= number <= most):
        _refuse(term, instead)
    return number


def _read_share(term: str, value: str) -> dict[str, Any]:
    name = term.partition("=")[0]
    return {name: _read_number(term, value, 1, f"a share from 0 to 1, such as {name}=0.01")}


def _read_stalls(term: str, value: str) -> dict[str, Any]:
    instead = "a share from 0 to 1, and the seconds (at most a day), such as stalls=0.01@30"
    share, at, seconds = value.partition("@")
    stall = {"stall_seconds": _read_number(term, seconds, MOST_SECONDS, instead)} if at else {}
    return {"stalls": _read_number(term, share, 1, instead), **stall}


def _read_latency(term: str, value: str) -> dict[str, Any]:
    kind, *texts = value.split(":")
    form = LATENCIES.get(kind, "")
    if not form or len(texts) != form.count(":"):
        _refuse(term, f"latency={form or ' or '.join(LATENCIES.values())}, in milliseconds")
    numbers = [_read_number(term, text, MOST_SECONDS * 1000, f"latency={form}, in milliseconds") for text in texts]
    if kind == "uniform" and numbers[0] > numbers[1]:
        _refuse(term, f"the lower end first, latency=uniform:{texts[1]}:{texts[0]}")
    return {"latency": Latency(kind, *numbers)}  # type: ignore[arg-type]  # a key of LATENCIES


def _read_operations(term: str, value: str) -> dict[str, Any]:
    names = () if value == "all" else tuple(value.split("+"))
    if unknown := [name for name in names if name not in load_service_model().operations]:
        _refuse(term, f"operations of RUM such as PutRumEvents+GetAppMonitor, or all; {unknown[0]!r} is none")
    return {"operations": names}


def _read_seed(term: str, value: str) -> dict[str, Any]:
    if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        _refuse(term, "a whole number, such as seed=7")
    return {"seed": int(value)}


def _read_period(term: str, name: str, value: str) -> FaultPeriod:
    if int(name) not in STATUSES:
        _refuse(term, f"one of the statuses {', '.join(map(str, STATUSES))}, such as 403=10-20")
    instead = f"seconds from and to, such as {name}=10-20"
    start, end = (_read_number(term, text, float("inf"), instead) for text in value.partition("-")[::2])
    if start >= end:
        _refuse(term, instead)
    return FaultPeriod(int(name), start, end)  # type: ignore[arg-type]  # one of STATUSES


READERS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    **dict.fromkeys(SHARES, _read_share),
    "stalls": _read_stalls,
    "latency": _read_latency,
    "operations": _read_operations,
    "seed": _read_seed,
}
