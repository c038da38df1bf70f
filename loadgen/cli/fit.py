"""loadgen fit: turn recorded RUM data into a scenario."""

from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli import options as shared
from loadgen.cli.terminal import show_result


@shared.job_command("verb_options.FitOptions", "loadgen fit rum-logs.ndjson.gz --out shop.toml --report fit.html")
@click.argument("sources", nargs=-1, type=shared.FILE, metavar="[SOURCE]...")
@click.option("--out", type=shared.WritablePath(), required=True, help="Scenario file, TOML; - for standard output.")
@click.option(
    "--report", "--html", type=shared.WritablePath(), help="HTML page: recorded and generated traffic overlaid."
)
@click.option("--name", help="Name of the scenario; from --out unless given.")
@click.option("--sample-rate", type=shared.SHARE, help="Share of sessions that the client recorded; 1 unless given.")
@click.option("--at-least", type=shared.Integer(1), help="Fewest visitors that share a text that is written.")
@click.option("--page", multiple=True, metavar="PATTERN", help="Paths of one page, as /help/{topic}; repeatable.")
@click.option("--holdout", type=shared.SHARE, help="Share of the sessions to compare with, not to fit.")
@click.option("--seed", type=shared.Integer(0), help="Seed of the sessions generated for the comparison.")
@click.option("--monitor", metavar="NAME", help="App monitor to read live.")
@shared.target_options
@click.option("--after", metavar="TIME", help="Start of the live reading, UTC; 30 days ago unless given.")
@click.option("--before", metavar="TIME", help="End of the live reading; now unless given.")
@shared.JSON
def fit(sources: tuple[Path, ...], out: Path, report: Path | None, as_json: bool, **options: Any) -> None:
    """Turn recorded RUM data (logs, read-back events, bodies, a store; plain or gzip) into a scenario."""
    from loadgen.jobs.fit import describe_fit, format_fitted
    from loadgen.jobs.progress import ProgressView

    with ProgressView() as view:
        fitted = loadgen.fit(sources, out=out, report=report, on_progress=view, **options)
    show_result(describe_fit(fitted), format_fitted(fitted), as_json)
