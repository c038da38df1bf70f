"""`loadgen worker`: turn this process into Locust workers, which send a share of another machine's run."""

from __future__ import annotations

import os
import socket
import time
from typing import Any, NoReturn

from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnProgress, WorkProgress, ignore_progress
from loadgen.jobs.run import otel
from loadgen.jobs.run.locust_process import DEFAULTS, make_command
from loadgen.options import require_callback, resolve_options, show_options
from loadgen.results import MASTER_SEEN
from loadgen.transport import override_network
from loadgen.verb_options import WorkerOptions

PATIENCE_SECONDS, LOOK_SECONDS = 300.0, 0.5


@show_options(WorkerOptions)
def worker(
    master_host: str,
    *,
    on_progress: OnProgress = ignore_progress,
    **options: Any,
) -> NoReturn:
    """Wait for a master, then replace this process by its workers; `options` are fields of `WorkerOptions`.

    LoadgenError: an option is out of bounds, or no master answers.
    """
    require_callback(on_progress, "on_progress")
    asked = resolve_options(WorkerOptions, {"master_host": master_host} | options)
    if asked.otel:
        otel.check_installed()
    with override_network(asked.proxy, asked.ca_bundle):
        wait_for_master(asked.master_host, asked.master_port, on_progress)
        shared = [*(["--otel"] if asked.otel else []), *([f"--processes={asked.processes}"] if asked.processes else [])]
        command = make_command(
            "--worker",
            f"--master-host={asked.master_host}",
            f"--master-port={asked.master_port}",
            "--stop-timeout=60",
            *shared,
        )
        os.execve(command[0], command, DEFAULTS | dict(os.environ) | {MASTER_SEEN: "1"})


def wait_for_master(host: str, port: int, tell: OnProgress, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until the master's port accepts connections: Locust itself would say nothing for half a minute."""
    deadline, notified = time.monotonic() + patience, False
    while trouble := find_absence(host, port):
        if not notified:
            wait = (
                f"waiting for {host}:{port}, at most {patience:.0f} s ({trouble}): start `loadgen run --master` "
                "there; a master whose run is over takes no more workers"
            )
            tell(WorkProgress(wait))
            notified = True
        if time.monotonic() + LOOK_SECONDS > deadline:
            raise LoadgenError(
                f"no master on {host}:{port} within {patience:.0f} s ({trouble}); start `loadgen run --master` there, "
                "or check --master-host, --master-port and the network in between"
            )
        time.sleep(LOOK_SECONDS)
    tell(f"found {host}:{port}; the run begins when all its workers are connected")


def find_absence(host: str, port: int) -> str:
    """Return why a port cannot be reached; "" if it accepts connections."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
