"""The first contact of a worker with its master: without an answer it logs the cause and ends within seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, cast

from gevent import socket
from locust import __version__ as locust_version
from locust.rpc.protocol import Message
from locust.runners import WorkerRunner

TRY_SECONDS, LOOK_SECONDS = 5.0, 0.5  # to wait for an answer in one try, and between two looks for a signal
TRIES, SILENT_TRIES, ABSENT_TRIES = 60, 5, 2  # most tries: at all; with a silent master; with one that has just gone
STOPPED, NO_MASTER = 130, 2  # exit codes

log = logging.getLogger("loadgen")


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
