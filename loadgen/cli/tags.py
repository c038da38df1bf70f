"""loadgen tags: the tags of an app monitor."""

from __future__ import annotations

import click

import loadgen
from loadgen.cli.options import JSON, NAME, with_monitors
from loadgen.cli.terminal import VerbGroup, show_result


@click.group(cls=VerbGroup)
def tags() -> None:
    """Tags of an app monitor."""


@tags.command("list", epilog="Example: loadgen tags list shop")
@NAME
@with_monitors
@JSON
def list_tags(name: str, opened: loadgen.Monitors, as_json: bool) -> None:
    """List the tags."""
    from loadgen.jobs.monitors import describe_tags

    found = opened.read_tags(name)
    show_result(found, describe_tags(found), as_json)


@tags.command("add", epilog="Example: loadgen tags add shop team=web stage=demo")
@NAME
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@with_monitors
def add_tags(name: str, pairs: tuple[str, ...], opened: loadgen.Monitors) -> object:
    """Add tags, or give them new values."""
    return opened.add_tags(name, pairs)


@tags.command("remove", epilog="Example: loadgen tags remove shop stage")
@NAME
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@with_monitors
def remove_tags(name: str, keys: tuple[str, ...], opened: loadgen.Monitors) -> object:
    """Remove tags by key."""
    return opened.remove_tags(name, keys)
