"""Encode a scenario's batches over a period, numbered in the order in which they are due. Pure, bounded in memory.

Rule: a batch's number, id and content depend on scenario, seed and period alone, so every attempt sends the same bytes.
The past is one leg of sessions; --live adds further legs after it, each drawn with a seed of its own, and changes
nothing before them. Stages, flash crowds and incidents, which happen once, happen in the past leg alone; the rhythm of
days and weeks goes on, at the true hour and weekday.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import count, takewhile

import msgspec

from loadgen import client, traffic, wire
from loadgen.jobs.seed.ledger import BatchEntry
from loadgen.jobs.seed.period import PastPeriod
from loadgen.model import Batch, Noun, Request
from loadgen.planned import PlannedSession, planned
from loadgen.scenario import Scenario

LEG_SECONDS = 86_400.0
"""Length of a leg of --live after the past: a day."""


class EncodedBatch(Noun):
    """A batch ready to be signed and sent, with its entry in the ledger. Every attempt has the same request."""

    entry: BatchEntry
    request: Request
    due: float  # Unix time at which the modelled client sends the batch


def plan_batches(scenario: Scenario, seed: int, period: PastPeriod, live: bool = False) -> Iterator[Batch]:
    """Return the batches that are due within the period, in order; with `live` also all later batches, without end.

    Their times count from the period's start. A batch's number is its place in this order, from 0.
    """
    # Beacons are sent by fetch too: RUM stores the same events, and gzip saves most of the bytes.
    visits = (
        (session.start, [msgspec.structs.replace(batch, beacon=False) for batch in plan.batches])
        for session, plan in _plan_sessions(scenario, seed, period, live)
    )
    in_order = traffic.merge_blocks(visits, lambda batch: batch.due)
    return takewhile(lambda batch: live or batch.due < period.seconds, in_order)


def encode_batch(number: int, batch: Batch, destination: wire.Destination, clock: wire.Clock) -> EncodedBatch:
    """Encode a planned batch, and make its entry for the ledger."""
    stamps = [int(clock.to_unix(batch.start + event.at) + 0.5) for event in batch.events]  # as wire.encode rounds
    entry = BatchEntry(number, batch.id, min(stamps), max(stamps), _join_ids(batch), 0.0)
    return EncodedBatch(entry, wire.encode(batch, destination, clock).request, clock.to_unix(batch.due))


def _plan_sessions(scenario: Scenario, seed: int, period: PastPeriod, live: bool) -> Iterator[PlannedSession]:
    """Yield planned sessions in order of start, leg after leg."""
    yield from planned(place_past(scenario, period), seed)
    zero = period.seconds
    for leg in count(1) if live else ():
        has_sessions = False
        now = place_present(scenario, period.start + zero)
        for session in traffic.draw_sessions(now, derive_leg_seed(seed, leg), only_recordable=True):
            has_sessions = True
            moved = msgspec.structs.replace(session, start=zero + session.start)
            yield moved, client.plan(moved, scenario.client, scenario.monitor.sample_rate)
        if not has_sessions:
            return  # arrivals that have ended at rate 0 never come back
        zero += LEG_SECONDS


def place_past(scenario: Scenario, period: PastPeriod) -> Scenario:
    """Return the scenario stretched or cut to the period, with days and weeks placed as in the calendar."""
    arrivals = scenario.arrivals.place_day(period.start)
    return scenario.model_copy(update={"arrivals": arrivals}).adjust(duration=period.seconds)


def place_present(scenario: Scenario, zero: float) -> Scenario:
    """Return the scenario of a live leg from Unix time `zero` on: the last target holds, and nothing happens once."""
    arrivals = scenario.arrivals
    rate = arrivals.stages[-1].target if arrivals.stages else arrivals.start_rate
    steady = arrivals.model_copy(update={"rate": rate, "stages": (), "flash_crowds": ()})
    quiet = scenario.model_copy(update={"arrivals": steady.place_day(zero), "incidents": ()})
    return quiet.adjust(duration=LEG_SECONDS)


def derive_leg_seed(seed: int, leg: int) -> int:
    """Return the seed of the n-th leg after the past."""
    return int.from_bytes(blake2b(f"{seed}/leg/{leg}".encode(), digest_size=7).digest(), "little")


def _join_ids(batch: Batch) -> bytes:
    """Return the ids of a batch's events, joined, 16 bytes each."""
    return bytes.fromhex("".join([event.id for event in batch.events]).replace("-", ""))
