"""loadgen find-limit: the highest request rate that a target keeps up with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from loadgen.cli.targets import ACCEPT, SENDERS, ask_on_terminal, network_options
from loadgen.cli.terminal import echo
from loadgen.cli.values import DURATION, POSITIVE, QUOTA, SCENARIO, SHARE


@click.command("find-limit")
@SCENARIO
@click.option("--target", default="local", show_default=True, metavar="local|URL|aws", help="Where requests go.")
@click.option("--monitor", metavar="NAME", help="App monitor, by name or id; the scenario's unless given.")
@click.option("--region", help="For --target URL and aws; boto3's usual chain unless given.")
@click.option("--max-throttled", type=SHARE, default="0.1%", show_default=True, help="Requests that may get a 429.")
@click.option("--max-failed", type=SHARE, default="0.1%", show_default=True, help="Requests that may fail otherwise.")
@click.option(
    "--max-p99", type=click.FloatRange(min=0, min_open=True), help="Milliseconds of latency, 99th percentile."
)
@click.option("--start", type=POSITIVE, default=10.0, show_default=True, help="First rate, requests a second.")
@click.option("--max-rate", type=POSITIVE, default=5000.0, show_default=True, help="No higher rate is tried.")
@click.option(
    "--precision",
    type=click.FloatRange(0.005, 0.5),
    default=0.05,
    show_default=True,
    help="How far the highest good rate and the lowest bad one may lie apart.",
)
@click.option("--hold", type=DURATION, default="10s", show_default=True, help="Length of a window.")
@click.option("--max-windows", type=click.IntRange(4, 200), default=40, show_default=True, help="Then it stops unsure.")
@SENDERS
@click.option("--quota", type=QUOTA, default="50", show_default=True, help="Of the local endpoint, a second; or off.")
@ACCEPT
@network_options
@click.option("--seed", type=click.IntRange(min=0), help="Same scenario and seed, same sessions.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--yes", is_flag=True, help="Do not ask before sending to AWS.")
@click.option("--json", "as_json", is_flag=True, help="Print limit.json, and nothing else, on standard output.")
def find_limit(scenario: Path, out: Path | None, as_json: bool, yes: bool, **options: Any) -> None:
    """Find the highest request rate that keeps the conditions: climb, bracket, bisect, confirm."""
    from loadgen.jobs.find_limit import Progress, build_limit_view, find_limit, format_step
    from loadgen.output import format_json
    from loadgen.report import show

    def show_progress(progress: Progress) -> None:
        echo(progress if isinstance(progress, str) else format_step(progress), err=True)

    found = find_limit(scenario, out=out, on_progress=show_progress, confirm=ask_on_terminal(yes), **options)
    if as_json:
        click.echo(format_json(found.limit), nl=False)
    else:
        show(build_limit_view(found.limit))
        echo(f"results   {found.folder}")
    if found.limit.interrupted:
        sys.exit(130)
    sys.exit(0 if found.limit.confirmed and not found.limit.own else 3)
