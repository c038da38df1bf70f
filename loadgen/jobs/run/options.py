"""What our command line asked for, and how it is told to Locust."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from loadgen.aws import MonitorTarget
from loadgen.errors import LoadgenError
from loadgen.jobs.run.otel import check_installed
from loadgen.model import Noun
from loadgen.results import RunFolder


class Options(Noun, kw_only=True):
    """The options of `loadgen run`."""

    target: str
    quiet: bool
    monitor: str | None
    region: str | None
    duration: float | None
    rate: float
    pace: str
    seed: int | None
    sample_rate: float | None
    senders: int
    processes: int | None
    master: bool
    expect_workers: int
    bind_host: str
    bind_port: int
    max_events: int | None
    quota: float | None
    faults: str | None
    store: Path | None
    dialect: str
    out: Path | None
    web: int | None
    prometheus: int | None
    otel: bool
    yes: bool

    @property
    def workers(self) -> int:
        """How many processes send."""
        return self.expect_workers if self.master else self.processes or 1

    def check(self) -> None:
        """Refuse options that do not go together."""
        if self.master and self.target == "local":
            raise LoadgenError(
                "--master: workers on other machines cannot reach the endpoint of --target local; "
                "start `loadgen serve --host ADDRESS` and give its URL"
            )
        if self.web is not None and self.web == self.prometheus:
            raise LoadgenError(f"--web and --prometheus: port {self.web} cannot serve both; give one of them another")
        for name, port in (("--web", self.web), ("--prometheus", self.prometheus)):
            if port is not None and not port_is_free(port):
                raise LoadgenError(f"{name}: port {port} is in use; give another")
        if self.otel:
            check_installed()
        if self.master and self.processes:
            raise LoadgenError("--master and --processes: give one of them; a worker may have --processes of its own")


def locust_arguments(
    file: Path, options: Options, seed: int, targets: Sequence[MonitorTarget], folder: RunFolder
) -> list[str]:
    """The command line of the Locust process, after `-f`."""
    given: dict[str, object] = {
        "--scenario": file.resolve(),
        "--host": targets[0].url,
        "--monitor-id": ",".join(f"{each.monitor_name}={each.monitor_id}" for each in targets),
        "--region": targets[0].region,
        "--seed": seed,
        "--pace": options.pace,
        "--rate": options.rate,
        "--duration": options.duration,
        "--sample-rate": options.sample_rate,
        "--max-events": options.max_events,
        "--dialect": options.dialect,
        "--out": folder.path.resolve(),
        "--users": options.senders * options.workers,
        "--spawn-rate": options.senders * options.workers,
        "--processes": options.processes,
        "--prometheus": options.prometheus,
    }
    flags = ["--otel"] if options.otel else []
    return [*flags, *view(options), *network(options), *(f"{k}={v}" for k, v in given.items() if v is not None)]


def view(options: Options) -> list[str]:
    """With Locust's web UI, on loopback, for as long as the run; or without."""
    if options.web is None:
        return ["--headless"]
    return ["--autostart", "--autoquit=0", "--web-host=127.0.0.1", f"--web-port={options.web}"]


MAX_WAIT = "--expect-workers-max-wait=60"
"""Seconds; a worker that dies before it has connected would else be waited for without end."""


def network(options: Options) -> list[str]:
    """Where the workers find their master."""
    if not options.master:
        port = free_port()
        return [f"--master-port={port}", f"--master-bind-port={port}", "--master-bind-host=127.0.0.1", MAX_WAIT]
    return [
        "--master",
        f"--expect-workers={options.expect_workers}",
        MAX_WAIT,
        f"--master-bind-host={options.bind_host}",
        f"--master-bind-port={options.bind_port}",
    ]


def port_is_free(port: int) -> bool:
    """Whether somebody can listen on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port for Locust's master, so that two runs do not meet on the usual one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
