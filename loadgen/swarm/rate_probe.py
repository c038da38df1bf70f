"""A run that searches for a limit: sessions give the batches, the search says when each is sent.

Rule: the batches of a window are encoded before the window begins, so nothing is drawn while it is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import msgspec

from loadgen import wire
from loadgen.errors import LoadgenError
from loadgen.limit import (
    LIMIT_FILE,
    STEPS_FILE,
    GeneratorLoad,
    LimitSearch,
    RateHold,
    RateWindow,
    SearchStep,
    extend_for_search,
    measure_window,
    search_limit,
)
from loadgen.model import Batch, Result
from loadgen.output import format_json, write_output
from loadgen.planned import planned
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Feeder, Job, merge_in_order
from loadgen.swarm.schedule import ScheduledRequest

LEAD, LOOK, BEAT, MOST_PRIMING, PATIENCE = 0.05, 0.1, 0.02, 60.0, 60.0  # seconds


def prepare_engine(search: LimitSearch, folder: Path, job: Job, seed: int) -> Callable[..., Engine]:
    """Makes the engine of a search when called with Engine's further arguments: how to send, sign and record.

    The search has its run to itself, and sends to the first app monitor alone.
    """
    scenario = extend_for_search(job.scenario)
    job = msgspec.structs.replace(job, monitors=(msgspec.structs.replace(job.monitors[0], scenario=scenario),))
    sessions = merge_in_order([planned(scenario, seed)])
    return partial(Engine, job, sessions, feeder=partial(RateProbe, search, folder))


class RateProbe(Feeder):
    """Feeds the windows of a search in place of sessions, and ends when the limit is found."""

    heeds_switch_off = False  # a window is sent whole, whatever is answered

    def __init__(self, search: LimitSearch, folder: Path, *feeder: Any) -> None:
        super().__init__(*feeder)
        self._search, self._folder = search, folder
        self._results: list[Result] = []
        self._stock = self._encode_batches()
        self._stocked_events = 0  # of batches that are encoded and not yet on the schedule

    def run(self, now: Callable[[], float]) -> None:
        """Search; the steps and the limit go to files in the run's folder."""
        self._now = now
        found: object
        try:
            found = search_limit(self._hold, self._search.conditions, self._search.where, self._write_step)
        except LoadgenError as error:
            found = {"refused": str(error)}
        finally:
            self._stock.close()
            self.account(0, unsent=self._stocked_events)
        write_output(self._folder / LIMIT_FILE, format_json(found))

    def hear(self, results: Sequence[Result]) -> None:
        """Keep what came of the batches of a window."""
        self._results += results

    def _hold(self, rate: float, prime: float | None) -> RateWindow:
        search = self._search
        ready = [next(self._stock) for _ in range(int(rate * (search.settle + search.hold)))]
        if prime is not None:
            self._empty_bucket(prime)
        self._results.clear()
        begin = self._now() + LEAD
        self._schedule_evenly(ready, begin, rate)
        end = begin + search.settle + search.hold
        own = self._wait_and_watch(end)
        while len(self._results) < len(ready) and self._now() < end + PATIENCE:
            gevent.sleep(LOOK)
        hold = RateHold(rate, begin + search.settle, end, search.senders, prime is not None)
        return measure_window(self._results, hold, own)

    def _wait_and_watch(self, end: float) -> GeneratorLoad:
        """Wait for a window's end, and measure how late this process's event loop is meanwhile."""
        begun, used, lags = self._now(), time.process_time(), []
        while (before := self._now()) < end:
            gevent.sleep(BEAT)
            lags.append(self._now() - before - BEAT)
        return GeneratorLoad(tuple(lags), (time.process_time() - used) / max(self._now() - begun, BEAT))

    def _empty_bucket(self, rate: float) -> None:
        """Send until something is throttled."""
        self._results.clear()
        sent, until = 0, self._now() + MOST_PRIMING
        while self._now() < until and not any(result.status == 429 for result in self._results):
            some = [next(self._stock) for _ in range(max(int(rate * LOOK), 1))]
            sent += len(some)
            self._schedule_evenly(some, self._now(), rate)
            gevent.sleep(len(some) / rate)
        while len(self._results) < sent and self._now() < until + PATIENCE:
            gevent.sleep(LOOK)

    def _schedule_evenly(self, batches: list[ScheduledRequest], begin: float, rate: float) -> None:
        for place, due in enumerate(batches):
            at = begin + place / rate
            self._stocked_events -= due.events
            self._meter.offer(at, due.amount)
            self._schedule.put(msgspec.structs.replace(due, at=at))

    def _encode_batches(self) -> Generator[ScheduledRequest, None, None]:
        """Encoded batches, one whenever one is asked for; their events happened just now."""
        for _, (_, plan) in self._sessions:
            self.account(0, sessions=1, **msgspec.structs.asdict(plan.tally))
            left = list(plan.batches)
            try:
                while left:
                    yield self._encode(left.pop(0))
            finally:
                self.account(0, unsent=sum(len(batch.events) for batch in left))
            gevent.sleep(0)

    def _encode(self, batch: Batch) -> ScheduledRequest:
        encoded = wire.encode(batch, self._job.monitors[0].destination, wire.Clock(time.time() - batch.due))
        events = len(batch.events)
        self._stocked_events += events
        slim = msgspec.structs.replace(batch, events=())
        return ScheduledRequest(0.0, slim, events, encoded.request, encoded.raw_bytes, encoded.beacon)

    def _write_step(self, step: SearchStep) -> None:
        with (self._folder / STEPS_FILE).open("ab") as file:
            file.write(msgspec.json.encode(step) + b"\n")
