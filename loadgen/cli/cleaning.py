"""The steps of `loadgen clean`."""

from __future__ import annotations

from pathlib import Path

import click

from loadgen.aws import Account, explain_errors
from loadgen.cli.verifying import account_at
from loadgen.errors import LoadgenError
from loadgen.jobs.seed.ledger import Ledger
from loadgen.jobs.seed.prepare import RUN_TAG
from loadgen.jobs.targets import agreed


def clean_run(folder: Path, dry_run: bool, yes: bool) -> None:
    """Delete the monitors that carry the run's tag."""
    with Ledger(folder) as ledger:
        identity = ledger.identity
    if identity is None:
        raise LoadgenError(f"{folder}: nothing was made from it")
    account = account_at(identity)
    names = created(account, identity.run)
    if not names:
        click.echo(f"{folder}: no app monitor carries {RUN_TAG} = {identity.run}; nothing to delete")
        return
    for name in names:
        click.echo(f"app monitor {name}: goes with its events, metric definitions, policy and tags")
    if dry_run:
        return
    if not yes and not agreed("Delete?"):
        raise LoadgenError("nothing was deleted; type yes when asked, or give --yes")
    for name in names:
        with explain_errors(f"deleting app monitor {name!r}"):
            account.rum.delete_app_monitor(Name=name)
        click.echo(f"deleted {name}")


def created(account: Account, run: str) -> list[str]:
    """The names of the monitors that a run made."""
    return [
        name
        for name in account.list_names()
        if (found := account.lookup(name)) is not None and found.get("Tags", {}).get(RUN_TAG) == run
    ]
