"""loadgen check: the problems of a scenario file, or the traffic that it implies."""

import sys
from pathlib import Path

import click

from loadgen.cli.options import JSON, SCENARIO
from loadgen.cli.terminal import echo, echo_json


@click.command(epilog="Example: loadgen check storefront")
@SCENARIO
@JSON
def check(scenario: Path, as_json: bool) -> None:
    """Check a scenario file: name all its problems, or describe the traffic that it implies."""
    from loadgen.jobs import check as job
    from loadgen.jobs.progress import ProgressView

    with ProgressView() as view:
        found = (job.report_check if as_json else job.check)(scenario, on_progress=view)
    if isinstance(found, job.CheckReport):
        echo_json(found)
        sys.exit(0 if found.valid else 2)
    first, *more = job.list_lines(*found)
    echo(f"{scenario}: fine. {first}", *more)
