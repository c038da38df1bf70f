"""loadgen tags: the tags of an app monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from loadgen.cli.options import JSON, NAME, with_account
from loadgen.cli.terminal import VerbGroup, show_result

if TYPE_CHECKING:
    from loadgen.aws import Account
    from loadgen.jobs.monitors import MadeCall


@click.group(cls=VerbGroup)
def tags() -> None:
    """Tags of an app monitor."""


@tags.command("list", epilog="Example: loadgen tags list shop")
@NAME
@with_account
@JSON
def list_tags(name: str, account: Account, as_json: bool) -> None:
    """List the tags."""
    from loadgen.jobs.monitors import change, check_name, describe_tags

    found = change(account, "ListTagsForResource", ResourceArn=account.build_arn(check_name(name))).answer["Tags"]
    show_result(found, describe_tags(found), as_json)


@tags.command("add", epilog="Example: loadgen tags add shop team=web stage=demo")
@NAME
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@with_account
def add_tags(name: str, pairs: tuple[str, ...], account: Account) -> MadeCall:
    """Add tags, or give them new values."""
    from loadgen.jobs.monitors import change, check_name, parse_tags

    return change(account, "TagResource", ResourceArn=account.build_arn(check_name(name)), Tags=parse_tags(pairs))


@tags.command("remove", epilog="Example: loadgen tags remove shop stage")
@NAME
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@with_account
def remove_tags(name: str, keys: tuple[str, ...], account: Account) -> MadeCall:
    """Remove tags by key."""
    from loadgen.jobs.monitors import change, check_name

    return change(account, "UntagResource", ResourceArn=account.build_arn(check_name(name)), TagKeys=list(keys))
