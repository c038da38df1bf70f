"""loadgen tags, metrics, policy: what hangs on an app monitor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from loadgen.cli.monitors import JSON, NAME, YES
from loadgen.cli.targets import target_options
from loadgen.errors import LoadgenError
from loadgen.jobs.targets import agreed

DESTINATION: tuple[Callable[[Any], Any], ...] = (
    click.option("--destination", type=click.Choice(["CloudWatch", "Evidently"]), default="CloudWatch"),
    click.option("--destination-arn", metavar="ARN", help="Of an Evidently experiment."),
)
DEFINITION: tuple[Callable[[Any], Any], ...] = (
    click.option("--metric", required=True, help="Its name; without a namespace one of RUM's extended metrics."),
    click.option("--namespace", help="Of a custom metric."),
    click.option("--value", help="Field whose value is taken, such as event_details.quantity."),
    click.option("--unit", help="CloudWatch's unit label."),
    click.option("--dimension", "dimensions", multiple=True, metavar="FIELD=NAME"),
    click.option("--pattern", metavar="JSON", help="Which events count; an extended metric adds its own event type."),
)


def destination_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which destination is meant."""
    for option in reversed(DESTINATION):
        command = option(command)
    return command


def definition_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One metric definition."""
    for option in reversed(DEFINITION):
        command = option(command)
    return command


@click.group()
def tags() -> None:
    """Tags of an app monitor."""


@tags.command("list")
@NAME
@target_options
@JSON
def list_tags(name: str, target: str | None, region: str | None, as_json: bool) -> None:
    """List the tags."""
    from loadgen.aws.monitors import make
    from loadgen.cli.control_plane import named, open_account, print_json, table

    account = open_account(target, region)
    found = make(account, "ListTagsForResource", {"ResourceArn": account.arn(named(name))})["Tags"]
    print_json(found) if as_json else table(("Key", "Value"), sorted(found.items()))


@tags.command("add")
@NAME
@click.argument("pairs_given", nargs=-1, required=True, metavar="KEY=VALUE...")
@target_options
def add_tags(name: str, pairs_given: tuple[str, ...], target: str | None, region: str | None) -> None:
    """Add tags, or give them new values."""
    from loadgen.cli.control_plane import changed, named, open_account, pairs

    account = open_account(target, region)
    changed(account, "TagResource", {"ResourceArn": account.arn(named(name)), "Tags": pairs(pairs_given)}, False)


@tags.command("remove")
@NAME
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@target_options
def remove_tags(name: str, keys: tuple[str, ...], target: str | None, region: str | None) -> None:
    """Remove tags by key."""
    from loadgen.cli.control_plane import changed, named, open_account

    account = open_account(target, region)
    changed(account, "UntagResource", {"ResourceArn": account.arn(named(name)), "TagKeys": list(keys)}, False)


@click.group()
def metrics() -> None:
    """Metrics that RUM extracts from events: their destinations and definitions."""


def where(name: str, destination: str, destination_arn: str | None) -> dict[str, Any]:
    """Parameters that name a destination."""
    from loadgen.cli.control_plane import named

    arn = {"DestinationArn": destination_arn} if destination_arn else {}
    return {"AppMonitorName": named(name), "Destination": destination, **arn}


@metrics.command("list")
@NAME
@target_options
@JSON
def list_metrics(name: str, target: str | None, region: str | None, as_json: bool) -> None:
    """List destinations and definitions."""
    from loadgen.cli.control_plane import existing, metric_lines, open_account, print_json

    state = existing(open_account(target, region), name, policy=False)
    found = {"Destinations": state.destinations, "MetricDefinitions": state.definitions}
    print_json(found) if as_json else metric_lines(state)


@metrics.command()
@NAME
@destination_options
@click.option("--role", metavar="ARN", help="For Evidently.")
@target_options
def enable(name: str, role: str | None, target: str | None, region: str | None, **destination: Any) -> None:
    """Make a destination for metrics."""
    from loadgen.cli.control_plane import changed, open_account

    given = where(name, **destination) | ({"IamRoleArn": role} if role else {})
    changed(open_account(target, region), "PutRumMetricsDestination", given, False)


@metrics.command()
@NAME
@destination_options
@target_options
@YES
def disable(name: str, target: str | None, region: str | None, yes: bool, **destination: Any) -> None:
    """Delete a destination, after showing the definitions that go with it."""
    from loadgen.cli.control_plane import changed, existing, open_account

    account = open_account(target, region)
    key = destination["destination_arn"] or destination["destination"]
    going = existing(account, name, policy=False).definitions.get(key, [])
    click.echo(f"destination {key} of {name}: {len(going)} metric definitions go with it", err=True)
    if not yes and not agreed("Delete it?"):
        raise LoadgenError("nothing was deleted; type yes when asked, or give --yes")
    changed(account, "DeleteRumMetricsDestination", where(name, **destination), False)


@metrics.command("add")
@NAME
@definition_options
@destination_options
@target_options
@JSON
def add_metric(
    name: str,
    destination: str,
    destination_arn: str | None,
    target: str | None,
    region: str | None,
    as_json: bool,
    **metric: Any,
) -> None:
    """Define an extended or a custom metric."""
    from loadgen.cli.control_plane import changed, metric_of, open_account

    given = {**where(name, destination, destination_arn), "MetricDefinitions": [metric_of(**metric)]}
    changed(open_account(target, region), "BatchCreateRumMetricDefinitions", given, as_json)


@metrics.command("change")
@NAME
@click.argument("definition_id")
@definition_options
@destination_options
@target_options
def change_metric(
    name: str,
    definition_id: str,
    destination: str,
    destination_arn: str | None,
    target: str | None,
    region: str | None,
    **metric: Any,
) -> None:
    """Replace a metric definition by its id."""
    from loadgen.cli.control_plane import changed, metric_of, open_account

    given = {**where(name, destination, destination_arn), "MetricDefinition": metric_of(**metric)}
    given["MetricDefinitionId"] = definition_id
    changed(open_account(target, region), "UpdateRumMetricDefinition", given, False)


@metrics.command("remove")
@NAME
@click.argument("definition_ids", nargs=-1, required=True)
@destination_options
@target_options
def remove_metrics(
    name: str, definition_ids: tuple[str, ...], target: str | None, region: str | None, **destination: Any
) -> None:
    """Delete metric definitions by their ids."""
    from loadgen.cli.control_plane import changed, open_account

    given = {**where(name, **destination), "MetricDefinitionIds": list(definition_ids)}
    changed(open_account(target, region), "BatchDeleteRumMetricDefinitions", given, False)


@click.group()
def policy() -> None:
    """The resource policy of an app monitor: who may send to it."""


@policy.command("show")
@NAME
@target_options
def show_policy(name: str, target: str | None, region: str | None) -> None:
    """Print the policy document."""
    from loadgen.aws.monitors import kept_policy
    from loadgen.cli.control_plane import named, open_account, print_json

    found = kept_policy(open_account(target, region), named(name))
    if found is None:
        raise LoadgenError(f"app monitor {name} has no resource policy")
    print_json(found)


@policy.command("put")
@NAME
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--public", is_flag=True, help="Let everybody send, unsigned too, in place of a file.")
@click.option("--revision", help="Replace this revision only.")
@target_options
def put_policy(
    name: str, file: Path | None, public: bool, revision: str | None, target: str | None, region: str | None
) -> None:
    """Set the policy: a JSON document from a file, or --public."""
    from loadgen.aws.desired_state import policy_document
    from loadgen.cli.control_plane import changed, named, open_account, text_of
    from loadgen.scenario.monitor import Statement

    if public == (file is not None):
        raise LoadgenError("give either a file with the policy document, or --public")
    account = open_account(target, region)
    document = text_of(file) if file else policy_document((Statement(),), account.arn(named(name)))
    given = {"Name": named(name), "PolicyDocument": document} | ({"PolicyRevisionId": revision} if revision else {})
    changed(account, "PutResourcePolicy", given, False)


@policy.command("delete")
@NAME
@target_options
@YES
def delete_policy(name: str, target: str | None, region: str | None, yes: bool) -> None:
    """Delete the policy, after showing it."""
    from loadgen.aws.monitors import kept_policy
    from loadgen.cli.control_plane import changed, named, open_account

    account = open_account(target, region)
    found = kept_policy(account, named(name))
    if found is None:
        raise LoadgenError(f"app monitor {name} has no resource policy")
    click.echo(found["PolicyDocument"], err=True)
    if not yes and not agreed("Delete it?"):
        raise LoadgenError("nothing was deleted; type yes when asked, or give --yes")
    changed(account, "DeleteResourcePolicy", {"Name": name}, False)
