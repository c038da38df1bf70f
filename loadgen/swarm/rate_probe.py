"""The feeder of a search for a limit: the batches come from sessions, their moments from the search.

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
    """Return a function that makes the engine of a search from Engine's remaining arguments: begin, signer, spool.

    A search sends to the first app monitor only.
    """
    scenario = extend_for_search(job.scenario)
    job = msgspec.structs.replace(job, monitors=(msgspec.structs.replace(job.monitors[0], scenario=scenario),))
    sessions = merge_in_order([planned(scenario, seed)])
    return partial(Engine, job, sessions, feeder=partial(RateProbe, search, folder))


class RateProbe(Feeder):
    """A feeder that schedules the windows of a search; it ends when the limit is found."""

    heeds_switch_off = False  # a window is sent completely, whatever the answers

    def __init__(self, search: LimitSearch, folder: Path, *feeder: Any) -> None:
        super().__init__(*feeder)
        self._search, self._folder = search, folder
        self._results: list[Result] = []
        self._stock = self._encode_batches()
        self._stocked_events = 0  # events of batches that are encoded and not yet on the schedule

    def run(self, now: Callable[[], float]) -> None:
        """Search for the limit; write the steps and the result to files in the run's folder."""
        self._now = now
        outcome: object
        try:
            outcome = search_limit(self._hold, self._search.conditions, self._search.where, self._write_step)
        except LoadgenError as error:
            outcome = {"refused": str(error)}
        finally:
            self._stock.close()
            self.account(0, unsent=self._stocked_events)
        write_output(self._folder / LIMIT_FILE, format_json(outcome))

    def receive_results(self, results: Sequence[Result]) -> None:
        """Keep the results of a window's batches."""
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
        """Wait for a window's end; meanwhile measure the lag of this process's event loop and its CPU time."""
        begun, used, lags = self._now(), time.process_time(), []
        while (before := self._now()) < end:
            gevent.sleep(BEAT)
            lags.append(self._now() - before - BEAT)
        return GeneratorLoad(tuple(lags), (time.process_time() - used) / max(self._now() - begun, BEAT))

    def _empty_bucket(self, rate: float) -> None:
        """Send at this rate until a request is throttled, so that the target's token bucket is empty."""
        self._results.clear()
        sent, until = 0, self._now() + MOST_PRIMING
        while self._now() < until and not any(result.status == 429 for result in self._results):
            batches = [next(self._stock) for _ in range(max(int(rate * LOOK), 1))]
            sent += len(batches)
            self._schedule_evenly(batches, self._now(), rate)
            gevent.sleep(len(batches) / rate)
        while len(self._results) < sent and self._now() < until + PATIENCE:
            gevent.sleep(LOOK)

    def _schedule_evenly(self, batches: list[ScheduledRequest], begin: float, rate: float) -> None:
        for place, due in enumerate(batches):
            at = begin + place / rate
            self._stocked_events -= due.events
            self._meter.offer(at, due.amount)
            self._schedule.put(msgspec.structs.replace(due, at=at))

    def _encode_batches(self) -> Generator[ScheduledRequest, None, None]:
        """Yield encoded batches; each is encoded when it is taken, as if its events had just happened."""
        for _, (_, plan) in self._sessions:
            self.account(0, sessions=1, **msgspec.structs.asdict(plan.counts))
            batches = list(plan.batches)
            try:
                while batches:
                    yield self._encode(batches.pop(0))
            finally:
                self.account(0, unsent=sum(len(batch.events) for batch in batches))
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
