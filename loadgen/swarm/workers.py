"""What a worker tells the conductor, and how it travels: our nouns as msgpack in Locust's messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import gevent
import msgspec

from loadgen.model import Noun
from loadgen.results import EventCounts, IntervalReport
from loadgen.swarm.engine import Engine

SHARE, SECOND, DONE, STOP = "loadgen_share", "loadgen_second", "loadgen_done", "loadgen_stop"

LEFT = "it was told to leave before its end"
"""Why a worker stopped that was ended by SIGTERM: the rest of its share is not sent by anybody."""

N = TypeVar("N", bound=Noun)


class Done(Noun):
    """A worker's last word."""

    index: int
    tallies: tuple[EventCounts, ...]  # one for each app monitor
    stop_reason: str | None = None
    failure: str | None = None
    stopped_at: float | None = None  # seconds from the run's zero, when it was stopped before its end


class Stop(Noun):
    """The conductor's wish to end the run early."""

    reason: str


def report_seconds(engine: Engine, second: Callable[[IntervalReport], None], done: Callable[[Done], None]) -> None:
    """Hand on what the engine measures, a second at a time, and its last word."""
    last_word = gevent.spawn(engine.wait_until_over)
    place = 0
    while not last_word.ready():
        last_word.join(timeout=max(place + 1 - engine.now(), 0.01))
        if engine.now() >= place + 1 or last_word.ready():
            second(engine.measure(place))
            place = max(place + 1, int(engine.now()))
    done(Done(engine.worker, last_word.get(), engine.stop_reason, engine.failure, engine.stopped_at))


def pack(noun: Noun) -> dict[str, bytes]:
    """A noun as the data of a Locust message."""
    return {"noun": msgspec.msgpack.encode(noun)}


def unpack(data: dict[str, bytes], kind: type[N]) -> N:
    """The noun of a Locust message."""
    return msgspec.msgpack.decode(data["noun"], type=kind)


def identify_machine() -> str:
    """Names the machine since its start: who shares it shares its files (Linux; elsewhere nobody is known to)."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.is_file() else ""
