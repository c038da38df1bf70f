"""loadgen generate: a scenario's first sessions as PutRumEvents bodies in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loadgen.cli.terminal import echo
from loadgen.cli.values import SCENARIO, WholeCountOption, echo_error


@click.command()
@SCENARIO
@click.option("--sessions", type=WholeCountOption(), required=True, help="How many visits.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    help="NDJSON file, a PutRumEvents body a line; - for standard output.",
)
@click.option("--seed", type=int, help="In place of the scenario's; 0 when it has none.")
@click.option(
    "--start",
    default="2026-01-01",
    show_default=True,
    help="Date of the first events: now, or ISO 8601, UTC. The same start gives the same bytes.",
)
@click.option(
    "--dialect",
    type=click.Choice(["web", "sdk"]),
    default="web",
    show_default=True,
    help="As the RUM web client writes bodies, or an AWS SDK.",
)
@click.option("--gzip", is_flag=True, help="Compress the file.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes that share the work.")
def generate(scenario: Path, out: Path, gzip: bool, **options: Any) -> None:
    """Write the PutRumEvents bodies of a scenario's first sessions; the same seed gives the same bytes."""
    from loadgen.jobs.generate import write_bodies
    from loadgen.output import is_stream

    written = write_bodies(scenario, out, gzip=gzip, on_progress=echo_error, **options)
    aside = is_stream(out)
    if written.ground_truth is not None:
        echo(f"{written.ground_truth}: which of them incidents hit", err=aside)
    echo(f"{out}: {written.batches:,} batches of {written.sessions:,} sessions, seed {written.seed}", err=aside)
