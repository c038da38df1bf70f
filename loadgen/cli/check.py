"""loadgen check: what is wrong with a scenario file, or which traffic it implies."""

from __future__ import annotations

from pathlib import Path

import click

from loadgen.cli.options import SCENARIO
from loadgen.cli.terminal import echo


@click.command(epilog="Example: loadgen check storefront")
@SCENARIO
def check(scenario: Path) -> None:
    """Check a scenario file: say all that is wrong with it, or which traffic it implies."""
    from loadgen.jobs import check as job

    echo(f"{scenario}: fine. {job.format_check(job.check(scenario))}")
