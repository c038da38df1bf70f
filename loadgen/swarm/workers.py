"""Who does which sessions, and how what the workers measured becomes one run.

Rule: a worker's sessions depend on its share (i of n) alone. Shares are dealt by the master when all workers are there;
without workers, the one process is conductor and worker 0 of 1. Messages carry msgpack of our nouns.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from math import inf
from typing import TypeVar

import gevent
import msgspec
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadgen.model import Noun
from loadgen.results import Measured, Recording, Run, RunFolder, Second, Tally, stage_ends, summarize, write_table
from loadgen.results.verdict import EXIT_CODES
from loadgen.scenario import Scenario
from loadgen.swarm.engine import Engine
from loadgen.swarm.options import pace_name

SHARE, SECOND, DONE, STOP = "loadgen_share", "loadgen_second", "loadgen_done", "loadgen_stop"
LEAD_SECONDS = 1.0  # from the deal to the run's zero, so that every worker has its first sessions ready
SETTLE_SECONDS = 2  # a second is written to the timeline when every worker has had time to report it

N = TypeVar("N", bound=Noun)
log = logging.getLogger("loadgen")


class Share(Noun):
    """What the master tells a worker: which sessions are its own, and when the run's zero is (Unix time)."""

    index: int
    of: int
    seed: int
    zero: float


class Done(Noun):
    """A worker's last word."""

    index: int
    tally: Tally
    stop_reason: str | None = None
    failure: str | None = None


class Conductor:
    """On the master, or alone: deals the shares, merges what comes back, writes the run's folder, ends the run."""

    def __init__(self, environment: Environment, scenario: Scenario, folder: RunFolder, seed: int, pace: float) -> None:
        self.interrupted = False
        self._environment = environment
        self._scenario = scenario
        self._folder = folder
        self._seed = seed
        self._pace = pace
        self._zero = time.time() + LEAD_SECONDS
        self._measured = Measured(stage_ends(scenario, pace) if pace != inf else ())
        self._recording = Recording(folder, self._measured, self._zero)
        self._shares: dict[str, Share] = {}  # by Locust's client id
        self._done: dict[int, Done] = {}

    def deal(self, runner: MasterRunner) -> None:
        """Give every connected worker its share."""
        workers = [worker.id for worker in runner.clients.all]
        for index, worker in enumerate(workers):
            self._shares[worker] = Share(index, len(workers), self._seed, self._zero)
            runner.send_message(SHARE, packed(self._shares[worker]), worker)
        gevent.spawn(self._conduct, runner)

    def alone(self) -> Share:
        """The share of the only process."""
        self._shares["local"] = Share(0, 1, self._seed, self._zero)
        gevent.spawn(self._conduct, None)
        return self._shares["local"]

    def second(self, second: Second) -> None:
        """A worker's second."""
        self._recording.keep(second.records)
        self._measured.add(second)

    def done(self, done: Done) -> None:
        """A worker's last word."""
        self._done[done.index] = done
        self._measured.account(done.index, done.tally)

    def interrupt(self) -> None:
        """The run was asked to stop before its end."""
        self.interrupted = True

    def _conduct(self, runner: MasterRunner | None) -> None:
        while missing := self._missing():
            gevent.sleep(0.2)
            self._recording.settle(int(time.time() - self._zero) - SETTLE_SECONDS)
            if runner is not None and not self._alive(runner, missing):
                break
        self._finish(missing)

    def _missing(self) -> set[int]:
        return {share.index for share in self._shares.values()} - self._done.keys()

    def _alive(self, runner: MasterRunner, missing: set[int]) -> bool:
        """Whether a worker that has not finished may still do so."""
        alive = {worker.id for worker in runner.clients.all if worker.state != "missing"}
        return any(share.index in missing for worker, share in self._shares.items() if worker in alive)

    def _finish(self, missing: set[int]) -> None:
        self._recording.settle(int(time.time() - self._zero) + 1 + SETTLE_SECONDS)
        self._recording.close()
        write_table(self._folder)
        summary = summarize(self._measured, self._scenario, self._run(missing))
        self._folder.write_summary(summary)
        self._environment.process_exit_code = EXIT_CODES[summary.verdict]
        runner = self._environment.runner
        if runner is not None:
            runner.stop() if self._environment.web_ui else runner.quit()

    def _run(self, missing: set[int]) -> Run:
        workers = len(self._shares)
        lost = [f"worker {index} of {workers} was lost; not all of its sessions were run" for index in sorted(missing)]
        stuck = [(done.index, done.failure) for done in self._done.values() if done.failure]
        lost += [f"worker {index} could draw no more sessions: {failure}" for index, failure in stuck]
        return Run(
            seed=self._seed,
            pace=pace_name(self._pace),
            started_at=datetime.fromtimestamp(self._zero, UTC).isoformat(timespec="milliseconds"),
            workers=workers,
            interrupted=self.interrupted,
            notes=tuple({done.stop_reason: None for done in self._done.values() if done.stop_reason}),
            lost_workers=tuple(lost),
        )


def report(engine: Engine, share: Share, second: Callable[[Second], None], done: Callable[[Done], None]) -> None:
    """Hand on what the engine measures, a second at a time, and its last word."""
    last_word = gevent.spawn(engine.wait_until_over)
    place = 0
    while not last_word.ready():
        last_word.join(timeout=max(place + 1 - engine.now(), 0.01))
        if engine.now() >= place + 1 or last_word.ready():
            second(engine.measure(place))
            place = max(place + 1, int(engine.now()))
    done(Done(share.index, last_word.get(), engine.stop_reason, engine.failure))


def report_to_master(engine: Engine, share: Share, runner: WorkerRunner) -> None:
    """The same over Locust's messages."""

    def tell(kind: str) -> Callable[[Noun], None]:
        return lambda noun: runner.send_message(kind, packed(noun))

    report(engine, share, tell(SECOND), tell(DONE))


def packed(noun: Noun) -> dict[str, bytes]:
    """A noun as the data of a Locust message."""
    return {"noun": msgspec.msgpack.encode(noun)}


def unpacked(data: dict[str, bytes], kind: type[N]) -> N:
    """The noun of a Locust message."""
    return msgspec.msgpack.decode(data["noun"], type=kind)
