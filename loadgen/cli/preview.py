"""loadgen preview: one page of plots of a scenario's traffic, without sending it."""

from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli import options as shared
from loadgen.cli.terminal import echo
from loadgen.units import format_items


@shared.job_command("verb_options.PreviewOptions", "loadgen preview bad-release --out preview.html")
@shared.SCENARIO
@click.option("--out", type=shared.WritablePath(), required=True, help="HTML file; it needs no other file.")
@shared.DURATION_OPTION
@shared.RATE
@shared.SEED
def preview(scenario: Path, out: Path, **options: Any) -> None:
    """Draw a scenario's traffic as one page of plots: arrivals, depth, think times, vitals, events, batches, visits."""
    from loadgen.jobs.progress import ProgressView, describe_output

    with ProgressView() as view:
        seen = loadgen.preview(scenario, out=out, on_progress=view, **options)
    echo(f"{describe_output(out)}: {seen.visits:,} of {format_items(len(seen.starts), 'visit')}, seed {seen.seed}")
