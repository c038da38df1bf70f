"""A worker's wait for its master: Locust itself says nothing of it for half a minute."""

from __future__ import annotations

import socket
import time

import click

from loadgen.errors import LoadgenError

PATIENCE_SECONDS, LOOK_SECONDS = 300.0, 0.5


def wait_for_master(host: str, port: int, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until somebody listens where the master should be, and say so meanwhile."""
    deadline, told = time.monotonic() + patience, False
    while trouble := absence(host, port):
        if not told:
            click.echo(f"waiting for {host}:{port}", err=True)
            told = True
        if time.monotonic() + LOOK_SECONDS > deadline:
            raise LoadgenError(
                f"no master on {host}:{port} within {patience:.0f} s ({trouble}); start `loadgen run --master` there, "
                "or check --master-host, --master-port and what lies between"
            )
        time.sleep(LOOK_SECONDS)
    click.echo(f"found {host}:{port}; the run begins when all of its workers are there", err=True)


def absence(host: str, port: int) -> str:
    """Why nobody can be reached; empty when somebody listens."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
