"""loadgen init: write a commented scenario to start from."""

import click

from loadgen.cli.terminal import echo


@click.command(epilog="Example: loadgen init shop, and then: loadgen run shop.toml")
@click.argument("name", default="my-site")
def init(name: str) -> None:
    """Write NAME.toml, a commented scenario, and beside it the schema with which editors complete and check it."""
    from loadgen.jobs.init import init as job

    file = job(name)
    echo(f"{file}: a scenario to edit", f"see what it implies: loadgen check {file}")
