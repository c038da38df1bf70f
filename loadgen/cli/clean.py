"""loadgen clean: take away what a seeding made."""

from __future__ import annotations

from pathlib import Path

import click

from loadgen.cli.options import RUN_DIR
from loadgen.cli.targets import YES, ask_on_terminal
from loadgen.cli.terminal import echo


@click.command(epilog="Example: loadgen clean results/seed-shop-quickstart --dry-run")
@RUN_DIR
@click.option("--dry-run", is_flag=True, help="Show what would go, and delete nothing.")
@YES
def clean(run_dir: Path, dry_run: bool, yes: bool) -> None:
    """Delete the app monitors that a `loadgen seed` made (they carry its tag), and nothing else."""
    from loadgen.jobs import seed as job

    confirm = ask_on_terminal(yes)
    found = job.clean(run_dir, dry_run=dry_run, confirm=confirm, on_progress=lambda each: echo(each.text, err=True))
    echo("\n".join(job.describe_cleanup(found)))
