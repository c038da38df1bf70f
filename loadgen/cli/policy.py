"""loadgen policy: the resource policy of an app monitor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loadgen.cli.options import FILE, NAME, YES, with_account
from loadgen.cli.terminal import VerbGroup, ask_on_terminal, echo_json
from loadgen.errors import LoadgenError

if TYPE_CHECKING:
    from loadgen.aws import Account
    from loadgen.jobs.monitors import MadeCall


@click.group(cls=VerbGroup)
def policy() -> None:
    """The resource policy of an app monitor: who may send to it."""


@policy.command("show", epilog="Example: loadgen policy show shop")
@NAME
@with_account
def show_policy(name: str, account: Account) -> None:
    """Print the policy document and its revision, as RUM returns them; `policy put` accepts that output."""
    from loadgen.jobs.monitors import require_policy

    echo_json(require_policy(account, name))


@policy.command("put", epilog="Example: loadgen policy put shop policy.json")
@NAME
@click.argument("file", type=FILE, required=False)
@click.option("--public", is_flag=True, help="Let everybody send, also unsigned, in place of a file.")
@click.option("--revision", help="Replace only this revision.")
@with_account
def put_policy(name: str, file: Path | None, public: bool, revision: str | None, account: Account) -> MadeCall:
    """Set the policy: a JSON document from a file (as `policy show` prints it, too), or --public."""
    from loadgen.jobs.monitors import build_public_policy, change, check_name, read_document

    if public == (file is not None):
        raise LoadgenError("give either a file with the policy document, or --public")
    document = read_document(file) if file else build_public_policy(account.build_arn(check_name(name)))
    given = {"PolicyRevisionId": revision} if revision else {}
    return change(account, "PutResourcePolicy", Name=check_name(name), PolicyDocument=document, **given)


@policy.command("delete", epilog="Example: loadgen policy delete shop")
@NAME
@with_account
@YES
def remove_policy(name: str, account: Account, yes: bool) -> MadeCall:
    """Delete the policy, after showing it."""
    from loadgen.jobs.monitors import delete_policy

    return delete_policy(account, name, ask_on_terminal(yes))
