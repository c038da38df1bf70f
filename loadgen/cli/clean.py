"""loadgen clean: delete the app monitors that a seeding created."""

from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli.options import RUN_DIR, YES, network_options
from loadgen.cli.terminal import ask_on_terminal, echo, echo_error


@click.command(epilog="Example: loadgen clean results/seed-shop-quickstart --dry-run")
@RUN_DIR
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@network_options
@YES
def clean(run_dir: Path, yes: bool, **options: Any) -> None:
    """Delete the app monitors that a `loadgen seed` created (they have its tag), and nothing else."""
    from loadgen.jobs.seed import describe_cleanup

    found = loadgen.clean(run_dir, confirm=ask_on_terminal(yes), on_progress=echo_error, **options)
    echo(*describe_cleanup(found))
