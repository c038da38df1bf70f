"""loadgen tags: the tags of an app monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from loadgen.cli.options import JSON
from loadgen.cli.targets import NAME, show_result, with_account
from loadgen.cli.terminal import VerbGroup

if TYPE_CHECKING:
    from loadgen.aws import Account


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
def add_tags(name: str, pairs: tuple[str, ...], account: Account) -> None:
    """Add tags, or give them new values."""
    from loadgen.jobs.monitors import change, check_name, describe_call, parse_tags

    arn = account.build_arn(check_name(name))
    made = change(account, "TagResource", ResourceArn=arn, Tags=parse_tags(pairs))
    show_result(made, describe_call(made), as_json=False)


@tags.command("remove", epilog="Example: loadgen tags remove shop stage")
@NAME
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@with_account
def remove_tags(name: str, keys: tuple[str, ...], account: Account) -> None:
    """Remove tags by key."""
    from loadgen.jobs.monitors import change, check_name, describe_call

    made = change(account, "UntagResource", ResourceArn=account.build_arn(check_name(name)), TagKeys=list(keys))
    show_result(made, describe_call(made), as_json=False)
