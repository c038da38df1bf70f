"""loadgen scenarios, init, check: the files that describe traffic."""

import sys
from pathlib import Path

import click

from loadgen.cli.options import JSON, SCENARIO
from loadgen.cli.terminal import echo, show_result


@click.command(epilog="Example: loadgen scenarios")
@JSON
def scenarios(as_json: bool) -> None:
    """List the shipped scenarios, with what each is for; every verb that takes a scenario takes these names."""
    from loadgen.jobs import scenarios as job

    found = job.scenarios()
    show_result(found, job.list_lines(found), as_json)


@click.command(epilog="Example: loadgen init shop, and then: loadgen run shop.toml")
@click.argument("name", default="my-site")
def init(name: str) -> None:
    """Write NAME.toml, a commented scenario, and beside it the schema that editors complete and check it by."""
    from loadgen.jobs.init import init as job

    file = job(name)
    echo(f"{file}: a scenario to edit", f"see what it implies: loadgen check {file}")


@click.command(epilog="Example: loadgen check storefront")
@SCENARIO
@JSON
def check(scenario: Path, as_json: bool) -> None:
    """Check a scenario file: say all that is wrong with it, or which traffic it implies."""
    from loadgen.jobs import check as job
    from loadgen.jobs.progress import ProgressView
    from loadgen.output import format_json

    with ProgressView() as view:
        found = (job.report_check if as_json else job.check)(scenario, on_progress=view)
    if isinstance(found, job.CheckReport):
        click.echo(format_json(found), nl=False)
        sys.exit(0 if found.valid else 2)
    first, *more = job.list_lines(*found)
    echo(f"{scenario}: fine. {first}", *more)
