"""A run that searches for a limit: sessions give the batches, the search says when they are sent.

Rule: what a window sends is encoded before it begins, so that nothing is drawn while it is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import msgspec

from loadgen import client, traffic, wire
from loadgen.errors import LoadgenError
from loadgen.jobs.find_limit.probe import Hunt, Own, endless, window_of
from loadgen.jobs.find_limit.search import Step, Window, find_limit
from loadgen.model import Result, Send
from loadgen.results.records import Spool
from loadgen.results.store import pretty
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Feeder, Job, in_order
from loadgen.swarm.schedule import ScheduledRequest
from loadgen.wire.sigv4 import Signer

FOUND, STEPS = "limit.json", "limit-steps.ndjson"
LEAD, LOOK, BEAT, MOST_PRIMING, PATIENCE = 0.05, 0.1, 0.02, 60.0, 60.0  # seconds


class HoldingEngine(Engine):
    """An engine whose feeder sees every result."""

    def _held_back(self, due: ScheduledRequest) -> bool:
        return self._over_budget(due)  # a window sends what it offers: no page is switched off in it

    def _exchange(self, due: ScheduledRequest) -> Result:
        result = super()._exchange(due)
        if isinstance(self._feeder, Holds):
            self._feeder.results.append(result)
        return result


def hunting(
    hunt: Hunt, folder: Path, job: Job, seed: int, send: Send, signer: Callable[[], Signer] | None, spool: Spool | None
) -> Engine:
    """The engine of a search, alone in its run; it sends to the first app monitor."""
    scenario = endless(job.scenario)
    job = msgspec.structs.replace(job, monitors=(msgspec.structs.replace(job.monitors[0], scenario=scenario),))
    sessions = in_order([traffic.sessions(scenario, seed, only_recordable=True)])
    return HoldingEngine(job, sessions, send, signer, spool, partial(Holds, hunt, folder))


class Holds(Feeder):
    """Feeds windows instead of sessions, and ends when the limit is found."""

    def __init__(self, hunt: Hunt, folder: Path, *feeder: Any) -> None:
        super().__init__(*feeder)
        self._hunt, self._folder = hunt, folder
        self.results: list[Result] = []
        self._dues = self._stock()
        self._waiting = 0  # events of encoded batches that are not yet on the schedule

    def run(self, now: Callable[[], float]) -> None:
        """Search; the steps and what was found go to the run's folder."""
        self._now = now
        try:
            found = find_limit(self._hold, self._hunt.conditions, self._hunt.where, self._tell)
            (self._folder / FOUND).write_bytes(pretty(found))
        except LoadgenError as error:
            (self._folder / FOUND).write_bytes(pretty({"refused": str(error)}))
        finally:
            self._dues.close()
            self.account(0, unsent=self._waiting)

    def _hold(self, rate: float, prime: float | None) -> Window:
        hunt = self._hunt
        ready = [next(self._dues) for _ in range(int(rate * (hunt.settle + hunt.hold)))]
        if prime is not None:
            self._empty(prime)
        self.results.clear()
        begin = self._now() + LEAD
        self._put(ready, begin, rate)
        end = begin + hunt.settle + hunt.hold
        own = self._watched(end)
        while len(self.results) < len(ready) and self._now() < end + PATIENCE:
            gevent.sleep(LOOK)
        return window_of(self.results, rate, begin + hunt.settle, end, hunt.senders, prime is not None, own)

    def _watched(self, end: float) -> Own:
        """Wait for a window's end, and see how punctual our own loop is."""
        begun, used, lags = self._now(), time.process_time(), []
        while (before := self._now()) < end:
            gevent.sleep(BEAT)
            lags.append(self._now() - before - BEAT)
        return Own(tuple(lags), (time.process_time() - used) / max(self._now() - begun, BEAT))

    def _empty(self, rate: float) -> None:
        """Send until something is throttled."""
        self.results.clear()
        sent, until = 0, self._now() + MOST_PRIMING
        while self._now() < until and not any(result.status == 429 for result in self.results):
            some = [next(self._dues) for _ in range(max(int(rate * LOOK), 1))]
            sent += len(some)
            self._put(some, self._now(), rate)
            gevent.sleep(len(some) / rate)
        while len(self.results) < sent and self._now() < until + PATIENCE:
            gevent.sleep(LOOK)

    def _put(self, dues: list[ScheduledRequest], begin: float, rate: float) -> None:
        for place, due in enumerate(dues):
            at = begin + place / rate
            self._waiting -= due.events
            self._meter.offer(at, due.amount)
            self._schedule.put(msgspec.structs.replace(due, at=at))

    def _stock(self) -> Generator[ScheduledRequest, None, None]:
        """Encoded batches, as many as are asked for; their events happened just now."""
        for _, session in self._sessions:
            plan = client.plan(session, self._job.scenario.client, self._job.scenario.monitor.sample_rate)
            self.account(0, sessions=1, **msgspec.structs.asdict(plan.tally))
            left = list(plan.batches)
            try:
                while left:
                    batch = left.pop(0)
                    encoded = wire.encode(batch, self._job.monitors[0].destination, wire.Clock(time.time() - batch.due))
                    slim = msgspec.structs.replace(batch, events=())
                    self._waiting += len(batch.events)
                    yield ScheduledRequest(
                        0.0, slim, len(batch.events), encoded.request, encoded.raw_bytes, encoded.beacon
                    )
            finally:
                self.account(0, unsent=sum(len(batch.events) for batch in left))
            gevent.sleep(0)

    def _tell(self, step: Step) -> None:
        with (self._folder / STEPS).open("ab") as file:
            file.write(msgspec.json.encode(step) + b"\n")
