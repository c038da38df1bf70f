"""loadgen scenarios: the shipped scenarios."""

import click

import loadgen
from loadgen.cli.options import JSON
from loadgen.cli.terminal import show_result


@click.command(epilog="Example: loadgen scenarios")
@JSON
def scenarios(as_json: bool) -> None:
    """List the shipped scenarios and their purposes; every verb that takes a scenario takes these names."""
    from loadgen.jobs.scenarios import list_lines

    found = loadgen.scenarios()
    show_result(found, list_lines(found), as_json)
