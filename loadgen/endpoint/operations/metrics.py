"""Extended and custom metrics: the destinations of a monitor and the definitions sent to each."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.endpoint import metric_store
from loadgen.endpoint.metric_store import MetricsDestination
from loadgen.endpoint.operations.context import PAGE, Members, OperationContext, make_token, new_id, read_token
from loadgen.endpoint.service_error import (
    ConflictException,
    ResourceNotFoundException,
    ServiceError,
    ValidationException,
)
from loadgen.rum.metric_rules import count_combinations, find_problem

EVIDENTLY = "Evidently"
BATCH_LIMIT = 200
"""Definitions in one BatchCreate or BatchDelete call (the model's documentation)."""

DESTINATION_LIMIT = 2000
"""Definitions in one destination (the model's documentation)."""


def _target(call: OperationContext, given: Members) -> MetricsDestination:
    """The destination that a request names; Evidently needs an ARN, CloudWatch must have none."""
    monitor = call.collecting(given["AppMonitorName"])
    arn = given.get("DestinationArn", "")
    _demand(given, "DestinationArn", bool(arn))
    return MetricsDestination(monitor.number, given["Destination"], arn)


def _demand(given: Members, member: str, there: bool) -> None:
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


def _existing(call: OperationContext, given: Members) -> MetricsDestination:
    target = _target(call, given)
    if metric_store.find_role(call.store, target) is None:
        raise ResourceNotFoundException("MetricsDestination", target.arn or target.destination)
    return target


# Destinations


def put_destination(call: OperationContext, given: Members) -> Members:
    """PutRumMetricsDestination: creates, or changes the role."""
    target = _target(call, given)
    _demand(given, "IamRoleArn", bool(given.get("IamRoleArn")))
    metric_store.put_destination(call.store, target, given.get("IamRoleArn", ""))
    return {}


def delete_destination(call: OperationContext, given: Members) -> Members:
    """DeleteRumMetricsDestination: its definitions go with it."""
    metric_store.delete_destination(call.store, _existing(call, given))
    return {}


def list_destinations(call: OperationContext, given: Members) -> Members:
    """ListRumMetricsDestinations."""
    monitor = call.collecting(given["AppMonitorName"])
    query = f"ListRumMetricsDestinations {monitor.id}"
    after = read_token(given["NextToken"], query, tuple[str, str]) if "NextToken" in given else ("", "")
    size = given.get("MaxResults", PAGE)
    rest = [
        row for row in metric_store.list_destinations(call.store, monitor) if (row[0].destination, row[0].arn) > after
    ]
    answer: Members = {"Destinations": [_shown_destination(target, role) for target, role in rest[:size]]}
    if len(rest) > size:
        last = rest[size - 1][0]
        answer["NextToken"] = make_token(query, (last.destination, last.arn))
    return answer


def _shown_destination(target: MetricsDestination, role: str) -> dict[str, str]:
    whole = {"Destination": target.destination, "DestinationArn": target.arn, "IamRoleArn": role}
    return {name: value for name, value in whole.items() if value}


# Definitions


def create(call: OperationContext, given: Members) -> Members:
    """BatchCreateRumMetricDefinitions: good ones are kept, bad ones reported; the same one again keeps its id."""
    target = _existing(call, given)
    wanted = given["MetricDefinitions"]
    _check_batch(wanted, "metricDefinitions")
    checked = [(definition, find_problem(definition)) for definition in wanted]
    present = {_key(one.content): one.id for one in metric_store.list_definitions(call.store, target)}
    new = [definition for definition, wrong in checked if wrong is None and _key(definition) not in present]
    _check_room(call, target, new)
    kept, errors = [], []
    for definition, wrong in checked:
        if wrong:
            errors.append(_error("MetricDefinition", definition, "ValidationException", wrong))
            continue
        definition_id = present.setdefault(_key(definition), new_id())
        metric_store.put_definition(call.store, target, definition_id, definition)
        kept.append(_shown(definition_id, definition))
    return {"Errors": errors, "MetricDefinitions": kept}


def _key(definition: dict[str, Any]) -> bytes:
    return msgspec.json.encode(definition, order="deterministic")


def _check_batch(items: list[Any], name: str) -> None:
    if not 0 < len(items) <= BATCH_LIMIT:
        raise ValidationException(
            f"Value at '{name}' failed to satisfy constraint: Member must have length from 1 to {BATCH_LIMIT}, "
            f"not {len(items)}"
        )


def _check_room(
    call: OperationContext, target: MetricsDestination, new: list[dict[str, Any]], leaving: str = ""
) -> None:
    used = sum(
        count_combinations(one.content)
        for one in metric_store.list_definitions(call.store, target)
        if one.id != leaving
    )
    if used + sum(map(count_combinations, new)) > DESTINATION_LIMIT:
        raise ServiceError(
            "ServiceQuotaExceededException", f"A metrics destination has at most {DESTINATION_LIMIT} metric definitions"
        )


def _error(member: str, value: Any, code: str, message: str) -> dict[str, Any]:
    return {member: value, "ErrorCode": code, "ErrorMessage": message}


def _shown(definition_id: str, definition: dict[str, Any]) -> dict[str, Any]:
    return {"MetricDefinitionId": definition_id, **definition}


def delete(call: OperationContext, given: Members) -> Members:
    """BatchDeleteRumMetricDefinitions: unknown ids are reported, the others deleted."""
    target = _existing(call, given)
    wanted = given["MetricDefinitionIds"]
    _check_batch(wanted, "metricDefinitionIds")
    deleted, errors = [], []
    for definition_id in wanted:
        if metric_store.delete_definition(call.store, target, definition_id):
            deleted.append(definition_id)
        else:
            text = f"MetricDefinition not found: {definition_id}"
            errors.append(_error("MetricDefinitionId", definition_id, "ResourceNotFoundException", text))
    return {"Errors": errors, "MetricDefinitionIds": deleted}


def get(call: OperationContext, given: Members) -> Members:
    """BatchGetRumMetricDefinitions, in the order of creation."""
    target = _existing(call, given)
    query = f"BatchGetRumMetricDefinitions {target}"
    size = given.get("MaxResults", PAGE)
    after = read_token(given["NextToken"], query, int) if "NextToken" in given else 0
    rest = metric_store.list_definitions(call.store, target, after)
    answer: Members = {"MetricDefinitions": [_shown(one.id, one.content) for one in rest[:size]]}
    if len(rest) > size:
        answer["NextToken"] = make_token(query, rest[size - 1].number)
    return answer


def update(call: OperationContext, given: Members) -> Members:
    """UpdateRumMetricDefinition: the whole definition is replaced."""
    target = _existing(call, given)
    definition_id, definition = given["MetricDefinitionId"], given["MetricDefinition"]
    present = metric_store.list_definitions(call.store, target)
    if not any(one.id == definition_id for one in present):
        raise ResourceNotFoundException("MetricDefinition", definition_id)
    if wrong := find_problem(definition):
        raise ValidationException(f"Value at 'metricDefinition' failed to satisfy constraint: {wrong}")
    if any(_key(one.content) == _key(definition) and one.id != definition_id for one in present):
        raise ConflictException(
            "MetricDefinition", definition_id, "The destination already has the same metric definition"
        )
    _check_room(call, target, [definition], leaving=definition_id)
    metric_store.put_definition(call.store, target, definition_id, definition)
    return {}
