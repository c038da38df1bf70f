"""The offsets of the workers' clocks, measured by round trips over Locust's messages before the shares are dealt.

Rule: a worker reads its clock between the moment when our ping leaves and the moment when its pong arrives. So the
middle of the two is wrong by at most half of the round trip, and the quickest of several trips is the most exact.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import gevent

from loadgen.model import Noun
from loadgen.swarm.messages import pack, unpack

PING, PONG = "loadgen_ping", "loadgen_pong"
ROUNDS, PATIENCE, LOOK = 7, 1.0, 0.002  # number of trips; seconds for all trips, and between two looks for answers
WORTH_TELLING = 0.1  # seconds; smaller offsets are corrected and not mentioned

SendMessage = Callable[[str, dict[str, bytes], str], Any]  # kind, data, worker


class Trip(Noun):
    """A ping, or its pong with the reading of the worker's clock; Unix times in seconds."""

    left: float  # when the ping left, by our clock
    read: float = 0.0  # when the worker answered, by its clock


class Offset(Noun):
    """How far a worker's clock is ahead of ours, in seconds."""

    ahead: float
    within: float  # the most by which `ahead` may be wrong: half of the round trip

    @property
    def ahead_ms(self) -> float:
        """The offset in milliseconds, rounded to the microsecond."""
        return round(self.ahead * 1000, 3)

    @property
    def known(self) -> float:
        """The seconds to correct by: 0 if the offset is not larger than its error."""
        return self.ahead if abs(self.ahead) > self.within else 0.0


class Clocks:
    """Asks workers for their time and keeps their answers."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._answers: dict[str, list[Offset]] = {}

    def measure(self, send: SendMessage, workers: Collection[str]) -> None:
        """Ping all workers ROUNDS times, and wait for their answers, at most PATIENCE seconds in all."""
        until = self._now() + PATIENCE
        for number in range(1, ROUNDS + 1):
            for worker in workers:
                send(PING, pack(Trip(self._now())), worker)
            while self._now() < until and any(len(self._answers.get(worker, ())) < number for worker in workers):
                gevent.sleep(LOOK)

    def receive_pong(self, worker: str, data: dict[str, bytes]) -> None:
        """Receive a worker's pong."""
        arrived, trip = self._now(), unpack(data, Trip)
        half = (arrived - trip.left) / 2
        self._answers.setdefault(worker, []).append(Offset(trip.read - trip.left - half, half))

    def find_offset(self, worker: str) -> Offset | None:
        """Return a worker's offset by its quickest round trip; None without an answer."""
        return min(self._answers.get(worker, ()), key=lambda offset: offset.within, default=None)


def answer_ping(data: dict[str, bytes]) -> dict[str, bytes]:
    """Return a worker's pong to a ping."""
    trip = unpack(data, Trip)
    return pack(Trip(trip.left, time.time()))


def describe_offset(index: int, offset: Offset | None) -> str | None:
    """Return a line on the clock of worker `index` if it is unknown or far off; else None."""
    if offset is None:
        return f"worker {index} did not answer with its clock: its moments are not corrected"
    if abs(offset.known) < WORTH_TELLING:
        return None
    side = "ahead of" if offset.ahead > 0 else "behind"
    return (
        f"worker {index}'s clock was {abs(offset.ahead):.3f} s {side} ours (± "
        f"{offset.within * 1000:.1f} ms): its moments are corrected"
    )
