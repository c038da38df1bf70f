"""Shapes → the load of first attempts over time: what one monitor's visitors mean to send.

Rule: all sessions of a run were rehearsed, or a sample of them stands for the rest. A sample's sessions are put at the
run's own arrival times, each arrival taking one that the sample holds near it, so that what changes over a run shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from loadgen.jobs.plan.batch_profile import Shapes
from loadgen.scenario import Client
from loadgen.traffic import Bools, Floats, Ints

CHUNK = 16_384  # arrivals that are put together at a time
NEAR = 0.05  # how far an arrival looks for its shape, as a part of the sample
FEWEST = 500  # but at least so many sessions
SLOTS = (0.1, 0.5, 1.0, 2.0)  # seconds; each divides the web client's 2 s
MOST_SLOTS = 1_500_000


class Attempts(NamedTuple):
    """First attempts as columns."""

    due: Floats  # seconds from the run's zero
    events: Ints
    raw_bytes: Ints
    wire_bytes: Ints
    beacon: Bools

    def where(self, kept: Bools | Ints) -> Attempts:
        """Some of the rows."""
        return Attempts(
            self.due[kept], self.events[kept], self.raw_bytes[kept], self.wire_bytes[kept], self.beacon[kept]
        )

    def sorted(self) -> Attempts:
        """In the order of their due times."""
        return self.where(np.argsort(self.due, kind="stable"))


class Seconds(NamedTuple):
    """What is due in each second of the run."""

    sessions: Ints
    requests: Ints
    events: Ints
    wire_bytes: Ints
    raw_bytes: Ints


class Slots(NamedTuple):
    """The same in short slots, those that the client may retry apart from beacons."""

    length: float  # seconds
    fetches: Ints
    beacons: Ints
    fetch_events: Ints
    beacon_events: Ints


class Totals(NamedTuple):
    """A run's first attempts; generated = not sampled + over the limit + dropped + unsent + events."""

    sessions: int
    generated: int
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int
    unsent: int
    events: int
    requests: int
    wire_bytes: int
    raw_bytes: int


class Demand(NamedTuple):
    """One monitor's first attempts."""

    monitor: str
    client: Client
    duration: float  # seconds
    totals: Totals
    seconds: Seconds
    slots: Slots
    attempts: Attempts | None  # each one in order, when the run is rehearsed whole


def slot_length(duration: float) -> float | None:
    """The finest slot with which a run of this length fits into memory; None when none does."""
    return next((length for length in SLOTS if duration / length <= MOST_SLOTS), None)


def whole(monitor: str, client: Client, duration: float, shapes: Shapes) -> Demand:
    """The demand of a run all of whose sessions were rehearsed: exact."""
    attempts = Attempts(shapes.due, shapes.events, shapes.raw_bytes, shapes.wire_bytes, shapes.beacon)
    sheet = Sheet(duration)
    sent = sheet.add(shapes.starts, attempts)
    tally = [int(figure) for figure in shapes.tallies.sum(axis=0)]
    totals = sheet.totals(*tally, unsent=int(attempts.events.sum()) - int(sent.events.sum()))
    return Demand(monitor, client, duration, totals, sheet.seconds, sheet.slots, sent.sorted())


def sampled(
    monitor: str, client: Client, duration: float, shapes: Shapes, starts: Floats, keep: float, seed: int
) -> Demand:
    """The demand of a run for which a sample of its sessions stands, each client session kept with probability `keep`.

    The shapes are those at sample rate 1.
    """
    sheet, unsent = Sheet(duration), 0
    for at, attempts in placed(shapes, starts, keep, np.random.default_rng([seed, 1])):
        sent = sheet.add(at, attempts)
        unsent += int(attempts.events.sum()) - int(sent.events.sum())
    generated, _, over, dropped = (shapes.tallies.mean(axis=0) * len(starts)).tolist()
    generated, over, dropped = round(generated), round(over * keep), round(dropped * keep)
    not_sampled = max(generated - over - dropped - unsent - int(sheet.seconds.events.sum()), 0) if keep < 1 else 0
    generated = not_sampled + over + dropped + unsent + int(sheet.seconds.events.sum())
    totals = sheet.totals(generated, not_sampled, over, dropped, unsent=unsent)
    return Demand(monitor, client, duration, totals, sheet.seconds, sheet.slots, None)


def thinned(demand: Demand, keep: float, seed: int) -> Demand:
    """About the same load with only a part of the sessions recorded; the scatter is that of single requests."""
    if keep == 1:
        return demand._replace(attempts=None)
    stream = np.random.default_rng([seed, 2])
    slots, seconds, totals = demand.slots, demand.seconds, demand.totals
    requests = stream.binomial(seconds.requests, keep)
    return demand._replace(
        totals=totals._replace(
            events=round(totals.events * keep), unsent=round(totals.unsent * keep), requests=int(requests.sum())
        ),
        seconds=seconds._replace(requests=requests),
        slots=slots._replace(
            fetches=stream.binomial(slots.fetches, keep),
            beacons=stream.binomial(slots.beacons, keep),
            fetch_events=stream.binomial(slots.fetch_events, keep),
            beacon_events=stream.binomial(slots.beacon_events, keep),
        ),
        attempts=None,
    )


def together(demands: Sequence[Demand]) -> Seconds:
    """The seconds of all monitors, added up."""
    size = max(len(demand.seconds.requests) for demand in demands)

    def added(columns: Sequence[Ints]) -> Ints:
        whole = np.zeros(size, dtype=np.int64)
        for column in columns:
            whole[: len(column)] += column
        return whole

    return Seconds(*(added(columns) for columns in zip(*(demand.seconds for demand in demands), strict=True)))


def placed(
    shapes: Shapes, starts: Floats, keep: float, stream: np.random.Generator
) -> Iterator[tuple[Floats, Attempts]]:
    """The sample's sessions at the run's arrival times, some thousand arrivals at a time."""
    offset = shapes.due - np.repeat(shapes.starts, shapes.sizes)
    most_visits = int(shapes.visit.max(initial=0)) + 1
    for first in range(0, len(starts), CHUNK):
        at = starts[first : first + CHUNK]
        pick = _near(first, len(at), len(starts), shapes.sessions, stream)
        size = shapes.sizes[pick]
        arrival = np.repeat(np.arange(len(at)), size)
        row = np.arange(len(arrival)) - np.repeat(np.cumsum(size) - size, size) + shapes.begins[pick][arrival]
        if keep < 1:
            kept = stream.random((len(at), most_visits))[arrival, shapes.visit[row]] < keep
            arrival, row = arrival[kept], row[kept]
        columns = (shapes.events, shapes.raw_bytes, shapes.wire_bytes, shapes.beacon)
        yield at, Attempts(at[arrival] + offset[row], *(column[row] for column in columns))


def _near(first: int, count: int, arrivals: int, sample: int, stream: np.random.Generator) -> Ints:
    """A session of the sample for each of `count` arrivals, from about the same part of the run."""
    if sample == arrivals:
        return np.arange(first, first + count)
    reach = min(max(int(sample * NEAR), FEWEST), sample - 1)
    pick = np.arange(first, first + count) * sample // arrivals + stream.integers(-reach, reach + 1, count)
    pick = np.abs(pick)
    inside: Ints = np.where(pick >= sample, 2 * (sample - 1) - pick, pick)
    return inside


class Sheet:
    """Adds attempts up by second and by slot."""

    def __init__(self, duration: float) -> None:
        self.duration = duration
        length = slot_length(duration) or SLOTS[-1]
        seconds, slots = max(int(np.ceil(duration)), 1), int(np.ceil(duration / length)) + 1
        self.seconds = Seconds(*(np.zeros(seconds, dtype=np.int64) for _ in Seconds._fields))
        self.slots = Slots(length, *(np.zeros(slots, dtype=np.int64) for _ in Slots._fields[1:]))

    def add(self, starts: Floats, attempts: Attempts) -> Attempts:
        """Count sessions and attempts; those that are due before the run's end."""
        sent = attempts.where(attempts.due < self.duration)
        second, slot = sent.due.astype(np.int64), (sent.due / self.slots.length).astype(np.int64)
        _count(self.seconds.sessions, starts.astype(np.int64))
        _count(self.seconds.requests, second)
        _count(self.seconds.events, second, sent.events)
        _count(self.seconds.wire_bytes, second, sent.wire_bytes)
        _count(self.seconds.raw_bytes, second, sent.raw_bytes)
        for chosen, number, events in (
            (~sent.beacon, self.slots.fetches, self.slots.fetch_events),
            (sent.beacon, self.slots.beacons, self.slots.beacon_events),
        ):
            _count(number, slot[chosen])
            _count(events, slot[chosen], sent.events[chosen])
        return sent

    def totals(self, generated: int, not_sampled: int, over: int, dropped: int, *, unsent: int) -> Totals:
        """The sums, with what never became a request."""
        sums = {name: int(column.sum()) for name, column in self.seconds._asdict().items()}
        return Totals(
            generated=generated,
            not_sampled=not_sampled,
            over_session_limit=over,
            dropped_by_client=dropped,
            unsent=unsent,
            **sums,
        )


def _count(into: Ints, place: Ints, weight: Ints | None = None) -> None:
    """Add ones or weights up at their places, touching no more of `into` than needed."""
    if place.size:
        first, last = int(place.min()), int(place.max())
        counted = np.bincount(place - first, weight, last - first + 1)
        into[first : last + 1] += np.rint(counted).astype(np.int64)
