"""What `locust -f` loads: Locust users that send this worker's due batches at their intended moments.

A user here is a sender, not a visitor: visitors are sessions of the scenario. As many batches can be in flight
as there are users.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import gevent
from gevent.socket import wait_read
from locust import User, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from loadgen.results import THROTTLED, Aggregate, IntervalReport
from loadgen.swarm.clocks import PING, PONG, answer
from loadgen.swarm.node_role import NodeRole
from loadgen.swarm.options import add_options, prometheus_port
from loadgen.swarm.worker_share import WorkerShare
from loadgen.swarm.workers import (
    DONE,
    SECOND,
    SHARE,
    STOP,
    Done,
    Stop,
    report,
    report_to_master,
    unpacked,
)

events.init_command_line_parser.add_listener(add_options)


class Sender(User):
    """Takes the next due batch, sends it, and tells Locust; 429 is a figure of its own, not a failure."""

    @task
    def send(self) -> None:
        part = PARTS[self.environment]
        part.ready.wait()
        if part.joined_late:
            raise StopUser
        fire = self.environment.events.request.fire
        while (result := part.engine.send_next()) is not None:
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


PARTS: dict[Environment, NodeRole] = {}


@events.init.add_listener
def prepare(environment: Environment, runner: Any, **_: Any) -> None:
    """Say what each message does, and take Ctrl-C as a wish to end the run well."""
    part = PARTS[environment] = NodeRole(environment)
    if isinstance(runner, MasterRunner):
        runner.register_message(SECOND, lambda msg, **_: on_second(part, msg.data))
        runner.register_message(DONE, lambda msg, **_: on_done(part, msg.data))
        environment.events.spawning_complete.add_listener(lambda **_: keep_the_senders(runner))
        runner.register_message(PONG, lambda msg, **_: part.clocks.hear(msg.node_id, msg.data))
    if isinstance(runner, WorkerRunner):
        runner.register_message(SHARE, lambda msg, **_: on_share(part, runner, msg.data))
        runner.register_message(PING, lambda msg, **_: runner.send_message(PONG, answer(msg.data)))
        runner.register_message(STOP, lambda msg, **_: part.stop(unpacked(msg.data, Stop).reason))
    gevent.signal_handler(signal.SIGINT, on_interrupt, part)
    if not isinstance(runner, WorkerRunner):
        show_live_figures(environment, part)
        if os.environ.get("LOADGEN_LIFELINE"):
            gevent.spawn(end_with_the_parent, part)


def keep_the_senders(runner: MasterRunner) -> None:
    """Every worker has its senders for good.

    Locust would deal its users anew whenever a worker comes or goes: with a second of lag for those that go on, and, a
    stop timeout later, the end of what half of their senders have in flight. Without its dispatcher it leaves them be.
    """
    runner._users_dispatcher = None


def end_with_the_parent(part: NodeRole) -> None:
    """Whoever started us holds our standard input open; a generator that nobody watches must not go on sending."""
    while True:
        wait_read(0)
        if not os.read(0, 1024):
            on_interrupt(part)
            return


def show_live_figures(environment: Environment, part: NodeRole) -> None:
    """Hand the sums of the run to Prometheus and to Locust's web UI, where they are wanted."""
    from loadgen.swarm.exporter import extend_web_ui, serve_prometheus

    def measured() -> Aggregate | None:
        return part.conductor.measured if part.conductor else None

    if (port := prometheus_port(environment.parsed_options)) is not None:
        serve_prometheus(port, measured)
    extend_web_ui(environment, measured)


@events.test_start.add_listener
def begin(environment: Environment, **_: Any) -> None:
    """Deal the shares, or take the whole."""
    part, runner = PARTS[environment], environment.runner
    if isinstance(runner, MasterRunner):
        part.clocks.ask(runner.send_message, [worker.id for worker in runner.clients.all])
        part.conduct().deal(runner, part.clocks)
    elif not isinstance(runner, WorkerRunner):
        conductor = part.conduct()
        share = conductor.alone()
        gevent.spawn(report, part.start(share), share.index, conductor.second, conductor.done)
    heed_an_early_wish(part)


def heed_an_early_wish(part: NodeRole) -> None:
    """Ctrl-C came before there was a run to end."""
    if part.wanted_to_end and part.conductor is not None:
        part.conductor.interrupt()


@events.test_stopping.add_listener
def leave(environment: Environment, **_: Any) -> None:
    """A worker stops for good: without a share it waits for nothing, with one nobody would count what it sends."""
    part = PARTS.get(environment)  # none yet, if the run ends while this worker starts
    if part is None or not isinstance(environment.runner, WorkerRunner):
        return
    if not part.ready.is_set():
        part.joined_late = True
        part.ready.set()
    else:
        part.stop("the conductor is gone")


@events.test_stop.add_listener
def end(environment: Environment, **_: Any) -> None:
    """Somebody pressed Stop in the web UI: end the run well."""
    conductor = PARTS[environment].conductor
    if conductor is not None and not conductor.finished and not conductor.interrupted:
        conductor.interrupt()


def on_share(part: NodeRole, runner: WorkerRunner, data: dict[str, bytes]) -> None:
    share = unpacked(data, WorkerShare)
    gevent.spawn(report_to_master, part.start(share), share.index, runner)


def on_second(part: NodeRole, data: dict[str, bytes]) -> None:
    if part.conductor:
        part.conductor.second(unpacked(data, IntervalReport))


def on_done(part: NodeRole, data: dict[str, bytes]) -> None:
    if part.conductor:
        part.conductor.done(unpacked(data, Done))


def on_interrupt(part: NodeRole) -> None:
    """The first Ctrl-C ends the run well; a second one, or one without a run, ends the process."""
    runner = part.environment.runner
    if isinstance(runner, WorkerRunner) and part.sending:
        return  # the master decides, and tells the workers
    if part.wanted_to_end:
        raise KeyboardInterrupt
    part.wanted_to_end = True
    if part.conductor is not None:
        part.conductor.interrupt()
