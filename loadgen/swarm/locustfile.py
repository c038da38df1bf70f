"""What `locust -f` loads: Locust users that send this worker's due batches at their intended moments.

A user here is a sender, not a visitor: visitors are sessions of the scenario. As many batches can be in flight
as there are users.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
import gevent.event
import msgspec
from gevent.socket import wait_read
from locust import User, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from loadgen import aws, traffic
from loadgen.capacity.holds import Hunt
from loadgen.errors import LoadgenError
from loadgen.results import Measured, RunFolder, Second
from loadgen.results.records import THROTTLED, Spool
from loadgen.swarm.clocks import PING, PONG, Clocks, answer
from loadgen.swarm.conductor import Conductor
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Job, in_order
from loadgen.swarm.holds import hunting
from loadgen.swarm.options import add_options
from loadgen.swarm.orders import Share, orders_of
from loadgen.swarm.sender import Network
from loadgen.swarm.workers import (
    DONE,
    SECOND,
    SHARE,
    STOP,
    Done,
    Stop,
    packed,
    report,
    report_to_master,
    this_machine,
    unpacked,
)

GC_THRESHOLDS = (100_000, 50, 50)  # Python's own are 700, 10, 10

log = logging.getLogger("loadgen")
events.init_command_line_parser.add_listener(add_options)


class Sender(User):
    """Takes the next due batch, sends it, and tells Locust; 429 is a figure of its own, not a failure."""

    @task
    def send(self) -> None:
        swarm = SWARMS[self.environment]
        swarm.ready.wait()
        fire = self.environment.events.request.fire
        while (result := swarm.engine.send_next()) is not None:
            throttled = result.status == THROTTLED
            failed = result.error is not None
            fire(
                request_type="PutRumEvents",
                name="throttled" if throttled else "failed" if failed else "accepted",
                response_time=result.latency * 1000,
                response_length=0,
                exception=RuntimeError(result.error) if failed else None,
                context={},
            )
        raise StopUser


class Swarm:
    """This process's part in a run: worker, conductor, or both."""

    engine: Engine

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.ready = gevent.event.Event()
        self.conductor: Conductor | None = None
        self.wanted_to_end = False
        self.clocks = Clocks()

    def conduct(self) -> Conductor:
        """Become the conductor of a run."""
        options: Any = self.environment.parsed_options
        try:
            orders = orders_of(options, self.environment.host)
        except LoadgenError as error:
            log.error("%s", error)
            sys.exit(2)
        name = orders.scenario.name
        folder = RunFolder.at(Path(options.out)) if options.out else RunFolder.new(None, name, datetime.now(UTC))
        log.info("seed %d, results in %s", orders.seed, folder.path)
        self.conductor = Conductor(self.environment, orders, folder, self.stop)
        return self.conductor

    def start(self, share: Share) -> Engine:
        """Start sending this share's sessions."""
        # Our nouns make no cycles; a collection that walks all that is loaded would stall every request in flight.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        orders = share.orders
        job = Job(orders.monitored, share.zero, orders.pace, share.max_events, share.index, share.ahead)
        part = (share.index, share.of)
        sessions = in_order(
            traffic.sessions(each.scenario, seed, part, lambda: gevent.sleep(0), only_recordable=True)
            for seed, each in enumerate(job.monitors, orders.seed)  # each app monitor its own visitors
        )
        network = Network(f"{orders.origin.scheme}://{orders.origin.netloc}", orders.timeout)
        signer = aws.signer(orders.region) if any(each.signed for each in job.monitors) else None
        near = share.spool if share.machine and share.machine == this_machine() else None
        spool = Spool(Path(near)) if near else None
        options: Any = self.environment.parsed_options
        if options.find_limit:
            hunt = msgspec.json.decode(options.find_limit, type=Hunt)
            self.engine = hunting(hunt, Path(options.out), job, orders.seed, network, signer, spool)
        else:
            self.engine = Engine(job, sessions, network, signer, spool)
        self.ready.set()
        return self.engine

    def stop(self, reason: str) -> None:
        """Send nothing more, here and on every worker; what is in flight is waited for."""
        runner = self.environment.runner
        if isinstance(runner, MasterRunner):
            runner.send_message(STOP, packed(Stop(reason)))
        elif self.ready.is_set():
            self.engine.stop(reason)


SWARMS: dict[Environment, Swarm] = {}


@events.init.add_listener
def prepare(environment: Environment, runner: Any, **_: Any) -> None:
    """Say what each message does, and take Ctrl-C as a wish to end the run well."""
    swarm = SWARMS[environment] = Swarm(environment)
    if isinstance(runner, MasterRunner):
        runner.register_message(SECOND, lambda msg, **_: on_second(swarm, msg.data))
        runner.register_message(DONE, lambda msg, **_: on_done(swarm, msg.data))
        runner.register_message(PONG, lambda msg, **_: swarm.clocks.hear(msg.node_id, msg.data))
    if isinstance(runner, WorkerRunner):
        runner.register_message(SHARE, lambda msg, **_: on_share(swarm, runner, msg.data))
        runner.register_message(PING, lambda msg, **_: runner.send_message(PONG, answer(msg.data)))
        runner.register_message(STOP, lambda msg, **_: swarm.stop(unpacked(msg.data, Stop).reason))
    gevent.signal_handler(signal.SIGINT, on_interrupt, swarm)
    if not isinstance(runner, WorkerRunner):
        show_live_figures(environment, swarm)
        if os.environ.get("LOADGEN_LIFELINE"):
            gevent.spawn(end_with_the_parent, swarm)


def end_with_the_parent(swarm: Swarm) -> None:
    """Whoever started us holds our standard input open; a generator that nobody watches must not go on sending."""
    while True:
        wait_read(0)
        if not os.read(0, 1024):
            on_interrupt(swarm)
            return


def show_live_figures(environment: Environment, swarm: Swarm) -> None:
    """Hand the sums of the run to Prometheus and to Locust's web UI, where they are wanted."""
    from loadgen.swarm.exporter import extend_web_ui, serve_prometheus

    def measured() -> Measured | None:
        return swarm.conductor.measured if swarm.conductor else None

    if (port := getattr(environment.parsed_options, "prometheus", None)) is not None:
        serve_prometheus(port, measured)
    extend_web_ui(environment, measured)


@events.test_start.add_listener
def begin(environment: Environment, **_: Any) -> None:
    """Deal the shares, or take the whole."""
    swarm, runner = SWARMS[environment], environment.runner
    if isinstance(runner, MasterRunner):
        swarm.clocks.ask(runner.send_message, [worker.id for worker in runner.clients.all])
        swarm.conduct().deal(runner, swarm.clocks)
    elif not isinstance(runner, WorkerRunner):
        conductor = swarm.conduct()
        share = conductor.alone()
        gevent.spawn(report, swarm.start(share), share.index, conductor.second, conductor.done)
    heed_an_early_wish(swarm)


def heed_an_early_wish(swarm: Swarm) -> None:
    """Ctrl-C came before there was a run to end."""
    if swarm.wanted_to_end and swarm.conductor is not None:
        swarm.conductor.interrupt()


@events.test_stop.add_listener
def end(environment: Environment, **_: Any) -> None:
    """Somebody pressed Stop in the web UI: end the run well."""
    conductor = SWARMS[environment].conductor
    if conductor is not None and not conductor.finished and not conductor.interrupted:
        conductor.interrupt()


def on_share(swarm: Swarm, runner: WorkerRunner, data: dict[str, bytes]) -> None:
    share = unpacked(data, Share)
    gevent.spawn(report_to_master, swarm.start(share), share.index, runner)


def on_second(swarm: Swarm, data: dict[str, bytes]) -> None:
    if swarm.conductor:
        swarm.conductor.second(unpacked(data, Second))


def on_done(swarm: Swarm, data: dict[str, bytes]) -> None:
    if swarm.conductor:
        swarm.conductor.done(unpacked(data, Done))


def on_interrupt(swarm: Swarm) -> None:
    """The first Ctrl-C ends the run well; a second one, or one without a run, ends the process."""
    runner = swarm.environment.runner
    if isinstance(runner, WorkerRunner) and swarm.ready.is_set() and not swarm.engine.over.is_set():
        return  # the master decides, and tells the workers
    if swarm.wanted_to_end:
        raise KeyboardInterrupt
    swarm.wanted_to_end = True
    if swarm.conductor is not None:
        swarm.conductor.interrupt()
