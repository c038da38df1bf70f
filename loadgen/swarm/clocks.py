"""How far the workers' clocks stand from ours, by round trips over Locust's messages before the shares are dealt.

Rule: a clock was read somewhere between the ping's leaving and the pong's coming, so the middle is off by half of the
round trip at most; of several trips the quickest tells most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import gevent
import msgspec

from loadgen.model import Noun

PING, PONG = "loadgen_ping", "loadgen_pong"
ROUNDS, PATIENCE, LOOK = 7, 1.0, 0.002  # trips; seconds for all of them, and between two looks
WORTH_TELLING = 0.1  # seconds

Tell = Callable[[str, dict[str, bytes], str], Any]  # kind, data, worker


class Trip(Noun):
    """A ping, or its pong with what the worker's clock said; Unix times."""

    left: float  # our clock
    read: float = 0.0  # theirs


class Offset(Noun):
    """A worker's clock beside ours, in seconds."""

    ahead: float
    within: float  # half of the round trip

    @property
    def ahead_ms(self) -> float:
        """In milliseconds, to the microsecond."""
        return round(self.ahead * 1000, 3)

    @property
    def known(self) -> float:
        """What to correct by: nothing where it cannot be told from nothing."""
        return self.ahead if abs(self.ahead) > self.within else 0.0


class Clocks:
    """Asks workers for their time and keeps the quickest answers."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._answers: dict[str, list[Offset]] = {}

    def ask(self, tell: Tell, workers: Collection[str]) -> None:
        """Ping all workers several times, and wait for their answers, though not for long."""
        until = self._now() + PATIENCE
        for number in range(1, ROUNDS + 1):
            for worker in workers:
                tell(PING, pack_trip(Trip(self._now())), worker)
            while self._now() < until and any(len(self._answers.get(worker, ())) < number for worker in workers):
                gevent.sleep(LOOK)

    def hear(self, worker: str, data: dict[str, bytes]) -> None:
        """A pong has come."""
        came, trip = self._now(), msgspec.msgpack.decode(data["noun"], type=Trip)
        half = (came - trip.left) / 2
        self._answers.setdefault(worker, []).append(Offset(trip.read - trip.left - half, half))

    def of(self, worker: str) -> Offset | None:
        """The best that is known of a worker's clock."""
        return min(self._answers.get(worker, ()), key=lambda offset: offset.within, default=None)


def answer_ping(data: dict[str, bytes]) -> dict[str, bytes]:
    """A worker's pong."""
    trip = msgspec.msgpack.decode(data["noun"], type=Trip)
    return pack_trip(Trip(trip.left, time.time()))


def pack_trip(trip: Trip) -> dict[str, bytes]:
    """As the data of a Locust message."""
    return {"noun": msgspec.msgpack.encode(trip)}


def describe_offset(index: int, offset: Offset | None) -> str | None:
    """A line on a worker's clock, where there is something to say."""
    if offset is None:
        return f"worker {index} did not tell its clock: its moments are as true as the clocks agree"
    if abs(offset.known) < WORTH_TELLING:
        return None
    side = "ahead of" if offset.ahead > 0 else "behind"
    return (
        f"worker {index}'s clock was {abs(offset.ahead):.3f} s {side} ours, give or take "
        f"{offset.within * 1000:.1f} ms: its moments are corrected"
    )
