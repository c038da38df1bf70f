"""loadgen worker: a share of a run that another machine conducts."""

from typing import Any

import click

import loadgen
from loadgen.cli import options as shared


@shared.job_command("verb_options.WorkerOptions", "loadgen worker --master-host 192.0.2.10 --processes 4")
@click.option("--master-host", required=True, help="Machine with `loadgen run --master`.")
@click.option("--master-port", type=shared.PORT)
@click.option("--processes", type=shared.Integer(min=1), help="Workers on this machine, by Locust's own --processes.")
@shared.network_options
@click.option("--otel", is_flag=True, help="Export from here by Locust's OpenTelemetry.")
def worker(**options: Any) -> None:
    """Send a share of a run that another machine conducts; this machine needs only credentials."""
    from loadgen.jobs.run import LiveView

    with LiveView(on_stderr=True) as view:
        loadgen.worker(on_progress=view, **options)
