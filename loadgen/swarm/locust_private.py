"""Everything of ours that depends on the inside of Locust, for the version that pyproject.toml bounds.

tests/swarm/test_locust_private.py says for each function what breaks when Locust changes. Import this before boto3:
Locust patches the process, and its import fails with a RecursionError once urllib3 is loaded.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, cast

import gevent
import zmq.green as green_zmq
from gevent import socket
from locust import __version__ as locust_version
from locust import argument_parser, runners
from locust import stats as locust_stats
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc.protocol import Message
from locust.rpc.zmqrpc import BaseSocket
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadgen.errors import LoadgenError
from loadgen.model import Result
from loadgen.results import THROTTLED
from loadgen.transport import require_free_port

MOST_FRAME_BYTES = 64 * 1024 * 1024
"""A longer frame closes its connection. A worker's second is some 90 bytes a request."""

MESSAGES = {
    *("client_ready", "locustfile", "client_stopped", "heartbeat", "stats", "spawning", "spawning_complete", "logs"),
    *("quit", "exception"),
}
"""What Locust's own workers tell their master."""

SEAL_BYTES = hashlib.sha256().digest_size
HEARTBEATS = 10
"""Seconds without a word from a worker after which Locust calls it missing; it has 3. A worker that draws its first
sessions on a busy machine is silent for longer, and a master that misses all of them ends the run."""

TRY_SECONDS, LOOK_SECONDS = 5.0, 0.5  # of a worker that waits for its master's answer
TRIES, SILENT_TRIES, ABSENT_TRIES = 60, 5, 2
STOPPED, NO_MASTER = 130, 2  # exit codes
REQUEST_TYPE = "PutRumEvents"
KEPT_SECONDS = 60  # Locust's UI shows rates over the last twelve seconds

log = logging.getLogger("loadgen")


class DroppedFrames:
    """How many frames that came from other processes were dropped, and why the last one was."""

    def __init__(self) -> None:
        self.count = 0
        self.reason = ""

    def add(self, error: Exception) -> None:
        """Count one, and log the first: a stranger must not fill the log."""
        self.count += 1
        self.reason = f"{type(error).__name__}: {error}"[:200]
        if self.count == 1:
            log.warning(
                "a frame on the master's port was dropped (%s): LOADGEN_CLUSTER_SECRET must be the same text here and "
                "with each worker; further ones are counted, not told",
                self.reason,
            )


def ignore_configuration() -> None:
    """Let Locust read no configuration file: neither ~/.locust.conf nor locust.conf nor pyproject.toml."""
    argument_parser.get_empty_argument_parser.__defaults__ = (True, [])
    argument_parser.get_parser.__defaults__ = ([],)


def keep_the_senders(runner: MasterRunner) -> None:
    """Leave every worker its senders for good.

    Locust would deal its users anew whenever a worker comes or goes: with a second of lag for those that go on, and, a
    stop timeout later, the end of what half of their senders have in flight. Without its dispatcher it leaves them be.
    """
    runner._users_dispatcher = None


def seal(payload: bytes, secret: bytes) -> bytes:
    """A payload behind its HMAC-SHA256 under the secret."""
    return hmac.digest(secret, payload, "sha256") + payload


def unseal(frame: bytes, secret: bytes) -> bytes:
    """The payload of a sealed frame; ValueError if it was sealed under another secret, or not at all."""
    payload = frame[SEAL_BYTES:]
    if not hmac.compare_digest(frame[:SEAL_BYTES], hmac.digest(secret, payload, "sha256")):
        raise ValueError("it was not sent under LOADGEN_CLUSTER_SECRET of this run")
    return payload


def guard_messages(secret: bytes | None) -> DroppedFrames:
    """Drop and count malformed frames, and those of strangers when there is a secret.

    By itself Locust's listener ends for good at the first frame that is no message. Call it once, before a runner is
    made: the sockets' methods are replaced.
    """
    dropped = DroppedFrames()
    sockets: Any = BaseSocket
    messages: Any = Message
    serialize = messages.serialize
    bound_init = sockets.__init__

    def bounded_init(self: Any, *arguments: Any) -> None:
        bound_init(self, *arguments)
        self.socket.setsockopt(green_zmq.MAXMSGSIZE, MOST_FRAME_BYTES)

    sockets.__init__ = bounded_init
    sockets.recv = lambda self: receive(self, 1, secret, dropped)[1]
    sockets.recv_from_client = lambda self: receive(self, 2, secret, dropped)
    if secret:
        messages.serialize = lambda self: seal(serialize(self), secret)
    return dropped


def receive(socket: Any, parts: int, secret: bytes | None, dropped: DroppedFrames) -> tuple[str, Message]:
    """The next message that is one, of so many parts, with its sender's address where it has two."""
    while True:
        try:
            frames = socket.socket.recv_multipart()
        except green_zmq.ZMQError as error:
            raise RPCError("ZMQ network broken") from error
        try:
            if len(frames) != parts:
                raise ValueError(f"it has {len(frames)} parts, not {parts}")
            return frames[0].decode() if parts > 1 else "", decode_message(frames[-1], secret)
        except Exception as error:  # whatever msgpack and Locust make of bytes that a stranger chose
            dropped.add(error)
            gevent.sleep(0)


def decode_message(frame: bytes, secret: bytes | None) -> Message:
    """A frame's message; raises what it pleases if it holds none."""
    decode: Any = Message.unserialize
    message: Message = decode(unseal(frame, secret) if secret else frame)
    if not isinstance(message.type, str) or not isinstance(message.node_id, str):
        raise ValueError("it is no message of Locust's")
    return message


def await_heartbeats() -> None:
    """Let workers be silent for longer than Locust does before they are called missing."""
    runners.HEARTBEAT_LIVENESS = HEARTBEATS


def refuse_taken_port() -> None:
    """Let a master whose port is taken end with 2. By itself Locust ends with 1, as of a threshold that was missed."""
    module: Any = runners
    serve = module.rpc.Server

    def check_and_serve(host: str, port: int) -> Any:
        module.rpc.Server = serve  # a connection that is made anew takes the same port again
        try:
            require_free_port("--master-bind-port", host, port)
        except LoadgenError as error:
            log.error("%s", error)
            raise SystemExit(2) from error
        return serve(host, port)

    module.rpc.Server = check_and_serve


def guard_handler(runner: Any, dropped: DroppedFrames) -> None:
    """Drop and count messages of an unknown type, and those whose content breaks Locust's handler."""
    handle = runner.handle_message

    def guarded(client_id: str, message: Message) -> None:
        if message.type not in MESSAGES and message.type not in runner.custom_messages:
            dropped.add(ValueError(f"no message is called {message.type[:40]!r}"))
            return
        try:
            handle(client_id, message)
        except Exception as error:
            dropped.add(error)

    runner.handle_message = guarded


def bound_connecting(was_stopped: Callable[[], bool], seen: bool) -> None:
    """Let a worker that gets no answer from its master say why within seconds, and end.

    By itself Locust's worker tries for five minutes, and hears no signal meanwhile. `was_stopped`: whether one came;
    `seen`: the master was there a moment ago, so that one that is not there has ended. Call it before a runner is made.
    """
    worker: Any = WorkerRunner
    worker.connect_to_master = lambda self: Connecting(self, was_stopped, seen).wait_for_answer()


class Connecting:
    """A worker's first words with its master."""

    def __init__(self, runner: Any, was_stopped: Callable[[], bool], seen: bool) -> None:
        self._runner, self._was_stopped = runner, was_stopped
        self._place = f"{runner.master_host}:{runner.master_port}"
        self._absent_tries = ABSENT_TRIES if seen else TRIES
        self._silent = self._absent = 0

    def wait_for_answer(self) -> None:
        """Return when the master has answered; SystemExit when it does not."""
        while not self._try_once():
            if self._silent >= SILENT_TRIES or self._absent >= self._absent_tries:
                log.error("%s gave no answer; nothing was sent from here", self._place)
                raise SystemExit(NO_MASTER)

    def _try_once(self) -> bool:
        runner, message = self._runner, cast("Any", Message)
        runner.client.send(message("client_ready", locust_version, runner.client_id))
        until = time.monotonic() + TRY_SECONDS
        while not runner.connection_event.wait(LOOK_SECONDS):
            if self._was_stopped():
                raise SystemExit(STOPPED)
            if time.monotonic() > until:
                self._explain()
                return False
        runner.connected = True
        return True

    def _explain(self) -> None:
        """Count why there is no answer, and say it the first time."""
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
                    "%s takes connections and does not answer: LOADGEN_CLUSTER_SECRET must be the same text there and "
                    "here, and what listens there a master of loadgen's",
                    self._place,
                )


def tell_locust(environment: Environment, results: Sequence[Result]) -> None:
    """Tell Locust of requests that are over; 429 is a figure of its own there, not a failure.

    Locust's event is fired for each of them where others listen. Where Locust's statistics alone do, those without an
    error are added a group at a time, in a fifth of the time.
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
    """What `log_request` does for each of these response times: the first by itself, which moves its clocks on."""
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


def forget_statistics(runner: Runner) -> None:
    """Drop what Locust's statistics keep for each second of a run: ours are elsewhere, and a long run grows by it."""
    stats = runner.stats
    for entry in (stats.total, *stats.entries.values()):
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
            for second in sorted(counts)[:-KEPT_SECONDS]:
                del counts[second]
    del stats.history[:-KEPT_SECONDS]
