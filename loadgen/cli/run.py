"""loadgen run: a scenario becomes a target, a Locust process, a live view and a summary."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click.core import ParameterSource

from loadgen.cli.values import SCENARIO, DurationOption, PaceOption, QuotaOption
from loadgen.errors import LoadgenError


@click.command()
@SCENARIO
@click.option("--target", default="local", show_default=True, metavar="local|URL|aws", help="Where requests go.")
@click.option(
    "--monitor", metavar="NAME", help="App monitor, by name or id, in place of the scenario's; not with neighbours."
)
@click.option("--region", help="For --target URL and aws; boto3's usual chain unless given.")
@click.option("--duration", type=DurationOption(), help="In place of the scenario's, such as 30s or 5m.")
@click.option("--rate", type=click.FloatRange(0, 1e6, min_open=True), default=1.0, help="A factor on the arrivals.")
@click.option("--pace", type=PaceOption(), default="realtime", show_default=True, metavar="realtime|Nx|max")
@click.option("--seed", type=click.IntRange(min=0), help="Same scenario and seed, same sessions.")
@click.option("--sample-rate", type=click.FloatRange(0, 1), help="Share of sessions that are recorded.")
@click.option(
    "--senders",
    type=click.IntRange(1, 900),
    default=500,
    show_default=True,
    help="Most requests in flight, per process.",
)
@click.option("--processes", type=click.IntRange(min=1), help="Share the work, by Locust's own --processes.")
@click.option("--master", is_flag=True, help="Wait for workers on other machines; see `loadgen worker`.")
@click.option("--expect-workers", type=click.IntRange(min=1), default=1, show_default=True, help="With --master.")
@click.option("--bind-host", default="0.0.0.0", show_default=True, help="With --master: where workers connect.")
@click.option("--bind-port", type=click.IntRange(1, 65535), default=5557, show_default=True, help="With --master.")
@click.option("--max-events", type=click.IntRange(min=1), help="Stop hard before more events than this are sent.")
@click.option(
    "--quota", type=QuotaOption(), default="50", show_default=True, help="Of the local endpoint, a second; or off."
)
@click.option("--faults", metavar="TEXT", help="Outages of the local endpoint, as `loadgen serve --faults`.")
@click.option(
    "--store", type=click.Path(path_type=Path), help="Keep what the local endpoint accepts in this SQLite file."
)
@click.option(
    "--dialect",
    type=click.Choice(["web", "sdk"]),
    default="web",
    show_default=True,
    help="sdk: without SessionMetadata.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the results; results/<time>-<name> unless given."
)
@click.option(
    "--web",
    type=click.IntRange(1, 65535),
    is_flag=False,
    flag_value=8089,
    metavar="[PORT]",
    help="Open Locust's web UI on loopback, on port 8089 unless given.",
)
@click.option(
    "--prometheus", type=click.IntRange(1, 65535), metavar="PORT", help="Serve live figures for Prometheus on loopback."
)
@click.option("--otel", is_flag=True, help="Locust's own OpenTelemetry export; needs pip install locust[otel].")
@click.option("--yes", is_flag=True, help="Do not ask before sending to AWS.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json, and nothing else, on standard output.")
def run(scenario: Path, target: str, as_json: bool, **options: object) -> None:
    """Send a scenario's traffic, measure it, and say what became of every event."""
    from loadgen.jobs.run.options import Options
    from loadgen.jobs.run.steps import run_scenario
    from loadgen.report.terminal import show, summary_view
    from loadgen.results.store import pretty
    from loadgen.results.verdict import EXIT_CODES

    if target != "local":
        refuse_local_options()
    summary, folder = run_scenario(scenario, Options(target=target, quiet=as_json, **options))  # type: ignore[arg-type]  # click has checked them
    if as_json:
        click.echo(pretty(summary), nl=False)
    else:
        show(summary_view(summary))
        click.echo(f"results   {folder.path}")
    sys.exit(EXIT_CODES[summary.verdict])


def refuse_local_options() -> None:
    """An option that would do nothing must not seem to do something."""
    source = click.get_current_context().get_parameter_source
    for name in ("quota", "faults", "store"):
        if source(name) is ParameterSource.COMMANDLINE:
            raise LoadgenError(f"--{name}: only for --target local; give it to the endpoint that you run against")


@click.command()
@click.option("--master-host", required=True, help="The machine with `loadgen run --master`.")
@click.option("--master-port", type=click.IntRange(1, 65535), default=5557, show_default=True)
@click.option("--processes", type=click.IntRange(min=1), help="Workers on this machine, by Locust's own --processes.")
@click.option("--otel", is_flag=True, help="Locust's own OpenTelemetry export, from here.")
def worker(master_host: str, master_port: int, processes: int | None, otel: bool) -> None:
    """Send a share of a run that another machine conducts; needs credentials, and nothing else."""
    import os

    from loadgen.jobs.run import otel as opentelemetry
    from loadgen.jobs.run.locust_process import locust_command
    from loadgen.jobs.run.master_wait import wait_for_master

    if otel:
        opentelemetry.check_installed()
    wait_for_master(master_host, master_port)
    shared = [*(["--otel"] if otel else []), *([f"--processes={processes}"] if processes else [])]
    command = locust_command(
        "--worker", f"--master-host={master_host}", f"--master-port={master_port}", "--stop-timeout=60", *shared
    )
    os.execve(command[0], command, opentelemetry.environment(os.environ))
