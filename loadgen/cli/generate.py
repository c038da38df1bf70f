"""loadgen generate: a scenario's first sessions as PutRumEvents bodies in a file."""

from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli import options as shared
from loadgen.cli.terminal import echo
from loadgen.units import format_items


@shared.job_command(
    "verb_options.GenerateOptions", "loadgen generate quickstart --sessions 1000 --start now --out bodies.ndjson"
)
@shared.SCENARIO
@click.option("--sessions", type=shared.WholeCountOption(), required=True, help="Number of visits.")
@click.option(
    "--out", type=shared.OutputPath(), required=True, help="NDJSON file, a body a line; - for standard output."
)
@shared.SEED
@click.option("--start", help="Start: now, or ISO 8601, UTC; 2026-01-01, or soon after, unless given.")
@shared.DIALECT
@click.option("--gzip", is_flag=True, help="Compress the file.")
@click.option("--workers", type=int, help="Processes that share the work.")
def generate(scenario: Path, out: Path, gzip: bool, **options: Any) -> None:
    """Write the PutRumEvents bodies of a scenario's first sessions; the same seed gives the same bytes."""
    from loadgen.jobs.progress import ProgressView, describe_output

    with ProgressView() as view:
        written = loadgen.write_bodies(scenario, out, gzip=gzip, on_progress=view, **options)
    if written.ground_truth is not None:
        echo(f"{written.ground_truth}: which sessions incidents hit")
    batches, sessions = format_items(written.batches, "batch"), format_items(written.sessions, "session")
    echo(f"{describe_output(out)}: {batches} of {sessions}, seed {written.seed}")
