"""loadgen monitors: list, show, create, update, delete, and apply a scenario's wanted state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from loadgen.cli.targets import target_options
from loadgen.cli.values import SCENARIO
from loadgen.errors import LoadgenError
from loadgen.jobs.targets import agreed

NAME = click.argument("name")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")

SETTINGS: tuple[Callable[[Any], Any], ...] = (
    click.option("--domain", "domains", multiple=True, help="The site's host; up to 5 times."),
    click.option("--sample-rate", type=click.FloatRange(0, 1), help="Share of sessions."),
    click.option("--telemetry", "telemetries", multiple=True, type=click.Choice(["errors", "performance", "http"])),
    click.option("--custom-events/--no-custom-events", default=None, help="Accept custom events."),
    click.option("--cookies/--no-cookies", default=None, help="AllowCookies."),
    click.option("--xray/--no-xray", default=None, help="EnableXRay."),
    click.option("--logs/--no-logs", default=None, help="Copy events to CloudWatch Logs."),
    click.option("--include-page", "included", multiple=True, metavar="URL"),
    click.option("--exclude-page", "excluded", multiple=True, metavar="URL"),
    click.option("--favorite-page", "favorites", multiple=True, metavar="PAGE"),
    click.option("--identity-pool", metavar="ID", help="Cognito identity pool of the site's guests."),
    click.option("--guest-role", metavar="ARN"),
    click.option("--source-maps", metavar="S3URI", help="Where source maps lie."),
)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What create and update share."""
    for option in reversed(SETTINGS):
        command = option(command)
    return command


@click.group()
def monitors() -> None:
    """App monitors: list, show, create, update, delete, apply."""


@monitors.command("list")
@target_options
@JSON
def list_monitors(target: str | None, region: str | None, as_json: bool) -> None:
    """List all app monitors."""
    from loadgen.cli.control_plane import open_account, print_json, table

    summaries = list(open_account(target, region).summaries())
    columns = ("Name", "Id", "State", "Platform", "Created")
    print_json(summaries) if as_json else table(columns, [[each.get(key, "") for key in columns] for each in summaries])


@monitors.command()
@NAME
@target_options
@JSON
def show(name: str, target: str | None, region: str | None, as_json: bool) -> None:
    """Show one app monitor with its tags, metrics and policy."""
    from loadgen.cli.control_plane import existing, open_account, print_json, state_lines

    state = existing(open_account(target, region), name)
    print_json(state) if as_json else state_lines(state)


@monitors.command()
@NAME
@settings_options
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE")
@click.option("--platform", type=click.Choice(["Web", "Android", "iOS"]), help="[default: Web]")
@target_options
@JSON
def create(
    name: str,
    tags: tuple[str, ...],
    platform: str | None,
    target: str | None,
    region: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Create an app monitor."""
    from loadgen.cli.control_plane import changed, named, open_account, pairs, parameters

    given: dict[str, Any] = {"Name": named(name), **parameters(**settings)}
    given |= {"Tags": pairs(tags)} if tags else {}
    given |= {"Platform": platform} if platform else {}
    if "Domain" not in given and "DomainList" not in given and platform in {None, "Web"}:
        raise LoadgenError("a monitor for the web needs a domain; give --domain shop.example.com")
    changed(open_account(target, region), "CreateAppMonitor", given, as_json)


@monitors.command()
@NAME
@settings_options
@target_options
@JSON
def update(name: str, target: str | None, region: str | None, as_json: bool, **settings: Any) -> None:
    """Change settings of an app monitor; what is not given stays."""
    from loadgen.cli.control_plane import changed, named, open_account, parameters

    given = parameters(**settings)
    if not given:
        raise LoadgenError("nothing to change; give at least one setting, such as --sample-rate 0.5")
    changed(open_account(target, region), "UpdateAppMonitor", {"Name": named(name), **given}, as_json)


@monitors.command()
@NAME
@target_options
@YES
def delete(name: str, target: str | None, region: str | None, yes: bool) -> None:
    """Delete an app monitor, after showing what goes with it."""
    from loadgen.cli.control_plane import changed, existing, going_lines, open_account

    account = open_account(target, region)
    for line in going_lines(existing(account, name)):
        click.echo(line, err=True)
    if not yes and not agreed("Delete it?"):
        raise LoadgenError("nothing was deleted; type yes when asked, or give --yes")
    changed(account, "DeleteAppMonitor", {"Name": name}, False)


@monitors.command("apply")
@SCENARIO
@click.option("--monitor", metavar="NAME", help="In place of the scenario's.")
@click.option("--dry-run", is_flag=True, help="Print the plan, and do nothing.")
@target_options
@YES
@JSON
def apply_scenario(
    scenario: Path,
    monitor: str | None,
    dry_run: bool,
    target: str | None,
    region: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Bring about the app monitors that a scenario wants, its neighbours' too; applied again, it does nothing."""
    from loadgen.aws.monitors import apply, plan
    from loadgen.cli.control_plane import open_account, plan_lines, print_json
    from loadgen.scenario import load

    wanted = load(scenario)
    if monitor and wanted.neighbours:
        raise LoadgenError(f"--monitor: {scenario} names several app monitors; write the other name there")
    if monitor:
        wanted = wanted.model_copy(update={"monitor": wanted.monitor.named(monitor)})
    account = open_account(target, region)
    plans = {each.monitor.name: plan(account, each) for each in wanted.monitors}
    calls = [call for its in plans.values() for call in its]
    if as_json:
        print_json(calls)
    else:
        for name, its in plans.items():
            plan_lines(its, name)
    if dry_run or not calls:
        return
    if not account.local and not yes and not agreed(f"Make these calls in {account.region}?"):
        raise LoadgenError("nothing was changed; type yes when asked, or give --yes")
    apply(account, calls)
    click.echo(f"{len(calls)} calls made", err=True)
