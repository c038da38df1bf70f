"""loadgen metrics: the metrics that RUM extracts from events, their destinations and definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from loadgen.cli.options import JSON, NAME, YES, add_options, with_account
from loadgen.cli.terminal import VerbGroup, ask_on_terminal, show_result

if TYPE_CHECKING:
    from loadgen.aws import Account
    from loadgen.jobs.monitors import MadeCall

destination_options = add_options(
    click.option("--destination", type=click.Choice(["CloudWatch", "Evidently"]), default="CloudWatch"),
    click.option("--destination-arn", metavar="ARN", help="ARN of an Evidently experiment."),
)
definition_options = add_options(
    click.option("--metric", required=True, help="Name; without --namespace one of RUM's extended metrics."),
    click.option("--namespace", help="Namespace of a custom metric."),
    click.option("--value", help="Field with the value, such as event_details.quantity."),
    click.option("--unit", help="CloudWatch's unit label."),
    click.option("--dimension", "dimensions", multiple=True, metavar="FIELD=NAME"),
    click.option("--pattern", metavar="JSON", help="Which events count; an extended metric adds its own event type."),
)


@click.group(cls=VerbGroup)
def metrics() -> None:
    """Metrics that RUM extracts from events: their destinations and definitions."""


@metrics.command("list", epilog="Example: loadgen metrics list shop --json")
@NAME
@with_account
@JSON
def list_metrics(name: str, account: Account, as_json: bool) -> None:
    """List destinations and definitions."""
    from loadgen.jobs.monitors import describe_metrics, require_monitor

    found = require_monitor(account, name, policy=False)
    plain = {"Destinations": found.destinations, "MetricDefinitions": found.definitions}
    show_result(plain, describe_metrics(found), as_json)


@metrics.command("enable", epilog="Example: loadgen metrics enable shop")
@NAME
@destination_options
@click.option("--role", metavar="ARN", help="IAM role for Evidently.")
@with_account
def enable_metrics(name: str, role: str | None, account: Account, **destination: Any) -> MadeCall:
    """Create a destination for metrics."""
    given = {"IamRoleArn": role} if role else {}
    return _change(account, "PutRumMetricsDestination", name, destination, given)


@metrics.command("disable", epilog="Example: loadgen metrics disable shop")
@NAME
@destination_options
@with_account
@YES
def disable_metrics(name: str, account: Account, yes: bool, **destination: Any) -> MadeCall:
    """Delete a destination, after showing the definitions that are deleted with it."""
    from loadgen.jobs.monitors import delete_destination, locate_destination

    return delete_destination(account, locate_destination(name, **destination), ask_on_terminal(yes))


@metrics.command("add", epilog="Example: loadgen metrics add shop --metric JsErrorCount")
@NAME
@definition_options
@destination_options
@with_account
@JSON
def add_metric(
    name: str, destination: str, destination_arn: str | None, account: Account, as_json: bool, **metric: Any
) -> MadeCall:
    """Define an extended or a custom metric."""
    from loadgen.jobs.monitors import MetricOptions

    where = {"destination": destination, "destination_arn": destination_arn}
    given = {"MetricDefinitions": [MetricOptions(**metric).definition]}
    return _change(account, "BatchCreateRumMetricDefinitions", name, where, given)


@metrics.command("change", epilog="Example: loadgen metrics change shop ID --metric JsErrorCount --unit Count")
@NAME
@click.argument("definition_id")
@definition_options
@destination_options
@with_account
def change_metric(
    name: str, definition_id: str, destination: str, destination_arn: str | None, account: Account, **metric: Any
) -> MadeCall:
    """Replace a metric definition by its id."""
    from loadgen.jobs.monitors import MetricOptions

    where = {"destination": destination, "destination_arn": destination_arn}
    given = {"MetricDefinition": MetricOptions(**metric).definition, "MetricDefinitionId": definition_id}
    return _change(account, "UpdateRumMetricDefinition", name, where, given)


@metrics.command("remove", epilog="Example: loadgen metrics remove shop ID")
@NAME
@click.argument("definition_ids", nargs=-1, required=True)
@destination_options
@with_account
def remove_metrics(name: str, definition_ids: tuple[str, ...], account: Account, **destination: Any) -> MadeCall:
    """Delete metric definitions by their ids."""
    given = {"MetricDefinitionIds": list(definition_ids)}
    return _change(account, "BatchDeleteRumMetricDefinitions", name, destination, given)


def _change(account: Account, operation: str, name: str, destination: dict[str, Any], given: Any) -> MadeCall:
    from loadgen.jobs.monitors import change, locate_destination

    return change(account, operation, **locate_destination(name, **destination), **given)
