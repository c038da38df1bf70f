"""loadgen sampling: the figures of a dashboard at other sample rates, and how low the rate may be."""

from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli import options as shared
from loadgen.cli.terminal import show_result


@shared.job_command("verb_options.SamplingOptions", "loadgen sampling storefront --rates 0.05,0.2 --over 1d")
@shared.SCENARIO
@click.option("--rates", type=shared.RATES, help="Sample rates to compare.")
@click.option("--change", type=shared.PERCENT, help="Change to detect; 0.1 is +10 %.")
@click.option("--power", type=shared.SHARE, help="Probability of detecting it.")
@click.option("--over", type=shared.DURATION, help="Time before and after the change; the scenario's unless given.")
@shared.RATE
@shared.VISITS_A_DAY
@shared.PEAK_TO_TROUGH
@shared.DURATION_OPTION
@shared.SEED
@click.option("--sessions", type=shared.WholeCountOption(), help="Most visits that are drawn.")
@shared.PRICE
@shared.JSON
def sampling(scenario: Path, as_json: bool, **options: Any) -> None:
    """Show a dashboard's figures of one population at each sample rate, and which rate detects a change."""
    from loadgen.jobs.progress import ProgressView
    from loadgen.jobs.sampling import list_lines

    with ProgressView() as view:
        found = loadgen.sampling(scenario, on_progress=view, **options)
    show_result(found, list_lines(found), as_json)
