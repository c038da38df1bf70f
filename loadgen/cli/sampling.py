"""loadgen sampling: what a dashboard shows at other sample rates, and how low the rate may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loadgen.cli.terminal import echo
from loadgen.cli.values import DURATION, RATES, SCENARIO, CountOption, WholeCountOption, echo_error


@click.command()
@SCENARIO
@click.option(
    "--rates",
    type=RATES,
    default="0.01,0.1,1",
    show_default=True,
    help="Sample rates to compare, above 0 to 1.",
)
@click.option("--change", type=float, default=0.1, show_default=True, help="To be seen; 0.1 is +10 %.")
@click.option("--power", type=float, default=0.8, show_default=True, help="Probability of seeing it.")
@click.option(
    "--over", type=DURATION, help="Time before and after the change, such as 1d; the scenario's unless given."
)
@click.option("--rate", type=CountOption(), default=1.0, help="A factor on the arrivals.")
@click.option("--sessions-per-day", type=CountOption(), help="Look at 24 hours with so many visits.")
@click.option(
    "--peak-to-trough",
    type=float,
    help="Busiest hour of that day against the quietest in one country, if the scenario is shorter; 4 unless given.",
)
@click.option("--duration", type=DURATION, help="In place of the scenario's, such as 30s, 5m, 2h, 7d.")
@click.option("--seed", type=int, help="In place of the scenario's; 0 when it has none.")
@click.option("--sessions", type=WholeCountOption(), default=20_000, show_default=True, help="Visits drawn at most.")
@click.option("--price", type=CountOption(), default=1e-5, show_default=True, help="Dollars an event.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, and nothing else.")
def sampling(scenario: Path, as_json: bool, **options: Any) -> None:
    """Show what a dashboard would tell of one population at each sample rate, and which rate sees a change."""
    from loadgen.jobs import sampling as job
    from loadgen.output import format_json

    found = job.sampling(scenario, on_progress=echo_error, **options)
    if as_json:
        click.echo(format_json(found), nl=False)
    else:
        echo(job.format_report(found))
