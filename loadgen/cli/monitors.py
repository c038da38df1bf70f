"""loadgen monitors: app monitors and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import loadgen
from loadgen.cli.options import JSON, NAME, SCENARIO, SHARE, YES, add_options, with_monitors
from loadgen.cli.terminal import VerbGroup, ask_on_terminal, echo_error, show_result

settings_options = add_options(
    click.option("--domain", "domains", multiple=True, help="The site's host; up to 5 times."),
    click.option("--sample-rate", type=SHARE, help="Share of sessions to record."),
    click.option("--telemetry", "telemetries", multiple=True, type=click.Choice(["errors", "performance", "http"])),
    click.option("--custom-events/--no-custom-events", default=None, help="Accept custom events."),
    click.option("--cookies/--no-cookies", default=None, help="Set AllowCookies."),
    click.option("--xray/--no-xray", default=None, help="Set EnableXRay."),
    click.option("--logs/--no-logs", default=None, help="Copy events to CloudWatch Logs."),
    click.option("--include-page", "included", multiple=True, metavar="URL"),
    click.option("--exclude-page", "excluded", multiple=True, metavar="URL"),
    click.option("--favorite-page", "favorites", multiple=True, metavar="PAGE"),
    click.option("--identity-pool", metavar="ID", help="Cognito identity pool of the site's guests."),
    click.option("--guest-role", metavar="ARN"),
    click.option("--source-maps", metavar="S3URI", help="S3 folder of the source maps."),
)


@click.group(cls=VerbGroup)
def monitors() -> None:
    """App monitors: list, show, create, update, delete, apply."""


@monitors.command("list", epilog="Example: loadgen monitors list --target http://127.0.0.1:8000")
@with_monitors
@JSON
def list_monitors(opened: loadgen.Monitors, as_json: bool) -> None:
    """List all app monitors."""
    from loadgen.jobs.monitors import describe_monitors

    found = opened.list_all()
    show_result(found, describe_monitors(found), as_json)


@monitors.command("show", epilog="Example: loadgen monitors show shop --json")
@NAME
@with_monitors
@JSON
def show_monitor(name: str, opened: loadgen.Monitors, as_json: bool) -> None:
    """Show one app monitor with its tags, metrics and policy."""
    from loadgen.jobs.monitors import describe_state

    found = opened.read(name)
    show_result(found, describe_state(found), as_json)


@monitors.command("create", epilog="Example: loadgen monitors create shop --domain shop.example.com")
@NAME
@settings_options
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE")
@click.option("--platform", type=click.Choice(["Web", "Android", "iOS"]), help="[default: Web]")
@with_monitors
@JSON
def create_monitor(name: str, opened: loadgen.Monitors, as_json: bool, **given: Any) -> object:
    """Create an app monitor."""
    return opened.create(name, **given)


@monitors.command("update", epilog="Example: loadgen monitors update shop --sample-rate 0.5")
@NAME
@settings_options
@with_monitors
@YES
@JSON
def change_monitor(name: str, opened: loadgen.Monitors, yes: bool, as_json: bool, **settings: Any) -> object:
    """Change the given settings of an app monitor. Asks before it takes something away."""
    return opened.update(name, confirm=ask_on_terminal(yes), **settings)


@monitors.command("delete", epilog="Example: loadgen monitors delete shop")
@NAME
@with_monitors
@YES
def remove_monitor(name: str, opened: loadgen.Monitors, yes: bool) -> object:
    """Delete an app monitor, after showing what is deleted with it."""
    return opened.delete(name, confirm=ask_on_terminal(yes))


@monitors.command("apply", epilog="Example: loadgen monitors apply shop.toml --dry-run")
@SCENARIO
@click.option("--monitor", metavar="NAME", help="Name in place of the scenario's.")
@click.option("--dry-run", is_flag=True, help="Print the plan, and change nothing.")
@with_monitors
@YES
@JSON
def apply_scenario(
    scenario: Path, monitor: str | None, dry_run: bool, opened: loadgen.Monitors, yes: bool, as_json: bool
) -> None:
    """Create or change the app monitors of a scenario and its neighbours; applied again, it does nothing."""
    from loadgen.jobs.monitors import describe_plans

    plans = opened.plan(scenario, monitor=monitor)
    show_result([call for plan in plans for call in plan.calls], describe_plans(plans), as_json)
    if not dry_run and (made := opened.apply(plans, confirm=ask_on_terminal(yes))):
        echo_error("1 call made" if made == 1 else f"{made} calls made")
