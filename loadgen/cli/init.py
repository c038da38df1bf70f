"""loadgen init: write a commented scenario to start from."""

import click

import loadgen
from loadgen.cli.terminal import echo


@click.command(epilog="Example: loadgen init shop, and then: loadgen run shop.toml")
@click.argument("name", default="my-site")
def init(name: str) -> None:
    """Write NAME.toml, a commented scenario, and beside it the schema with which editors complete and check it."""
    file = loadgen.init(name)
    echo(
        f"{file}: a scenario to edit",
        f"{file.with_name('scenario.schema.json')}: with which editors complete and check it",
        f"see what it implies: loadgen check {file}",
    )
