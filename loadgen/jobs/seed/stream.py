"""Scenario, seed and period → encoded batches in the order in which they are due, numbered. Pure, bounded in memory.

Rule: a batch's number, id and content depend on scenario, seed and period alone, so that every attempt at it is the
same. The past is one leg of sessions; --live chains further legs behind it, each drawn with a seed of its own, and
changes nothing before them. What a scenario lets happen once (stages, flash crowds, incidents) happens in the past and
is over then; the rhythm of days and weeks goes on, at the hour and weekday that it really is.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import count

import msgspec

from loadgen import client, traffic, wire
from loadgen.jobs.seed.ledger import BatchEntry
from loadgen.jobs.seed.options import PastPeriod
from loadgen.model import Batch, Noun, Request
from loadgen.planned import PlannedSession, planned
from loadgen.scenario import Scenario

LEG_SECONDS = 86_400.0
"""Of real time after the past: a day."""


class EncodedBatch(Noun):
    """A batch as it is sent: the request, unsigned and the same on every attempt, and its entry in the ledger."""

    entry: BatchEntry
    request: Request
    due: float  # Unix time at which the client means to send it


def plan_batches(scenario: Scenario, seed: int, period: PastPeriod, live: bool = False) -> Iterator[Batch]:
    """The batches due within the period; with `live` all that follow too, without end.

    Their times count from the period's start. A batch's number is its place among all.
    """
    waiting: list[tuple[float, int, Batch]] = []
    order = count()
    for session, plan in _plan_sessions(scenario, seed, period, live):
        while waiting and waiting[0][0] <= session.start:
            yield heappop(waiting)[2]
        for batch in plan.batches:
            # Sent by fetch whatever the page would do: RUM keeps the same, and gzip saves most of the bytes.
            heappush(waiting, (batch.due, next(order), msgspec.structs.replace(batch, beacon=False)))
    while waiting and waiting[0][0] < period.seconds:
        yield heappop(waiting)[2]


def encode_batch(number: int, batch: Batch, destination: wire.Destination, clock: wire.Clock) -> EncodedBatch:
    """Encode a planned batch."""
    stamps = [int(clock.to_unix(batch.start + event.at) + 0.5) for event in batch.events]  # as wire.encode rounds
    entry = BatchEntry(number, batch.id, min(stamps), max(stamps), _join_ids(batch), 0.0)
    return EncodedBatch(entry, wire.encode(batch, destination, clock).request, clock.to_unix(batch.due))


def _plan_sessions(scenario: Scenario, seed: int, period: PastPeriod, live: bool) -> Iterator[PlannedSession]:
    """Planned sessions in order of start, leg after leg."""
    yield from planned(place_past(scenario, period), seed)
    zero = period.seconds
    for leg in count(1) if live else ():
        some = False
        now = place_present(scenario, period.start + zero)
        for session in traffic.draw_sessions(now, derive_leg_seed(seed, leg), only_recordable=True):
            some = True
            moved = msgspec.structs.replace(session, start=zero + session.start)
            yield moved, client.plan(moved, scenario.client, scenario.monitor.sample_rate)
        if not some:
            return  # arrivals that have ended at rate 0 never come back
        zero += LEG_SECONDS


def place_past(scenario: Scenario, period: PastPeriod) -> Scenario:
    """The scenario stretched or cut to the period, its days and weeks where the calendar has them."""
    arrivals = scenario.arrivals.place_day(period.start)
    return scenario.model_copy(update={"arrivals": arrivals}).adjust(duration=period.seconds)


def place_present(scenario: Scenario, zero: float) -> Scenario:
    """A leg from Unix time `zero` on: what comes once is over, and the last target holds."""
    arrivals = scenario.arrivals
    rate = arrivals.stages[-1].target if arrivals.stages else arrivals.start_rate
    steady = arrivals.model_copy(update={"rate": rate, "stages": (), "flash_crowds": ()})
    quiet = scenario.model_copy(update={"arrivals": steady.place_day(zero), "incidents": ()})
    return quiet.adjust(duration=LEG_SECONDS)


def derive_leg_seed(seed: int, leg: int) -> int:
    """The seed of a leg after the past."""
    return int.from_bytes(blake2b(f"{seed}/leg/{leg}".encode(), digest_size=7).digest(), "little")


def _join_ids(batch: Batch) -> bytes:
    """The ids of a batch's events, 16 bytes each."""
    return bytes.fromhex("".join([event.id for event in batch.events]).replace("-", ""))
