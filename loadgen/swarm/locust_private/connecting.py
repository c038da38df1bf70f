"""A worker's first words with its master: it says within seconds why there is no answer, and ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, cast

from gevent import socket
from locust import __version__ as locust_version
from locust.rpc.protocol import Message
from locust.runners import WorkerRunner

TRY_SECONDS, LOOK_SECONDS = 5.0, 0.5  # of a worker that waits for its master's answer
TRIES, SILENT_TRIES, ABSENT_TRIES = 60, 5, 2
STOPPED, NO_MASTER = 130, 2  # exit codes

log = logging.getLogger("loadgen")


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
