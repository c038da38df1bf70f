"""A worker whose visits come and go at a constant rate keeps its memory, however long the run lasts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from math import inf
from pathlib import Path

import gevent

from loadgen.model import Request, Response, Result
from loadgen.planned import PlannedSession, planned
from loadgen.results import Aggregate, Recording, RunFolder, Spool
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Job, Monitored, merge_in_order
from tests.swarm.test_engine import DESTINATION, scenario
from tests.swarm.waiting import begin_with

MINUTES = 30  # of scenario time: the run is as fast as the machine, and no figure here depends on how fast that is
REPORT_EVERY = 10  # requests: a report of the run's figures stands for a second of the clock
MOST_BLOCKS = 1.0
"""Of Python's memory that a request may leave behind: the caches' share, which have a bound. A result has several."""


class Receiver:
    """Throttles one request in ten, fails one in fifty, and remembers nothing."""

    def __init__(self) -> None:
        self._number = count()

    def __call__(self, request: Request) -> Response:
        number = next(self._number)
        if request.method == "OPTIONS":
            return Response(204, (("access-control-allow-origin", "*"),))
        return Response(429 if number % 10 == 0 else 500 if number % 50 == 1 else 200)


def measure_growth(folder: Path) -> float:
    """How many blocks of Python's memory a request leaves behind, from minute 10 to minute 29.

    Sessions are drawn in blocks, which are dropped when they are sent: memory is a sawtooth, whose lowest points count.
    """
    shop = scenario().adjust(duration=MINUTES * 60.0)
    minute, sizes = [0.0], list[tuple[float, int, int]]()

    def follow(sessions: Iterator[PlannedSession]) -> Iterator[PlannedSession]:
        for each in sessions:
            minute[0] = each[0].start / 60
            yield each

    kept = RunFolder.ensure(folder)
    job, visits = Job((Monitored(shop, DESTINATION),), time.time(), inf), merge_in_order([follow(planned(shop, 1))])
    engine = Engine(job, visits, begin_with(Receiver()), None, Spool(kept.locate_spool(0)))
    measured = Aggregate((), ("shop",))
    recording = Recording(kept, measured, 0.0)

    numbers = count()

    def report_now_and_then(results: Sequence[Result]) -> None:
        for number, _ in zip(numbers, results, strict=False):
            second, rest = divmod(number, REPORT_EVERY)
            if not rest:
                report = engine.measure(second)
                recording.keep(report)
                measured.add(report)
                recording.settle(second - 2)
                sizes.append((minute[0], number, sys.getallocatedblocks()))

    engine.on_results = report_now_and_then
    gevent.spawn(engine.serve)
    gevent.spawn(engine.wait_until_over).get(timeout=120)
    recording.close()
    early, late = (min((size, number) for at, number, size in sizes if start <= at < start + 8) for start in (10, 21))
    return (late[0] - early[0]) / (late[1] - early[1])


def test_what_a_request_leaves_in_memory_lets_a_run_last(tmp_path: Path) -> None:
    """Measured: 0.18. A run that keeps its results leaves 5."""
    assert measure_growth(tmp_path / "kept") < MOST_BLOCKS
