"""The part of this process in a run: it conducts the run, sends a share of it, or both; and how that ends.

Rule: this module handles every way to end: the run's own end, Ctrl-C, SIGTERM, Locust's --run-time and Stop, the death
of a greenlet. The conductor sums up what was measured before its process ends.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import gevent
import gevent.event
import msgspec
import psutil
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadgen import aws
from loadgen.errors import LoadgenError, describe_error
from loadgen.limit import LimitSearch
from loadgen.model import Noun
from loadgen.planned import planned
from loadgen.results import EventCounts, IntervalReport, Spool
from loadgen.swarm.clocks import Clocks
from loadgen.swarm.conductor import LOCAL, Conductor
from loadgen.swarm.connection import ConnectionPool
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import merge_in_order
from loadgen.swarm.locust_private import report_to_locust
from loadgen.swarm.locust_private.frames import DroppedFrames
from loadgen.swarm.messages import (
    DONE,
    LEFT,
    SECOND,
    STOP,
    Done,
    Stop,
    WorkerShare,
    identify_machine,
    pack,
    report_seconds,
    unpack,
)
from loadgen.swarm.options import open_run
from loadgen.swarm.rate_probe import prepare_engine
from loadgen.transport import find_route, require_descriptors, require_ports

GC_THRESHOLDS = (100_000, 50, 50)  # Python's own are 700, 10, 10
PATIENCE_SECONDS = 90.0  # for requests in flight (30 s by default) and the answers to their retries
GRACE_SECONDS = 10.0  # for requests in flight when a part of the generator has died
LOOK_SECONDS = 0.5
FAREWELL_SECONDS = 0.5  # from a worker's last message to its end, so that the message leaves the machine
INTERRUPTED, BROKEN = 130, 3  # exit codes

log = logging.getLogger("loadgen")


class NodeRole:
    """The role of a process in a run: worker, conductor, or both; one object for each of Locust's environments."""

    engine: Engine

    def __init__(self, environment: Environment, dropped: DroppedFrames) -> None:
        self.environment = environment
        self.ready = gevent.event.Event()
        self.conductor: Conductor | None = None
        self.joined_late = False  # True: a worker that connected too late for a share
        self.clocks = Clocks()
        self._interrupted = False
        self._begun = False
        self._dropped = dropped
        self._reporter: gevent.Greenlet | None = None

    def begin(self, runner: Runner) -> None:
        """Begin the run: a master deals the shares, a single process takes everything, a worker waits for its share."""
        self._begun = True
        if isinstance(runner, MasterRunner):
            self.clocks.measure(runner.send_message, [worker.id for worker in runner.clients.all])
            self.supervise(self._create_conductor().deal_shares(runner, self.clocks), "the conducting")
        elif not isinstance(runner, WorkerRunner):
            conductor = self._create_conductor()
            share, conducting = conductor.take_everything()
            self.supervise(conducting, "the conducting")
            try:
                engine = self.start(share)
            except LoadgenError as error:
                refuse(error)
            self._report(engine, partial(conductor.receive_report, LOCAL), partial(conductor.receive_done, LOCAL))

    def take_share(self, share: WorkerShare, runner: WorkerRunner) -> None:
        """Send a share and report every second to the master. If it cannot start, report why and end the process."""

        def send_as(kind: str) -> Callable[[Noun], None]:
            return lambda noun: runner.send_message(kind, pack(noun))

        try:
            engine = self.start(share)
        except LoadgenError as error:
            no_events = (EventCounts(),) * len(share.spec.monitors)
            send_as(DONE)(Done(share.index, no_events, failure=f"could not start: {error}"))
            gevent.sleep(FAREWELL_SECONDS)
            refuse(error)
        self._report(engine, send_as(SECOND), send_as(DONE))

    def receive_report(self, worker: str, data: dict[str, bytes]) -> None:
        """Receive a worker's report of a second."""
        if self.conductor:
            self.conductor.receive_report(worker, unpack(data, IntervalReport))

    def receive_done(self, worker: str, data: dict[str, bytes]) -> None:
        """Receive a worker's last message."""
        if self.conductor:
            self.conductor.receive_done(worker, unpack(data, Done))

    def interrupt(self) -> None:
        """Handle Ctrl-C or SIGTERM: end the run with a summary; without a run, or at a second signal, the process."""
        if isinstance(self.environment.runner, WorkerRunner) and self._begun:
            return  # the master decides, and tells its workers
        if self.conductor is None:
            raise SystemExit(INTERRUPTED)
        if self.conductor.over.is_set():
            raise KeyboardInterrupt  # Locust's web UI is still open; Locust ends it
        if self._interrupted:
            log.error("ended at once; `loadgen report` sums up what is in the run's folder")
            raise SystemExit(INTERRUPTED)
        self._interrupted = True
        self.conductor.interrupt()

    def end_before_locust(self) -> None:
        """End the run and wait for its end, before Locust stops its users in the middle of their requests.

        If Locust stops them because all workers are missing, the run is not interrupted: the workers count as lost.
        """
        runner = self.environment.runner
        if isinstance(runner, WorkerRunner):
            self._stop_for_good()
        elif self.conductor is not None and not self.conductor.over.is_set():
            if not isinstance(runner, MasterRunner) or runner.worker_count > 0:
                self.conductor.interrupt()
            self.conductor.over.wait(PATIENCE_SECONDS)

    def leave(self) -> None:
        """Finish the work of this process before it ends, by SIGTERM in the middle of a run or after the run."""
        if not isinstance(self.environment.runner, WorkerRunner):
            self.end_before_locust()
            if self.conductor is None:
                self.environment.process_exit_code = INTERRUPTED
        elif self.sending:
            self.engine.stop(LEFT)
            if self._reporter is not None:
                self._reporter.join(PATIENCE_SECONDS)

    def supervise(self, greenlet: gevent.Greenlet, what: str) -> None:
        """End the run with a message when `greenlet` dies; `what` names it in the message, such as "the reporting"."""
        greenlet.link_exception(
            lambda dead: gevent.spawn(self._fail, f"{what} ended: {describe_error(dead.exception)}")
        )

    def watch_for_dead_workers(self) -> None:
        """End with a message when a worker of --processes dies before the run begins: Locust would wait for it."""
        started = self.environment.parsed_options.processes if self.environment.parsed_options else 0
        while not self._begun:
            if (dead := started - count_living_children()) > 0:
                log.error("%d of %d worker processes died before they had connected", dead, started)
                raise SystemExit(1)
            gevent.sleep(LOOK_SECONDS)

    def _fail(self, reason: str) -> None:
        """Stop sending, wait shortly for requests in flight, and sum up what was measured."""
        log.error("%s", reason)
        if self.conductor is not None:
            self.conductor.broken = self.conductor.broken or reason
        self.stop(reason)
        if self.sending and self.engine.over.wait(GRACE_SECONDS) and self._reporter is not None:
            self._reporter.join(GRACE_SECONDS)
        if self.conductor is None or self.conductor.over.is_set():
            raise SystemExit(BROKEN)  # a worker ends here: its master calls it lost
        self.conductor.wait_for_workers(GRACE_SECONDS if isinstance(self.environment.runner, MasterRunner) else 0.0)
        self.conductor.give_up()

    def _stop_for_good(self) -> None:
        """Stop a worker whose master is gone: it gets no share any more, or nobody counts what it sends."""
        if not self.ready.is_set():
            self.joined_late = True
            self.ready.set()
        else:
            self.stop("the conductor is gone")

    def _report(self, engine: Engine, second: Callable[[IntervalReport], None], done: Callable[[Done], None]) -> None:
        self._reporter = gevent.spawn(report_seconds, engine, second, done)
        self.supervise(self._reporter, "the reporting")

    def _create_conductor(self) -> Conductor:
        """Make this process the conductor of the run that Locust's options describe."""
        try:
            spec, folder = open_run(self.environment.parsed_options, self.environment.host)
        except LoadgenError as error:
            refuse(error)
        log.info("seed %d, results in %s", spec.seed, folder.path)
        try:
            self.conductor = Conductor(self.environment, spec, folder, self.stop, self._dropped)
        except OSError as error:
            log.error("%s: cannot be written: %s", folder.path, error.strerror)
            sys.exit(2)
        return self.conductor

    def start(self, share: WorkerShare) -> Engine:
        """Start to send the sessions of a share. LoadgenError: this machine lacks something, such as descriptors."""
        # Our objects make no cycles, and a collection over all loaded objects would stall every request in flight.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        spec, job = share.spec, share.job
        if spec.master:  # otherwise the process that started this one has checked it
            require_descriptors(spec.senders, f"{spec.senders} senders of a worker")
            require_ports(spec.senders, f"{spec.senders} senders of a worker")
        part = (share.index, share.of)
        sessions = merge_in_order(  # each app monitor has a seed, and so visitors, of its own
            planned(each.scenario, seed, part, yield_to_others=lambda: self.engine.yield_to_senders())
            for seed, each in enumerate(job.monitors, spec.seed)
        )
        network = ConnectionPool(find_route(spec.url), spec.timeout)
        signs = any(each.signed for each in job.monitors)
        signer = aws.make_signer(spec.region, url=spec.url) if signs else None
        is_same_machine = share.machine != "" and share.machine == identify_machine()
        spool = open_spool(Path(share.spool)) if share.spool and is_same_machine else None
        make_engine: Callable[..., Engine] = partial(Engine, job, sessions)
        if spec.find_limit:
            search = msgspec.convert(spec.find_limit, LimitSearch)
            make_engine = prepare_engine(search, Path(share.spool or "").parent, job, spec.seed)
        self.engine = make_engine(network.begin, signer, spool)
        self.engine.on_results = partial(report_to_locust, self.environment)
        for helper in self.engine.helpers:
            self.supervise(helper, "a part of the engine")
        self.ready.set()
        return self.engine

    def stop(self, reason: str) -> None:
        """Stop sending, here or on every worker; requests in flight are waited for."""
        runner = self.environment.runner
        if isinstance(runner, MasterRunner):
            runner.send_message(STOP, pack(Stop(reason)))
        elif self.sending:
            self.engine.stop(reason)

    @property
    def sending(self) -> bool:
        """Whether this process has a share and has not finished it."""
        return self.ready.is_set() and not self.joined_late and not self.engine.over.is_set()


def count_living_children() -> int:
    """Return how many child processes of this one are alive."""
    living = 0
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            living += child.status() != psutil.STATUS_ZOMBIE
    return living


def open_spool(path: Path) -> Spool:
    """Open the file for a process's records. LoadgenError: there is no room for it."""
    try:
        return Spool(path)
    except OSError as error:
        raise LoadgenError(
            f"{path}: no room for the run's records: {error.strerror}; give --out a folder on another disk"
        ) from error


def refuse(error: LoadgenError) -> NoReturn:
    """Log why this process cannot do its part, and end it with exit code 2."""
    log.error("%s", error)
    sys.exit(2)
