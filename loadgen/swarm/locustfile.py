"""The locustfile: Locust users that send this worker's batches at their intended moments.

A Locust user is a sender here, not a visitor: visitors are the sessions of the scenario. The number of users is the
most requests that can be in flight.
"""

from __future__ import annotations

import os
from typing import Any

import gevent
from gevent.socket import wait_read
from locust import User, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from loadgen.errors import LoadgenError
from loadgen.results import CLUSTER_SECRET, LIFELINE, MASTER_SEEN
from loadgen.swarm import has_been_stopped, list_heeded_signals
from loadgen.swarm.clocks import PING, PONG, answer_ping
from loadgen.swarm.exporter import serve_prometheus
from loadgen.swarm.live_page import add_live_page
from loadgen.swarm.locust_private import (
    disable_rebalancing,
    extend_heartbeats,
    limit_connecting,
    refuse_taken_port,
    trim_statistics,
)
from loadgen.swarm.locust_private.frames import guard_handler, guard_messages
from loadgen.swarm.messages import DONE, SECOND, SHARE, STOP, Stop, WorkerShare, unpack
from loadgen.swarm.node_role import NodeRole, refuse
from loadgen.swarm.options import add_options, find_prometheus_port
from loadgen.transport import require_free_port

TIDY_SECONDS = 30.0
"""Seconds between two trims of Locust's own statistics."""

DROPPED = guard_messages(os.fsencode(os.environ.get(CLUSTER_SECRET, "")) or None)
extend_heartbeats()
refuse_taken_port()
limit_connecting(has_been_stopped, MASTER_SEEN in os.environ)
ROLES: dict[Environment, NodeRole] = {}

events.init_command_line_parser.add_listener(add_options)


class Sender(User):
    """A Locust user that stands for one request in flight."""

    @task
    def serve(self) -> None:
        role = ROLES[self.environment]
        role.ready.wait()
        if not role.joined_late:
            role.engine.serve()
        raise StopUser


@events.init.add_listener
def prepare(environment: Environment, runner: Any, **_: Any) -> None:
    """Register the handlers of Locust's messages and of the signals that end a run."""
    role = ROLES[environment] = NodeRole(environment, DROPPED)
    for number in list_heeded_signals():  # replaces Locust's own handler of SIGTERM
        gevent.signal_handler(number, role.interrupt)
    if has_been_stopped():
        role.interrupt()
    if isinstance(runner, WorkerRunner):
        listen_as_worker(role, runner)
        return
    if isinstance(runner, MasterRunner):
        listen_as_master(role, runner)
    serve_live_figures(environment, role)
    role.supervise(gevent.spawn(tidy_statistics, runner), "the statistics")
    if os.environ.get(LIFELINE):
        role.supervise(gevent.spawn(stop_when_parent_ends, role), "the watch over who started this run")


def listen_as_worker(role: NodeRole, runner: WorkerRunner) -> None:
    """Register the handlers of the master's messages to a worker."""
    runner.register_message(SHARE, lambda msg, **_: role.take_share(unpack(msg.data, WorkerShare), runner))
    runner.register_message(PING, lambda msg, **_: runner.send_message(PONG, answer_ping(msg.data)))
    runner.register_message(STOP, lambda msg, **_: role.stop(unpack(msg.data, Stop).reason))


def listen_as_master(role: NodeRole, runner: MasterRunner) -> None:
    """Register the handlers of the workers' messages to their master."""
    runner.register_message(SECOND, lambda msg, **_: role.receive_report(msg.node_id, msg.data))
    runner.register_message(DONE, lambda msg, **_: role.receive_done(msg.node_id, msg.data))
    runner.register_message(PONG, lambda msg, **_: role.clocks.receive_pong(msg.node_id, msg.data))
    role.environment.events.spawning_complete.add_listener(lambda **_: disable_rebalancing(runner))
    guard_handler(runner, DROPPED)
    if getattr(role.environment.parsed_options, "processes", None):
        role.supervise(gevent.spawn(role.watch_for_dead_workers), "the watch over the workers")


def serve_live_figures(environment: Environment, role: NodeRole) -> None:
    """Serve the run's figures to Prometheus and in Locust's web UI, if the options ask for them."""
    ui = environment.web_ui if environment.web_ui is not None and environment.web_ui.app is not None else None
    try:
        port = find_prometheus_port(environment.parsed_options)
        if ui is not None:  # Locust itself would notice later, print a traceback and look interrupted
            require_free_port("--web-port", ui.host, ui.port)
        if port is not None:
            require_free_port("--prometheus", "127.0.0.1", port)
    except LoadgenError as error:  # also for a bad --run-spec, which is read here first
        refuse(error)
    if port is not None:
        serve_prometheus(port, lambda: role.conductor.measured if role.conductor else None)
    if ui is not None:
        is_decided = bool(getattr(environment.parsed_options, "autostart", False))
        add_live_page(ui, lambda: role.conductor, is_decided=is_decided)


def tidy_statistics(runner: Any) -> None:
    """Trim Locust's own statistics now and then, so that they do not grow with the length of a run."""
    while True:
        gevent.sleep(TIDY_SECONDS)
        trim_statistics(runner)


def stop_when_parent_ends(role: NodeRole) -> None:
    """End the run when standard input ends: `loadgen run` holds it open, so then no one watches the run."""
    while True:
        wait_read(0)
        if not os.read(0, 1024):
            role.interrupt()
            return


@events.test_start.add_listener
def begin_run(environment: Environment, **_: Any) -> None:
    """Begin the run: as the master, deal the shares; alone, send everything."""
    assert environment.runner is not None
    ROLES[environment].begin(environment.runner)


@events.test_stopping.add_listener
def on_test_stopping(environment: Environment, **_: Any) -> None:
    """End the run before Locust stops its users: at --run-time, at Stop in its UI, or when the master is gone."""
    if role := ROLES.get(environment):  # no role yet if the run ends while this worker starts
        role.end_before_locust()


@events.quitting.add_listener
def on_quitting(environment: Environment, **_: Any) -> None:
    """End the run before Locust ends the process: by SIGTERM, or because the run is over."""
    if role := ROLES.get(environment):
        role.leave()
