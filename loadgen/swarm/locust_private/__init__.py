"""All code that depends on the inside of Locust, for the versions that pyproject.toml allows.

Here: changes of Locust before a runner is made, the first contact of a worker with its master, Locust's own statistics,
which get our requests and do not grow with the length of a run. `frames` has the frames that reach a master's port.
tests/swarm/test_locust_private.py says for each function what breaks when Locust changes. Import this before boto3:
Locust patches the process, and its import fails with a RecursionError once urllib3 is loaded.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, cast

from gevent import socket
from locust import __version__ as locust_version
from locust import argument_parser, runners
from locust import stats as locust_stats
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadgen.errors import LoadgenError
from loadgen.model import Result
from loadgen.results import THROTTLED
from loadgen.transport import require_free_port

HEARTBEATS = 10
"""Seconds without a message after which a worker is called missing; Locust's own value is 3. A worker that draws its
first sessions on a busy machine is silent for longer, and a master that misses all workers ends the run."""

log = logging.getLogger("loadgen")

TRY_SECONDS, LOOK_SECONDS = 5.0, 0.5  # to wait for an answer in one try, and between two looks for a signal
TRIES, SILENT_TRIES, ABSENT_TRIES = 60, 5, 2  # most tries: at all; with a silent master; with one that has just gone
STOPPED, NO_MASTER = 130, 2  # exit codes

REQUEST_TYPE = "PutRumEvents"
KEPT_SECONDS = 60  # Locust's UI shows rates over the last twelve seconds


def ignore_configuration() -> None:
    """Keep Locust from reading configuration files: ~/.locust.conf, locust.conf and pyproject.toml."""
    argument_parser.get_empty_argument_parser.__defaults__ = (True, [])
    argument_parser.get_parser.__defaults__ = ([],)


def disable_rebalancing(runner: MasterRunner) -> None:
    """Keep Locust from moving users between workers after the start.

    Locust distributes its users again whenever a worker connects or ends: the other workers lag by a second, and after
    the stop timeout half of their senders end in the middle of a request. Without its dispatcher it does not.
    """
    runner._users_dispatcher = None


def extend_heartbeats() -> None:
    """Let workers be silent for HEARTBEATS seconds before Locust calls them missing."""
    runners.HEARTBEAT_LIVENESS = HEARTBEATS


def refuse_taken_port() -> None:
    """Let a master whose port is taken end with exit code 2. Locust's own code is 1, which means a missed threshold."""
    module: Any = runners
    serve = module.rpc.Server

    def check_and_serve(host: str, port: int) -> Any:
        module.rpc.Server = serve  # a reconnect takes the same port again, without this check
        try:
            require_free_port("--master-bind-port", host, port)
        except LoadgenError as error:
            log.error("%s", error)
            raise SystemExit(2) from error
        return serve(host, port)

    module.rpc.Server = check_and_serve


def limit_connecting(was_stopped: Callable[[], bool], seen: bool) -> None:
    """Let a worker that gets no answer from its master log the cause and end within seconds.

    Locust's own worker tries for five minutes and ignores signals meanwhile. `was_stopped` returns whether a signal
    has arrived. `seen`: the master's port accepted a connection a moment ago, so a master that is absent has ended.
    Call this before a runner is made.
    """
    worker: Any = WorkerRunner
    worker.connect_to_master = lambda self: Connecting(self, was_stopped, seen).wait_for_answer()


class Connecting:
    """The attempts of a worker to get an answer from its master."""

    def __init__(self, runner: Any, was_stopped: Callable[[], bool], seen: bool) -> None:
        self._runner, self._was_stopped = runner, was_stopped
        self._place = f"{runner.master_host}:{runner.master_port}"
        self._absent_tries = ABSENT_TRIES if seen else TRIES
        self._silent = self._absent = 0

    def wait_for_answer(self) -> None:
        """Return when the master has answered; SystemExit if it does not answer."""
        while not self._try_once():
            if self._silent >= SILENT_TRIES or self._absent >= self._absent_tries:
                log.error("%s gave no answer; this worker has sent nothing", self._place)
                raise SystemExit(NO_MASTER)

    def _try_once(self) -> bool:
        runner, message = self._runner, cast("Any", Message)
        runner.client.send(message("client_ready", locust_version, runner.client_id))
        until = time.monotonic() + TRY_SECONDS
        while not runner.connection_event.wait(LOOK_SECONDS):
            if self._was_stopped():
                raise SystemExit(STOPPED)
            if time.monotonic() > until:
                self._count_failure()
                return False
        runner.connected = True
        return True

    def _count_failure(self) -> None:
        """Count the cause of a try that got no answer; log each cause once."""
        try:
            socket.create_connection((self._runner.master_host, self._runner.master_port), TRY_SECONDS).close()
        except OSError as error:
            self._absent += 1
            if self._absent == 1:
                log.warning("%s is not there (%s): its run has ended or has not begun", self._place, error)
        else:
            self._silent += 1
            if self._silent == 1:
                log.warning(
                    "%s accepts connections and does not answer: LOADGEN_CLUSTER_SECRET must be the same text there "
                    "and here, and a loadgen master must listen there",
                    self._place,
                )


def report_to_locust(environment: Environment, results: Sequence[Result]) -> None:
    """Add finished requests to Locust's statistics; 429 counts under its own name there, not as a failure.

    If other code listens to Locust's request event, the event is fired for each request. Otherwise requests without an
    error are added to the statistics as a group, in a fifth of the time.
    """
    grouped: defaultdict[str, list[float]] = defaultdict(list)  # milliseconds, by outcome
    alone = len(environment.events.request._handlers) == 1
    fire: Any = environment.events.request.fire
    for result in results:
        name = "throttled" if result.status == THROTTLED else "failed" if result.error is not None else "accepted"
        if alone and result.error is None:
            grouped[name].append(result.latency * 1000)
            continue
        fire(
            request_type=REQUEST_TYPE,
            name=name,
            response_time=result.latency * 1000,
            response_length=0,
            exception=None if result.error is None else RuntimeError(result.error),
            context={},
        )
    for name, milliseconds in grouped.items():
        add_to_statistics(environment.stats, name, milliseconds)


def add_to_statistics(stats: Any, name: str, milliseconds: list[float]) -> None:
    """Do what Locust's `log_request` does, for many response times of requests with the same name at once.

    Locust's own function adds the first one, which also advances the time of the last request.
    """
    first, *others = milliseconds
    stats.log_request(REQUEST_TYPE, name, first, 0)
    if not others:
        return
    buckets = Counter(map(locust_stats.bucket_response_time, others))
    for entry in (stats.total, stats.entries[name, REQUEST_TYPE]):
        entry.num_requests += len(others)
        entry.num_reqs_per_sec[int(entry.last_request_timestamp)] += len(others)
        entry.total_response_time += sum(others)
        entry.min_response_time = min(entry.min_response_time, *others)
        entry.max_response_time = max(entry.max_response_time, *others)
        for bucket, number in buckets.items():
            entry.response_times[bucket] += number


def trim_statistics(runner: Runner) -> None:
    """Drop the old seconds of Locust's statistics, which would grow with the length of the run; we do not use them."""
    stats = runner.stats
    for entry in (stats.total, *stats.entries.values()):
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
            for second in sorted(counts)[:-KEPT_SECONDS]:
                del counts[second]
    del stats.history[:-KEPT_SECONDS]
