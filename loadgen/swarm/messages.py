"""The messages between conductor and workers: objects as msgpack in the data of Locust's messages.

`WorkerShare` is a worker's share of a run as the master sends it, so a worker needs no file of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import gevent
import msgspec

from loadgen import wire
from loadgen.model import Noun
from loadgen.results import EventCounts, IntervalReport, RunSpec
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Job, Monitored

SHARE, SECOND, DONE, STOP = "loadgen_share", "loadgen_second", "loadgen_done", "loadgen_stop"

LEFT = "it was told to leave before its end"
"""The stop reason of a worker that SIGTERM ended: nobody sends the rest of its share."""

N = TypeVar("N", bound=Noun)


class Done(Noun):
    """The last message of a worker: its final event counts, and how its share ended."""

    index: int
    tallies: tuple[EventCounts, ...]  # one for each app monitor
    stop_reason: str | None = None
    failure: str | None = None  # what it could not do, such as "could not start: …"
    stopped_at: float | None = None  # seconds from the run's zero to an early stop; None: it went to the end

    @property
    def is_cut(self) -> bool:
        """Whether a part of the worker's share was not sent although the run went on."""
        return self.stop_reason == LEFT or self.failure is not None

    def describe_cut(self, workers: int) -> list[str]:
        """Return lines on a worker, one of so many, that has not sent its whole share."""
        name, lines = f"worker {self.index} of {workers}", []
        if self.stop_reason == LEFT:
            at = f"after {self.stopped_at or 0.0:.0f} s"
            lines.append(f"{name} was told to leave {at}: its share was not sent whole")
        if self.failure:
            lines.append(f"{name} {self.failure}")
        return lines


class Stop(Noun):
    """The conductor's message to stop sending."""

    reason: str


def report_seconds(engine: Engine, second: Callable[[IntervalReport], None], done: Callable[[Done], None]) -> None:
    """Call `second` with the engine's report of each second, and at the end `done` with the last message."""
    waiting = gevent.spawn(engine.wait_until_over)
    place = 0
    while not waiting.ready():
        waiting.join(timeout=max(place + 1 - engine.now(), 0.01))
        if engine.now() >= place + 1 or waiting.ready():
            second(engine.measure(place))
            place = max(place + 1, int(engine.now()))
    done(Done(engine.worker, waiting.get(), engine.stop_reason, engine.failure, engine.stopped_at))


def pack(noun: Noun) -> dict[str, bytes]:
    """Encode an object as the data of a Locust message."""
    return {"noun": msgspec.msgpack.encode(noun)}


def unpack(data: dict[str, bytes], kind: type[N]) -> N:
    """Decode the object in the data of a Locust message."""
    return msgspec.msgpack.decode(data["noun"], type=kind)


def identify_machine() -> str:
    """Return an id of this machine since its boot: processes with the same id share files. "" where it is not known."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.is_file() else ""


class WorkerShare(Noun):
    """A worker's share of a run: the sessions whose index is `index` modulo `of`."""

    index: int
    of: int
    zero: float  # Unix time of the run's zero
    spec: RunSpec
    spool: str | None = None  # path of the file for its records, on the conductor's machine
    machine: str = ""  # id of the conductor's machine; "": not known
    ahead: float = 0.0  # seconds by which the worker's clock is ahead of the conductor's

    @property
    def max_events(self) -> int | None:
        """This worker's part of --max-events; the parts add up to it. None: no limit."""
        budget = self.spec.max_events
        return None if budget is None else budget // self.of + (self.index < budget % self.of)

    @property
    def job(self) -> Job:
        """The job of this worker's engine."""
        spec = self.spec
        return Job(aim_at_monitors(spec), self.zero, spec.factor, self.max_events, self.index, self.ahead, spec.accept)


def aim_at_monitors(spec: RunSpec) -> tuple[Monitored, ...]:
    """Return for each app monitor its scenario, its destination, and whether its requests are signed."""
    dialect = wire.DIALECTS[spec.dialect]
    return tuple(
        Monitored(
            scenario,
            wire.Destination.for_scenario(scenario, to.id, spec.url, dialect=dialect),
            scenario.client.signing and not spec.unsigned,
        )
        for scenario, to in zip(spec.scenarios, spec.monitors, strict=True)
    )
