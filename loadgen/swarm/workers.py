"""What a worker tells the conductor, and how it travels: our nouns as msgpack in Locust's messages.

One worker's share of a run, as it travels from the master: a worker needs no file of its own.

Why a run is not whole, in words: a line for each worker that was lost or cut its share short, and for strangers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import gevent
import msgspec

from loadgen import wire
from loadgen.model import Noun
from loadgen.results import Aggregate, EventCounts, IntervalReport, RunSpec
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Job, Monitored
from loadgen.swarm.locust_private.frames import DroppedFrames

SHARE, SECOND, DONE, STOP = "loadgen_share", "loadgen_second", "loadgen_done", "loadgen_stop"

LEFT = "it was told to leave before its end"
"""Why a worker stopped that was ended by SIGTERM: the rest of its share is not sent by anybody."""

N = TypeVar("N", bound=Noun)


class Done(Noun):
    """A worker's last word."""

    index: int
    tallies: tuple[EventCounts, ...]  # one for each app monitor
    stop_reason: str | None = None
    failure: str | None = None  # what it could not do, such as "could not start: …"
    stopped_at: float | None = None  # seconds from the run's zero, when it was stopped before its end

    @property
    def is_cut(self) -> bool:
        """Whether a part of its share is sent by nobody, though the run was to go on."""
        return self.stop_reason == LEFT or self.failure is not None


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


class WorkerShare(Noun):
    """Every session whose index is `index` modulo `of`."""

    index: int
    of: int
    zero: float  # Unix time of the run's zero
    spec: RunSpec
    spool: str | None = None  # where to keep records, on the conductor's machine
    machine: str = ""
    ahead: float = 0.0  # seconds by which the worker's clock is ahead of the conductor's

    @property
    def max_events(self) -> int | None:
        """This worker's part of the budget of events; the parts add up to it."""
        budget = self.spec.max_events
        return None if budget is None else budget // self.of + (self.index < budget % self.of)

    @property
    def job(self) -> Job:
        """What this worker is to send."""
        spec = self.spec
        return Job(aim_at_monitors(spec), self.zero, spec.factor, self.max_events, self.index, self.ahead, spec.accept)


def aim_at_monitors(spec: RunSpec) -> tuple[Monitored, ...]:
    """What goes to each app monitor, and how it is addressed."""
    target = urlsplit(spec.url)
    prefix = target.path.rstrip("/")
    return tuple(
        Monitored(
            scenario,
            wire.Destination.for_scenario(
                scenario, to.id, target.netloc, prefix=prefix, dialect=wire.DIALECTS[spec.dialect]
            ),
            scenario.client.signing and not spec.unsigned,
        )
        for scenario, to in zip(spec.scenarios, spec.monitors, strict=True)
    )


def describe_loss(measured: Aggregate, index: int, workers: int) -> str:
    """A line on a worker that has not sent its last report."""
    drawn, last = measured.find_progress(index)
    heard = "before it reported anything" if last is None else f"after second {last}, {drawn:,} sessions drawn"
    return f"worker {index} of {workers} was lost {heard}"


def describe_cut(done: Done, workers: int) -> list[str]:
    """Lines on a worker that has sent its last report, and not its whole share."""
    lines = []
    if done.stop_reason == LEFT:
        at = f"after {done.stopped_at or 0.0:.0f} s"
        lines.append(f"worker {done.index} of {workers} was told to leave {at}: its share was not sent whole")
    if done.failure:
        lines.append(f"worker {done.index} of {workers} {done.failure}")
    return lines


def describe_strangers(dropped: DroppedFrames) -> list[str]:
    """A line on what else came to the master's port."""
    if not dropped.count:
        return []
    frames = f"{dropped.count:,} frame(s) on the master's port"
    return [f"{frames} were no message of this run's workers, and were dropped (the last: {dropped.reason})"]
