"""loadgen worker: a share of a run that another machine conducts."""

import click

from loadgen.cli import options as shared


@click.command(epilog="Example: loadgen worker --master-host 192.0.2.10 --processes 4")
@click.option("--master-host", required=True, help="Machine with `loadgen run --master`.")
@click.option("--master-port", type=shared.PORT, default=5557)
@click.option("--processes", type=shared.Integer(min=1), help="Workers on this machine, by Locust's own --processes.")
@shared.network_options
@click.option("--otel", is_flag=True, help="Export from here by Locust's OpenTelemetry.")
def worker(
    master_host: str, master_port: int, processes: int | None, proxy: str | None, ca_bundle: str | None, otel: bool
) -> None:
    """Send a share of a run that another machine conducts; this machine needs only credentials."""
    from loadgen.jobs import run as job
    from loadgen.transport import override_network

    with override_network(proxy, ca_bundle), job.LiveView(on_stderr=True) as view:
        job.worker(master_host, master_port, processes=processes, otel_export=otel, on_progress=view)
