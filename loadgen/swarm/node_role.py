"""This process's part in a run: it conducts, it sends a share, or both.

Rule: a part knows its environment and the run; what travels between processes, and signals, are the locustfile's.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import gevent.event
import msgspec
from locust.env import Environment
from locust.runners import MasterRunner

from loadgen import aws
from loadgen.errors import LoadgenError
from loadgen.limit import LimitSearch
from loadgen.planned import planned
from loadgen.results import Spool
from loadgen.swarm.clocks import Clocks
from loadgen.swarm.conductor import Conductor
from loadgen.swarm.connection import ConnectionPool
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import in_order
from loadgen.swarm.options import open_run
from loadgen.swarm.rate_probe import prepare_engine
from loadgen.swarm.worker_share import WorkerShare
from loadgen.swarm.workers import STOP, Stop, packed, this_machine
from loadgen.transport import find_route
from loadgen.wire.sigv4 import Signer

GC_THRESHOLDS = (100_000, 50, 50)  # Python's own are 700, 10, 10

log = logging.getLogger("loadgen")


class NodeRole:
    """Worker, conductor, or both; one for each of Locust's environments."""

    engine: Engine

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.ready = gevent.event.Event()
        self.conductor: Conductor | None = None
        self.wanted_to_end = False
        self.joined_late = False  # a worker that came too late for a share
        self.clocks = Clocks()

    def conduct(self) -> Conductor:
        """Become the conductor of a run."""
        try:
            spec, folder = open_run(self.environment.parsed_options, self.environment.host)
        except LoadgenError as error:
            log.error("%s", error)
            sys.exit(2)
        log.info("seed %d, results in %s", spec.seed, folder.path)
        self.conductor = Conductor(self.environment, spec, folder, self.stop)
        return self.conductor

    def start(self, share: WorkerShare) -> Engine:
        """Start sending this share's sessions."""
        # Our nouns make no cycles; a collection that walks all that is loaded would stall every request in flight.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        spec, job = share.spec, share.job
        part = (share.index, share.of)
        sessions = in_order(
            planned(each.scenario, seed, part, yield_to_others=lambda: self.engine.yield_to_senders())
            for seed, each in enumerate(job.monitors, spec.seed)  # each app monitor its own visitors
        )
        network = ConnectionPool(find_route(spec.url), spec.timeout)
        signer = self._signer(spec.region, spec.url) if any(each.signed for each in job.monitors) else None
        near = share.spool if share.machine and share.machine == this_machine() else None
        spool = self._spool(Path(near)) if near else None
        prepared: Callable[..., Engine] = partial(Engine, job, sessions)
        if spec.find_limit:
            search = msgspec.convert(spec.find_limit, LimitSearch)
            prepared = prepare_engine(search, Path(share.spool or "").parent, job, spec.seed)
        self.engine = prepared(network, signer, spool)
        self.ready.set()
        return self.engine

    def _signer(self, region: str, url: str) -> Callable[[], Signer]:
        """Signs with this machine's credentials; without any the process ends with a line."""
        try:
            return aws.make_signer(region, url=url)
        except LoadgenError as error:
            log.error("%s", error)
            sys.exit(2)

    def _spool(self, path: Path) -> Spool:
        """Where this process keeps its records; without room for them it ends with a line."""
        try:
            return Spool(path)
        except OSError as error:
            log.error("%s: no room for the run's records: %s", path, error.strerror)
            sys.exit(2)

    def stop(self, reason: str) -> None:
        """Send nothing more, here and on every worker; what is in flight is waited for."""
        runner = self.environment.runner
        if isinstance(runner, MasterRunner):
            runner.send_message(STOP, packed(Stop(reason)))
        elif self.sending:
            self.engine.stop(reason)

    @property
    def sending(self) -> bool:
        """Whether this process has a share and is not through with it."""
        return self.ready.is_set() and not self.joined_late and not self.engine.over.is_set()
