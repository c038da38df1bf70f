"""The steps of `loadgen verify`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import msgspec

from loadgen.aws import Account, read_events
from loadgen.errors import LoadgenError
from loadgen.jobs.seed.identity import Identity
from loadgen.jobs.seed.in_doubt import AWS, LOCAL
from loadgen.jobs.seed.ledger import Ledger
from loadgen.jobs.seed.verify import verify
from loadgen.jobs.seed.view import verified_lines


def verify_run(folder: Path, wait: float | None, as_json: bool) -> bool:
    """Read back and compare; whether nothing is lost or twice."""
    with Ledger(folder) as ledger:
        identity = ledger.identity
        if identity is None:
            raise LoadgenError(f"{folder}: nothing was sent from it yet")
        account = account_at(identity)
        visibility = LOCAL if account.is_local else AWS
        tell = (lambda _: None) if as_json else click.echo
        found = verify(ledger, partial(read_events, account, identity.monitor), visibility, wait, tell)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        else:
            for line in verified_lines(found, identity, ledger.finished):
                click.echo(line)
    return found.sound


def account_at(identity: Identity) -> Account:
    """The control plane of where a run went, whatever the environment says now."""
    return Account(identity.region, endpoint_url=identity.target.replace("://dataplane.", "://", 1))
