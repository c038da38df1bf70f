"""loadgen policy: the resource policy of an app monitor."""

from __future__ import annotations

from pathlib import Path

import click

import loadgen
from loadgen.cli.options import FILE, NAME, YES, with_monitors
from loadgen.cli.terminal import VerbGroup, ask_on_terminal, echo_json


@click.group(cls=VerbGroup)
def policy() -> None:
    """The resource policy of an app monitor: who may send to it."""


@policy.command("show", epilog="Example: loadgen policy show shop")
@NAME
@with_monitors
def show_policy(name: str, opened: loadgen.Monitors) -> None:
    """Print the policy document and its revision, as RUM returns them; `policy put` accepts that output."""
    echo_json(opened.read_policy(name))


@policy.command("put", epilog="Example: loadgen policy put shop policy.json")
@NAME
@click.argument("file", type=FILE, required=False)
@click.option("--public", is_flag=True, help="Let everybody send, also unsigned, in place of a file.")
@click.option("--revision", help="Replace only this revision.")
@with_monitors
def put_policy(name: str, file: Path | None, public: bool, revision: str | None, opened: loadgen.Monitors) -> object:
    """Set the policy: a JSON document from a file (as `policy show` prints it, too), or --public."""
    return opened.put_policy(name, file, public=public, revision=revision)


@policy.command("delete", epilog="Example: loadgen policy delete shop")
@NAME
@with_monitors
@YES
def remove_policy(name: str, opened: loadgen.Monitors, yes: bool) -> object:
    """Delete the policy, after showing it."""
    return opened.delete_policy(name, confirm=ask_on_terminal(yes))
