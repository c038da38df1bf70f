"""loadgen check: the problems of a scenario file, or the traffic that it implies."""

import sys
from pathlib import Path

import click

import loadgen
from loadgen.cli.options import JSON, SCENARIO
from loadgen.cli.terminal import echo_json, show_result
from loadgen.errors import ScenarioError


@click.command(epilog="Example: loadgen check storefront")
@SCENARIO
@JSON
def check(scenario: Path, as_json: bool) -> None:
    """Check a scenario file: name all its problems, or describe the traffic that it implies."""
    from loadgen.jobs.check import describe_problems, describe_scenario, list_lines
    from loadgen.jobs.progress import ProgressView

    try:
        with ProgressView() as view:
            found = loadgen.check(scenario, on_progress=view)
    except ScenarioError as error:
        if not as_json:
            raise
        echo_json(describe_problems(scenario, error))
        sys.exit(error.exit_code)
    first, *more = list_lines(*found)
    first = first.removeprefix(f"{scenario}, ")
    show_result(describe_scenario(scenario, found), (f"{scenario}: fine. {first}", *more), as_json)
