"""loadgen preview: one page of plots of a scenario's traffic, without sending it."""

from __future__ import annotations

from pathlib import Path

import click

from loadgen.cli.values import SCENARIO, DurationOption


@click.command()
@SCENARIO
@click.option("--out", type=click.Path(path_type=Path), required=True, help="HTML file; it needs nothing beside it.")
@click.option("--duration", type=DurationOption(), help="In place of the scenario's, such as 30s, 5m, 2h, 7d.")
@click.option("--rate", type=click.FloatRange(0, 1e6, min_open=True), default=1.0, help="A factor on the arrivals.")
@click.option("--seed", type=click.IntRange(min=0), help="In place of the scenario's; 0 when it has none.")
def preview(scenario: Path, out: Path, duration: float | None, rate: float, seed: int | None) -> None:
    """Draw a scenario's traffic as one page of plots: arrivals, depth, think times, vitals, events, batches, visits."""
    from loadgen.jobs.first_monitor import first_alone
    from loadgen.jobs.preview import look, preview_page
    from loadgen.report.html import room_for_page, write_page
    from loadgen.scenario import load, resolve_seed
    from loadgen.traffic import check_size

    room_for_page(out)
    checked = first_alone(load(scenario), "preview").adjusted(duration=duration, rate=rate)
    check_size(checked)
    chosen = resolve_seed(checked, seed, otherwise=0)
    seen = look(checked, chosen)
    write_page(preview_page(seen), out)
    click.echo(f"{out}: {seen.visits:,} of {len(seen.starts):,} visits, seed {chosen}")
