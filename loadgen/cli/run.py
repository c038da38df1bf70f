"""loadgen run: send a scenario's traffic to a target and measure it."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from loadgen.cli.targets import ACCEPT, SENDERS, ask_on_terminal, network_options
from loadgen.cli.terminal import echo
from loadgen.cli.values import (
    DURATION,
    PACE,
    QUOTA,
    SCENARIO,
    SHARE,
    CountOption,
    WholeCountOption,
)
from loadgen.errors import LoadgenError


@click.command()
@SCENARIO
@click.option("--target", default="local", show_default=True, metavar="local|URL|aws", help="Where requests go.")
@click.option(
    "--monitor", metavar="NAME", help="App monitor, by name or id, in place of the scenario's; not with neighbours."
)
@click.option("--region", help="For --target URL and aws; boto3's usual chain unless given.")
@click.option("--duration", type=DURATION, help="In place of the scenario's, such as 30s or 5m.")
@click.option("--rate", type=CountOption(0, 1e6, min_open=True), default=1.0, help="A factor on the arrivals.")
@click.option("--pace", type=PACE, default="realtime", show_default=True, metavar="realtime|Nx|max")
@click.option("--seed", type=click.IntRange(min=0), help="Same scenario and seed, same sessions.")
@click.option("--sample-rate", type=SHARE, help="Share of sessions that are recorded.")
@SENDERS
@click.option("--processes", type=click.IntRange(min=1), help="Share the work, by Locust's own --processes.")
@click.option("--master", is_flag=True, help="Wait for workers on other machines; see `loadgen worker`.")
@click.option("--expect-workers", type=click.IntRange(min=1), default=1, show_default=True, help="With --master.")
@click.option(
    "--bind-host", default="127.0.0.1", show_default=True, help="With --master: address that workers of others reach."
)
@click.option("--bind-port", type=click.IntRange(1, 65535), default=5557, show_default=True, help="With --master.")
@ACCEPT
@network_options
@click.option("--max-events", type=WholeCountOption(min=1), help="Stop hard before more events than this are sent.")
@click.option("--quota", type=QUOTA, default="50", show_default=True, help="Of the local endpoint, a second; or off.")
@click.option("--faults", metavar="TEXT", help="Outages of the local endpoint, as `loadgen serve --faults`.")
@click.option(
    "--store", type=click.Path(path_type=Path), help="Keep what the local endpoint accepts in this SQLite file."
)
@click.option("--dialect", type=click.Choice(["web", "sdk"]), default="web", help="sdk: without SessionMetadata.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the results; results/<time>-<name> unless given."
)
@click.option(
    "--web",
    type=click.IntRange(1, 65535),
    is_flag=False,
    flag_value=8089,
    metavar="[PORT]",
    help="Show Locust's UI.",
)
@click.option(
    "--prometheus", type=click.IntRange(1, 65535), metavar="PORT", help="Serve live figures for Prometheus on loopback."
)
@click.option("--otel", is_flag=True, help="Locust's own OpenTelemetry export; needs pip install locust[otel].")
@click.option("--tag", metavar="TEXT", help="A label for the run, in its report and in comparisons.")
@click.option("--yes", is_flag=True, help="Do not ask before sending to AWS.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json, and nothing else, on standard output.")
def run(scenario: Path, yes: bool, as_json: bool, **options: Any) -> None:
    """Send a scenario's traffic, measure it, and say what became of every event."""
    from loadgen.jobs import run as job
    from loadgen.output import format_json
    from loadgen.report import render_summary, show

    if options["target"] != "local":
        refuse_local_options()
    with job.LiveView(on_stderr=as_json) as view:
        done = job.run(scenario, on_progress=view, confirm=ask_on_terminal(yes), **options)
    with suppress(BrokenPipeError, SystemExit):  # the run is what it was, whether or not somebody still reads
        if as_json:
            click.echo(format_json(done.summary), nl=False)
        else:
            show(render_summary(done.summary))
            echo(f"results   {done.folder}")
    sys.exit(done.exit_code)


def refuse_local_options() -> None:
    """An option that would do nothing must not seem to do something."""
    source = click.get_current_context().get_parameter_source
    for name in ("quota", "faults", "store"):
        if source(name) is ParameterSource.COMMANDLINE:
            raise LoadgenError(f"--{name}: only for --target local; give it to the endpoint that you run against")
