"""loadgen find-limit: the highest request rate that a target keeps up with."""

import sys
from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli import options as shared
from loadgen.cli.terminal import ask_on_terminal, echo, echo_json, show_view


@shared.job_command("verb_options.FindLimitOptions", "loadgen find-limit storefront --max-p99 200 --quota off")
@shared.SCENARIO
@shared.TARGET
@click.option("--monitor", metavar="NAME", help="App monitor, by name or id; the scenario's unless given.")
@shared.REGION
@click.option("--max-throttled", type=shared.SHARE, help="Share of requests that may get a 429.")
@click.option("--max-failed", type=shared.SHARE, help="Share of requests that may fail otherwise.")
@click.option("--max-p99", type=shared.POSITIVE, help="Most latency in milliseconds, 99th percentile.")
@click.option("--start", type=shared.POSITIVE, help="First rate, requests a second.")
@click.option("--max-rate", type=shared.POSITIVE, help="No higher rate is tried.")
@click.option("--precision", type=shared.CountOption(0.005, 0.5), help="Relative gap between the last two rates.")
@click.option("--hold", type=shared.DURATION, help="Length of a window.")
@click.option("--max-windows", type=shared.Integer(4, 200), help="Most windows; then the search stops, not confirmed.")
@shared.SENDERS
@shared.LOCAL_QUOTA
@shared.ACCEPT
@shared.network_options
@shared.SEED
@click.option("--out", type=shared.FILE, help="Folder for the results.")
@shared.CONSENT
@shared.JSON
def find_limit(scenario: Path, out: Path | None, as_json: bool, yes: bool, **options: Any) -> None:
    """Find the highest request rate that keeps the conditions: climb, bracket, bisect, confirm."""
    from loadgen.jobs.find_limit import build_limit_view, format_step

    def show_progress(progress: Any) -> None:
        echo(progress if isinstance(progress, str) else format_step(progress), err=True)

    found = loadgen.find_limit(scenario, out=out, on_progress=show_progress, confirm=ask_on_terminal(yes), **options)
    if as_json:
        echo_json(found.limit)
    else:
        show_view(build_limit_view(found.limit))
        echo(f"results   {found.folder}")
    sys.exit(found.exit_code)
