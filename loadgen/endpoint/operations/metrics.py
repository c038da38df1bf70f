"""Extended and custom metrics: the destinations of a monitor and the definitions sent to each."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.endpoint import metric_store
from loadgen.endpoint.metric_store import Target
from loadgen.endpoint.operations.call import PAGE, Call, Given, new_id, seal, unseal
from loadgen.endpoint.operations.definitions import weight, wrong_with
from loadgen.endpoint.service_error import Refusal, conflict, invalid, not_found

EVIDENTLY = "Evidently"
BATCH_LIMIT = 200
"""Definitions in one BatchCreate or BatchDelete call (the model's documentation)."""

DESTINATION_LIMIT = 2000
"""Definitions in one destination (the model's documentation)."""


def _target(call: Call, given: Given) -> Target:
    """The destination that a request names; Evidently needs an ARN, CloudWatch must have none."""
    monitor = call.collecting(given["AppMonitorName"])
    arn = given.get("DestinationArn", "")
    _demand(given, "DestinationArn", bool(arn))
    return Target(monitor.number, given["Destination"], arn)


def _demand(given: Given, member: str, there: bool) -> None:
    wanted = given["Destination"] == EVIDENTLY
    shown = member[:1].lower() + member[1:]
    if wanted and not there:
        raise invalid(
            f"Value null at '{shown}' failed to satisfy constraint: "
            "Member must not be null when the destination is Evidently"
        )
    if there and not wanted:
        raise invalid(
            f"Value at '{shown}' failed to satisfy constraint: Member must be null when the destination is CloudWatch"
        )


def _existing(call: Call, given: Given) -> Target:
    target = _target(call, given)
    if metric_store.role_of(call.store, target) is None:
        raise not_found("MetricsDestination", target.arn or target.destination)
    return target


# Destinations


def put_destination(call: Call, given: Given) -> Given:
    """PutRumMetricsDestination: creates, or changes the role."""
    target = _target(call, given)
    _demand(given, "IamRoleArn", bool(given.get("IamRoleArn")))
    metric_store.put_target(call.store, target, given.get("IamRoleArn", ""))
    return {}


def delete_destination(call: Call, given: Given) -> Given:
    """DeleteRumMetricsDestination: its definitions go with it."""
    metric_store.delete_target(call.store, _existing(call, given))
    return {}


def list_destinations(call: Call, given: Given) -> Given:
    """ListRumMetricsDestinations."""
    monitor = call.collecting(given["AppMonitorName"])
    query = f"ListRumMetricsDestinations {monitor.id}"
    after = unseal(given["NextToken"], query, tuple[str, str]) if "NextToken" in given else ("", "")
    size = given.get("MaxResults", PAGE)
    rest = [row for row in metric_store.targets(call.store, monitor) if (row[0].destination, row[0].arn) > after]
    answer: Given = {"Destinations": [_shown_destination(target, role) for target, role in rest[:size]]}
    if len(rest) > size:
        last = rest[size - 1][0]
        answer["NextToken"] = seal(query, (last.destination, last.arn))
    return answer


def _shown_destination(target: Target, role: str) -> dict[str, str]:
    whole = {"Destination": target.destination, "DestinationArn": target.arn, "IamRoleArn": role}
    return {name: value for name, value in whole.items() if value}


# Definitions


def create(call: Call, given: Given) -> Given:
    """BatchCreateRumMetricDefinitions: good ones are kept, bad ones reported; the same one again keeps its id."""
    target = _existing(call, given)
    wanted = given["MetricDefinitions"]
    _check_batch(wanted, "metricDefinitions")
    checked = [(definition, wrong_with(definition)) for definition in wanted]
    present = {_key(one.content): one.id for one in metric_store.definitions(call.store, target)}
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
        raise invalid(
            f"Value at '{name}' failed to satisfy constraint: Member must have length from 1 to {BATCH_LIMIT}, "
            f"not {len(items)}"
        )


def _check_room(call: Call, target: Target, new: list[dict[str, Any]], leaving: str = "") -> None:
    used = sum(weight(one.content) for one in metric_store.definitions(call.store, target) if one.id != leaving)
    if used + sum(map(weight, new)) > DESTINATION_LIMIT:
        raise Refusal(
            "ServiceQuotaExceededException", f"A metrics destination has at most {DESTINATION_LIMIT} metric definitions"
        )


def _error(member: str, value: Any, code: str, message: str) -> dict[str, Any]:
    return {member: value, "ErrorCode": code, "ErrorMessage": message}


def _shown(definition_id: str, definition: dict[str, Any]) -> dict[str, Any]:
    return {"MetricDefinitionId": definition_id, **definition}


def delete(call: Call, given: Given) -> Given:
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


def get(call: Call, given: Given) -> Given:
    """BatchGetRumMetricDefinitions, in the order of creation."""
    target = _existing(call, given)
    query = f"BatchGetRumMetricDefinitions {target}"
    size = given.get("MaxResults", PAGE)
    after = unseal(given["NextToken"], query, int) if "NextToken" in given else 0
    rest = metric_store.definitions(call.store, target, after)
    answer: Given = {"MetricDefinitions": [_shown(one.id, one.content) for one in rest[:size]]}
    if len(rest) > size:
        answer["NextToken"] = seal(query, rest[size - 1].number)
    return answer


def update(call: Call, given: Given) -> Given:
    """UpdateRumMetricDefinition: the whole definition is replaced."""
    target = _existing(call, given)
    definition_id, definition = given["MetricDefinitionId"], given["MetricDefinition"]
    present = metric_store.definitions(call.store, target)
    if not any(one.id == definition_id for one in present):
        raise not_found("MetricDefinition", definition_id)
    if wrong := wrong_with(definition):
        raise invalid(f"Value at 'metricDefinition' failed to satisfy constraint: {wrong}")
    if any(_key(one.content) == _key(definition) and one.id != definition_id for one in present):
        raise conflict("MetricDefinition", definition_id, "The destination already has the same metric definition")
    _check_room(call, target, [definition], leaving=definition_id)
    metric_store.put_definition(call.store, target, definition_id, definition)
    return {}
