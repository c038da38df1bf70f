"""loadgen verify: read back the events that a seeding sent."""

import sys
from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli.options import JSON, RUN_DIR, SECONDS, network_options
from loadgen.cli.terminal import show_result


@click.command(epilog="Example: loadgen verify results/seed-shop-quickstart --wait 60")
@RUN_DIR
@click.option("--wait", type=SECONDS, help="Time to wait for events, such as 60s; as long as RUM may take.")
@network_options
@JSON
def verify(run_dir: Path, as_json: bool, **options: Any) -> None:
    """Read back what `loadgen seed` sent, and compare it with its ledger; exit 1 if events are lost or doubled."""
    from loadgen.jobs.progress import ProgressView
    from loadgen.jobs.seed import describe_verification

    with ProgressView() as view:
        found = loadgen.verify(run_dir, on_progress=view, **options)
    show_result(found, describe_verification(found), as_json)
    if not found.is_sound:
        sys.exit(1)
