"""loadgen metrics: the metrics that RUM extracts from events, their destinations and definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

import loadgen
from loadgen.cli.options import JSON, NAME, YES, add_options, with_monitors
from loadgen.cli.terminal import VerbGroup, ask_on_terminal, show_result

if TYPE_CHECKING:
    from loadgen.jobs.monitors import MonitorState

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
@with_monitors
@JSON
def list_metrics(name: str, opened: loadgen.Monitors, as_json: bool) -> None:
    """List destinations and definitions."""
    from loadgen.jobs.monitors import describe_metrics

    found = opened.read(name, policy=False)
    plain = {"Destinations": found.destinations, "MetricDefinitions": found.definitions}
    show_result(plain, [*list_missing(name, found), *describe_metrics(found)], as_json)


def list_missing(name: str, found: MonitorState) -> Iterator[str]:
    """Yield a line that says what an app monitor has none of: destinations, or definitions for one of them."""
    if not found.destinations:
        yield f"app monitor {name} has no metrics destination; `loadgen metrics enable {name}` creates one"
    for destination, definitions in found.definitions.items():
        if not definitions:
            yield f"destination {destination} has no metric definitions; `loadgen metrics add {name}` defines one"


@metrics.command("enable", epilog="Example: loadgen metrics enable shop")
@NAME
@destination_options
@click.option("--role", metavar="ARN", help="IAM role for Evidently.")
@with_monitors
def enable_metrics(name: str, opened: loadgen.Monitors, **destination: Any) -> object:
    """Create a destination for metrics."""
    return opened.enable_metrics(name, **destination)


@metrics.command("disable", epilog="Example: loadgen metrics disable shop")
@NAME
@destination_options
@with_monitors
@YES
def disable_metrics(name: str, opened: loadgen.Monitors, yes: bool, **destination: Any) -> object:
    """Delete a destination, after showing the definitions that are deleted with it."""
    return opened.disable_metrics(name, confirm=ask_on_terminal(yes), **destination)


@metrics.command("add", epilog="Example: loadgen metrics add shop --metric JsErrorCount")
@NAME
@definition_options
@destination_options
@with_monitors
@JSON
def add_metric(name: str, opened: loadgen.Monitors, as_json: bool, **metric: Any) -> object:
    """Define an extended or a custom metric."""
    return opened.add_metric(name, **metric)


@metrics.command("change", epilog="Example: loadgen metrics change shop ID --metric JsErrorCount --unit Count")
@NAME
@click.argument("definition_id")
@definition_options
@destination_options
@with_monitors
def change_metric(name: str, definition_id: str, opened: loadgen.Monitors, **metric: Any) -> object:
    """Replace a metric definition by its id."""
    return opened.change_metric(name, definition_id, **metric)


@metrics.command("remove", epilog="Example: loadgen metrics remove shop ID")
@NAME
@click.argument("definition_ids", nargs=-1, required=True)
@destination_options
@with_monitors
def remove_metrics(name: str, definition_ids: tuple[str, ...], opened: loadgen.Monitors, **destination: Any) -> object:
    """Delete metric definitions by their ids."""
    return opened.remove_metrics(name, definition_ids, **destination)
