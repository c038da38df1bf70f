"""loadgen scenarios: the shipped scenarios."""

import click

from loadgen.cli.options import JSON
from loadgen.cli.terminal import show_result


@click.command(epilog="Example: loadgen scenarios")
@JSON
def scenarios(as_json: bool) -> None:
    """List the shipped scenarios and their purposes; every verb that takes a scenario takes these names."""
    from loadgen.jobs import scenarios as job

    found = job.scenarios()
    show_result(found, job.list_lines(found), as_json)
