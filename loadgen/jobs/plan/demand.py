"""The demand of one monitor: first attempts over time, which its visitors' clients send before any retry.

Rule: either every session of a run was planned, or a sample represents all of them. A sample's sessions are placed at
the run's own arrival times; each arrival gets a sampled session from the same part of the run, so that changes over the
run show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from loadgen.jobs.plan.batch_profile import BatchProfile, FirstAttempts
from loadgen.jobs.plan.double_sampling import count_parts
from loadgen.jobs.plan.figures import PlannedLoad, PlanWindow, RateSpread
from loadgen.scenario import Client, Scenario
from loadgen.traffic import Floats, Ints

CHUNK = 16_384  # arrivals that are placed together
SLOTS = (0.1, 0.5, 1.0, 2.0)  # seconds; each divides 2 s, the web client's shortest delay before a retry
MOST_SLOTS = 1_500_000


class LoadBySecond(NamedTuple):
    """The first attempts that are due in each second of the run, as counts and bytes."""

    sessions: Ints
    requests: Ints
    events: Ints
    wire_bytes: Ints
    raw_bytes: Ints
    preflights: Ints  # browsers' CORS requests, not among `requests`

    def measure_window(self, name: str, start: float, end: float) -> PlanWindow:
        """Measure the load that is due in a window of the run, from `start` to `end` in seconds from its zero."""
        rows = slice(int(start), max(int(np.ceil(end)), int(start) + 1))
        columns = (self.requests, self.events, self.wire_bytes, self.raw_bytes)
        spreads = (_measure_spread(column[rows], end - start) for column in columns)
        return PlanWindow(name, start, end, int(self.sessions[rows].sum()), *spreads)


def _measure_spread(column: Ints, length: float) -> RateSpread:
    """Return mean (over `length` seconds), percentiles and peak of a column of counts by second."""
    if not len(column):
        return RateSpread(0.0, 0.0, 0.0, 0.0)
    p95, p99 = np.quantile(column, (0.95, 0.99)).tolist()
    return RateSpread(float(column.sum()) / length, p95, p99, float(column.max()))


class LoadBySlot(NamedTuple):
    """The first attempts that are due in each short slot; fetches may be retried, beacons are not."""

    length: float  # seconds
    fetches: Ints
    beacons: Ints
    fetch_events: Ints
    beacon_events: Ints


class Demand(NamedTuple):
    """One monitor's first attempts: totals, by second, by slot, and, if known, one by one."""

    client: Client
    duration: float  # seconds
    totals: PlannedLoad
    seconds: LoadBySecond
    slots: LoadBySlot
    attempts: FirstAttempts | None  # in order of due time; None: a sample represents the sessions


def choose_slot_length(duration: float) -> float | None:
    """Return the shortest slot (seconds) with which a run of this length fits into memory; None if no slot does."""
    return next((length for length in SLOTS if duration / length <= MOST_SLOTS), None)


def measure_demand(scenario: Scenario, profile: BatchProfile) -> Demand:
    """Compute the exact demand of a run from the profile of all its sessions."""
    counter = LoadCounter(scenario.duration)
    sent = counter.add(profile.starts, profile.attempts)
    generated, not_sampled, over, dropped = (int(figure) for figure in profile.counts.sum(axis=0))
    totals = counter.sum_up(
        generated=generated,
        not_sampled=not_sampled,
        over_session_limit=over,
        dropped_by_client=dropped,
        unsent=int(profile.attempts.events.sum()) - int(sent.events.sum()),
    )
    return Demand(scenario.client, scenario.duration, totals, counter.seconds, counter.slots, sent.sort_by_due())


def extrapolate_demand(scenario: Scenario, profile: BatchProfile, starts: Floats, keep: float, seed: int) -> Demand:
    """Estimate the demand of a run from the profile of a sample of its sessions.

    Args:
        scenario: The scenario of the run.
        profile: The sample's batches at sample rate 1.
        starts: When each session of the run starts, in seconds.
        keep: The probability with which a client session is recorded.
        seed: The seed of the random choice of sessions from the sample.
    """
    counter, unsent = LoadCounter(scenario.duration), 0
    for at, attempts in place_sample(profile, starts, keep, np.random.default_rng([seed, 1])):
        sent = counter.add(at, attempts)
        unsent += int(attempts.events.sum()) - int(sent.events.sum())
    generated, _, over, dropped = (np.average(profile.counts, axis=0, weights=profile.weights) * len(starts)).tolist()
    generated, over, dropped = round(generated), round(over * keep), round(dropped * keep)
    sent_events = int(counter.seconds.events.sum())
    not_sampled = max(generated - over - dropped - unsent - sent_events, 0) if keep < 1 else 0
    totals = counter.sum_up(
        generated=not_sampled + over + dropped + unsent + sent_events,
        not_sampled=not_sampled,
        over_session_limit=over,
        dropped_by_client=dropped,
        unsent=unsent,
    )
    return Demand(scenario.client, scenario.duration, totals, counter.seconds, counter.slots, None)


def coarsen_slots(demand: Demand) -> Demand:
    """Return the demand by slots of one second, or as it is if its slots are longer; single requests are dropped."""
    slots = demand.slots
    merged = max(round(1 / slots.length), 1)  # slots that become one
    size = -(-len(slots.fetches) // merged) * merged
    columns = (np.pad(column, (0, size - len(column))).reshape(-1, merged).sum(axis=1) for column in slots[1:])
    return demand._replace(slots=LoadBySlot(slots.length * merged, *columns), attempts=None)


def thin_demand(demand: Demand, keep: float, seed: int) -> Demand:
    """Return about the demand with only the share `keep` of the sessions recorded, by dropping requests at random."""
    if keep == 1:
        return demand._replace(attempts=None)
    stream = np.random.default_rng([seed, 2])
    slots, seconds, totals = demand.slots, demand.seconds, demand.totals
    requests = stream.binomial(seconds.requests, keep)
    return demand._replace(
        totals=msgspec.structs.replace(
            totals,
            requests=int(requests.sum()),
            **{name: round(getattr(totals, name) * keep) for name in ("events", "unsent", "preflights")},
        ),
        seconds=seconds._replace(requests=requests),
        slots=LoadBySlot(slots.length, *(stream.binomial(column, keep) for column in slots[1:])),
        attempts=None,
    )


def sum_by_second(demands: Sequence[Demand]) -> LoadBySecond:
    """Return the load of all monitors together in each second."""
    size = max(len(demand.seconds.requests) for demand in demands)

    def add_up(columns: Sequence[Ints]) -> Ints:
        whole = np.zeros(size, dtype=np.int64)
        for column in columns:
            whole[: len(column)] += column
        return whole

    return LoadBySecond(*(add_up(columns) for columns in zip(*(demand.seconds for demand in demands), strict=True)))


def place_sample(
    profile: BatchProfile, starts: Floats, keep: float, stream: np.random.Generator
) -> Iterator[tuple[Floats, FirstAttempts]]:
    """Yield arrival times of the run, CHUNK at a time, and the attempts of the sampled sessions placed there."""
    offset = profile.attempts.due - np.repeat(profile.starts, profile.batches_per_session)
    most_client_sessions = int(profile.client_session.max(initial=0)) + 1
    chosen = choose_sessions(profile, len(starts), stream)
    for first in range(0, len(starts), CHUNK):
        at, pick = starts[first : first + CHUNK], chosen[first : first + CHUNK]
        size = profile.batches_per_session[pick]
        arrival = np.repeat(np.arange(len(at)), size)
        row = np.arange(len(arrival)) - np.repeat(np.cumsum(size) - size, size) + profile.begins[pick][arrival]
        if keep < 1:
            kept = stream.random((len(at), most_client_sessions))[arrival, profile.client_session[row]] < keep
            arrival, row = arrival[kept], row[kept]
        yield at, profile.attempts.select(row)._replace(due=at[arrival] + offset[row])


def choose_sessions(profile: BatchProfile, arrivals: int, stream: np.random.Generator) -> Ints:
    """Choose a session of the sample for each arrival, from the same part of the run.

    A session is chosen in proportion to its weight, up to rounding; for all sessions with the same number of batches
    together, the proportion holds up to rounding too.
    """
    sample = profile.sessions
    if sample == arrivals:
        return np.arange(arrivals)
    parts = count_parts(sample)
    order = np.lexsort((profile.batches_per_session, np.arange(sample) * parts // sample))
    upto = np.cumsum(np.ones(sample) if profile.weights is None else profile.weights[order])
    place = np.searchsorted(upto, (np.arange(arrivals) + 0.5) * (upto[-1] / arrivals), side="right")
    chosen: Ints = order[place]
    for part in np.array_split(chosen, parts):
        stream.shuffle(part)
    return chosen


class LoadCounter:
    """A counter of sessions and first attempts by second and by slot."""

    def __init__(self, duration: float) -> None:
        self.duration = duration
        length = choose_slot_length(duration) or SLOTS[-1]
        seconds, slots = max(int(np.ceil(duration)), 1), int(np.ceil(duration / length)) + 1
        self.seconds = LoadBySecond(*(np.zeros(seconds, dtype=np.int64) for _ in LoadBySecond._fields))
        self.slots = LoadBySlot(length, *(np.zeros(slots, dtype=np.int64) for _ in LoadBySlot._fields[1:]))

    def add(self, starts: Floats, attempts: FirstAttempts) -> FirstAttempts:
        """Count sessions and attempts; return the attempts that are due before the run's end."""
        sent = attempts.select(attempts.due < self.duration)
        second, slot = sent.due.astype(np.int64), (sent.due / self.slots.length).astype(np.int64)
        _add_counts(self.seconds.sessions, starts.astype(np.int64))
        _add_counts(self.seconds.requests, second)
        _add_counts(self.seconds.events, second, sent.events)
        _add_counts(self.seconds.wire_bytes, second, sent.wire_bytes)
        _add_counts(self.seconds.raw_bytes, second, sent.raw_bytes)
        _add_counts(self.seconds.preflights, second[sent.preflight])
        for chosen, number, events in (
            (~sent.beacon, self.slots.fetches, self.slots.fetch_events),
            (sent.beacon, self.slots.beacons, self.slots.beacon_events),
        ):
            _add_counts(number, slot[chosen])
            _add_counts(events, slot[chosen], sent.events[chosen])
        return sent

    def sum_up(self, **not_sent: int) -> PlannedLoad:
        """Return the totals of the counted load, with the given counts of events that are not sent."""
        return PlannedLoad(**not_sent, **{name: int(each.sum()) for name, each in self.seconds._asdict().items()})


def _add_counts(into: Ints, place: Ints, weight: Ints | None = None) -> None:
    """Add 1 or the weight to `into` at each place; no more of `into` than needed is touched."""
    if place.size:
        first, last = int(place.min()), int(place.max())
        counted = np.bincount(place - first, weight, last - first + 1)
        into[first : last + 1] += np.rint(counted).astype(np.int64)
