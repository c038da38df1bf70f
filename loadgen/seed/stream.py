"""Scenario, seed and length → batches in the order in which they are due, numbered; pure and bounded in memory.

Rule: a batch's number, id and content depend on scenario, seed and length of the past alone, so that every attempt at
it is the same. The past is one leg of sessions; --live chains further legs behind it, each drawn with a seed of its
own, and changes nothing before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import count

import msgspec

from loadgen import client, traffic
from loadgen.model import Batch, Noun, Session
from loadgen.scenario import Scenario

LEG_SECONDS = 7 * 86_400.0
"""Of real time after the past: a week, so that a week's shape repeats."""


class Planned(Noun):
    """A batch and its place among all; the batch's times count from the period's start."""

    number: int
    batch: Batch


def planned(scenario: Scenario, seed: int, seconds: float, live: bool = False) -> Iterator[Planned]:
    """The batches due within the first `seconds`; with `live` all that follow too, without end."""
    waiting: list[tuple[float, int, Batch]] = []
    numbers, order = count(), count()
    for session in _sessions(scenario, seed, seconds, live):
        while waiting and waiting[0][0] <= session.start:
            yield Planned(next(numbers), heappop(waiting)[2])
        for batch in client.plan(session, scenario.client, scenario.monitor.sample_rate).batches:
            # Sent by fetch whatever the page would do: RUM keeps the same, and gzip saves most of the bytes.
            heappush(waiting, (batch.due, next(order), msgspec.structs.replace(batch, beacon=False)))
    while waiting and waiting[0][0] < seconds:
        yield Planned(next(numbers), heappop(waiting)[2])


def _sessions(scenario: Scenario, seed: int, seconds: float, live: bool) -> Iterator[Session]:
    """Sessions in order of start, leg after leg."""
    yield from traffic.sessions(scenario.adjusted(duration=seconds), seed)
    zero = seconds
    for leg in count(1) if live else ():
        some = False
        for session in traffic.sessions(scenario.adjusted(duration=LEG_SECONDS), leg_seed(seed, leg)):
            some = True
            yield msgspec.structs.replace(session, start=zero + session.start)
        if not some:
            return  # arrivals that have ended at rate 0 never come back
        zero += LEG_SECONDS


def leg_seed(seed: int, leg: int) -> int:
    """The seed of a leg after the past."""
    return int.from_bytes(blake2b(f"{seed}/leg/{leg}".encode(), digest_size=7).digest(), "little")


def id_bytes(batch: Batch) -> bytes:
    """The ids of a batch's events, 16 bytes each."""
    return bytes.fromhex("".join([event.id for event in batch.events]).replace("-", ""))
