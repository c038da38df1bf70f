"""Extended and custom metrics: the destinations of a monitor and the definitions sent to each."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.endpoint import metric_store
from loadgen.endpoint.event_index import Integer64
from loadgen.endpoint.metric_store import MetricsDestination
from loadgen.endpoint.operations.context import PAGE_SIZE, Members, OperationContext, make_id, make_token, read_token
from loadgen.endpoint.service_error import (
    ConflictException,
    ResourceNotFoundException,
    ServiceError,
    ValidationException,
)
from loadgen.rum.metric_rules import count_combinations, find_problem
from loadgen.rum.quotas import DEFINITIONS_PER_CALL, DEFINITIONS_PER_DESTINATION

EVIDENTLY = "Evidently"

DESTINATIONS_PER_MONITOR = 100
"""A bound of the endpoint; AWS publishes none."""


def _read_destination(context: OperationContext, given: Members) -> MetricsDestination:
    """The destination that a request names; Evidently needs an ARN, CloudWatch must have none."""
    monitor = context.find_active_monitor(given["AppMonitorName"])
    arn = given.get("DestinationArn", "")
    _check_presence(given, "DestinationArn", bool(arn))
    return MetricsDestination(monitor.number, given["Destination"], arn)


def _check_presence(given: Members, member: str, there: bool) -> None:
    wanted = given["Destination"] == EVIDENTLY
    shown = member[:1].lower() + member[1:]
    if wanted and not there:
        raise ValidationException(
            f"Value null at '{shown}' failed to satisfy constraint: "
            "Member must not be null when the destination is Evidently"
        )
    if there and not wanted:
        raise ValidationException(
            f"Value at '{shown}' failed to satisfy constraint: Member must be null when the destination is CloudWatch"
        )


def _find_destination(context: OperationContext, given: Members) -> MetricsDestination:
    destination = _read_destination(context, given)
    if metric_store.find_role(context.store, destination) is None:
        raise ResourceNotFoundException("MetricsDestination", destination.arn or destination.destination)
    return destination


# Destinations


def put_destination(context: OperationContext, given: Members) -> Members:
    """PutRumMetricsDestination: creates, or changes the role."""
    destination = _read_destination(context, given)
    _check_presence(given, "IamRoleArn", bool(given.get("IamRoleArn")))
    present = metric_store.list_destinations(context.store, context.find_active_monitor(given["AppMonitorName"]))
    if len(present) >= DESTINATIONS_PER_MONITOR and destination not in dict(present):
        text = f"An app monitor has at most {DESTINATIONS_PER_MONITOR} metrics destinations"
        raise ConflictException("MetricsDestination", destination.arn, text)
    metric_store.put_destination(context.store, destination, given.get("IamRoleArn", ""))
    return {}


def delete_destination(context: OperationContext, given: Members) -> Members:
    """DeleteRumMetricsDestination: its definitions go with it."""
    metric_store.delete_destination(context.store, _find_destination(context, given))
    return {}


def list_destinations(context: OperationContext, given: Members) -> Members:
    """ListRumMetricsDestinations."""
    monitor = context.find_active_monitor(given["AppMonitorName"])
    query = f"ListRumMetricsDestinations {monitor.id}"
    after = read_token(given["NextToken"], query, tuple[str, str]) if "NextToken" in given else ("", "")
    size = given.get("MaxResults", PAGE_SIZE)
    rest = [
        row
        for row in metric_store.list_destinations(context.store, monitor)
        if (row[0].destination, row[0].arn) > after
    ]
    answer: Members = {"Destinations": [_show_destination(destination, role) for destination, role in rest[:size]]}
    if len(rest) > size:
        last = rest[size - 1][0]
        answer["NextToken"] = make_token(query, (last.destination, last.arn))
    return answer


def _show_destination(destination: MetricsDestination, role: str) -> dict[str, str]:
    """As the live service does (aws-cli, examples/rum/list-rum-metrics-destinations.rst): CloudWatch's ARNs are ""."""
    return {"Destination": destination.destination, "DestinationArn": destination.arn, "IamRoleArn": role}


# Definitions


def create_definitions(context: OperationContext, given: Members) -> Members:
    """BatchCreateRumMetricDefinitions: good ones are kept, bad ones reported; the same one again keeps its id."""
    destination = _find_destination(context, given)
    wanted = given["MetricDefinitions"]
    _check_batch(wanted, "metricDefinitions")
    checked = [(definition, find_problem(definition)) for definition in wanted]
    present = {_make_key(one.content): one.id for one in metric_store.list_definitions(context.store, destination)}
    new = [definition for definition, wrong in checked if wrong is None and _make_key(definition) not in present]
    _check_room(context, destination, new)
    kept, errors = [], []
    for definition, wrong in checked:
        if wrong:
            errors.append(_make_error("MetricDefinition", definition, "ValidationException", wrong))
            continue
        definition_id = present.setdefault(_make_key(definition), make_id())
        metric_store.put_definition(context.store, destination, definition_id, definition)
        kept.append(_show(definition_id, definition))
    return {"Errors": errors, "MetricDefinitions": kept}


def _make_key(definition: dict[str, Any]) -> bytes:
    return msgspec.json.encode(definition, order="deterministic")


def _check_batch(items: list[Any], name: str) -> None:
    if not 0 < len(items) <= DEFINITIONS_PER_CALL:
        raise ValidationException(
            f"Value at '{name}' failed to satisfy constraint: "
            f"Member must have length from 1 to {DEFINITIONS_PER_CALL}, not {len(items)}"
        )


def _check_room(
    context: OperationContext, destination: MetricsDestination, new: list[dict[str, Any]], leaving: str = ""
) -> None:
    used = sum(
        count_combinations(one.content)
        for one in metric_store.list_definitions(context.store, destination)
        if one.id != leaving
    )
    if used + sum(map(count_combinations, new)) > DEFINITIONS_PER_DESTINATION:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"A metrics destination has at most {DEFINITIONS_PER_DESTINATION} metric definitions",
        )


def _make_error(member: str, value: Any, code: str, message: str) -> dict[str, Any]:
    return {member: value, "ErrorCode": code, "ErrorMessage": message}


def _show(definition_id: str, definition: dict[str, Any]) -> dict[str, Any]:
    return {"MetricDefinitionId": definition_id, **definition}


def delete_definitions(context: OperationContext, given: Members) -> Members:
    """BatchDeleteRumMetricDefinitions: unknown ids are reported, the others deleted."""
    destination = _find_destination(context, given)
    wanted = given["MetricDefinitionIds"]
    _check_batch(wanted, "metricDefinitionIds")
    deleted, errors = [], []
    for definition_id in wanted:
        if metric_store.delete_definition(context.store, destination, definition_id):
            deleted.append(definition_id)
        else:
            text = f"MetricDefinition not found: {definition_id}"
            errors.append(_make_error("MetricDefinitionId", definition_id, "ResourceNotFoundException", text))
    return {"Errors": errors, "MetricDefinitionIds": deleted}


def get_definitions(context: OperationContext, given: Members) -> Members:
    """BatchGetRumMetricDefinitions, in the order of creation."""
    destination = _find_destination(context, given)
    query = f"BatchGetRumMetricDefinitions {destination}"
    size = given.get("MaxResults", PAGE_SIZE)
    after = read_token(given["NextToken"], query, Integer64) if "NextToken" in given else 0
    rest = metric_store.list_definitions(context.store, destination, after)
    answer: Members = {"MetricDefinitions": [_show(one.id, one.content) for one in rest[:size]]}
    if len(rest) > size:
        answer["NextToken"] = make_token(query, rest[size - 1].number)
    return answer


def update_definition(context: OperationContext, given: Members) -> Members:
    """UpdateRumMetricDefinition: the whole definition is replaced."""
    destination = _find_destination(context, given)
    definition_id, definition = given["MetricDefinitionId"], given["MetricDefinition"]
    present = metric_store.list_definitions(context.store, destination)
    if not any(one.id == definition_id for one in present):
        raise ResourceNotFoundException("MetricDefinition", definition_id)
    if wrong := find_problem(definition):
        raise ValidationException(f"Value at 'metricDefinition' failed to satisfy constraint: {wrong}")
    if any(_make_key(one.content) == _make_key(definition) and one.id != definition_id for one in present):
        raise ConflictException(
            "MetricDefinition", definition_id, "The destination already has the same metric definition"
        )
    _check_room(context, destination, [definition], leaving=definition_id)
    metric_store.put_definition(context.store, destination, definition_id, definition)
    return {}
