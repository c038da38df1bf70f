"""Extended and custom metrics: the destinations of a monitor and the definitions sent to each."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.endpoint.operations.context import Integer64, Members, OperationContext, cut_page, make_id
from loadgen.endpoint.service_error import (
    ConflictException,
    InvalidMember,
    ResourceNotFoundException,
    ServiceError,
)
from loadgen.endpoint.store import AppMonitor, Store
from loadgen.model import Noun
from loadgen.rum.metric_rules import count_combinations, find_problem
from loadgen.rum.quotas import DEFINITIONS_PER_CALL, DEFINITIONS_PER_DESTINATION
from loadgen.rum.validation import lower_first

EVIDENTLY = "Evidently"

DESTINATIONS_PER_MONITOR = 100
"""A bound of the endpoint; AWS publishes none."""


class MetricDefinition(Noun):
    """One metric definition as the store keeps it."""

    number: int  # the definition's row; rows are in the order of creation
    id: str
    content: dict[str, Any]  # the model's MetricDefinitionRequest


_WHERE = "monitor = ? AND destination = ? AND arn = ?"


class MetricsDestination(Noun):
    """One metrics destination of one monitor; its methods read and write its rows and definitions in the store."""

    monitor: int  # AppMonitor.number
    destination: str  # CloudWatch, Evidently
    arn: str  # "" for CloudWatch

    @property
    def key(self) -> tuple[int, str, str]:
        """The values of the columns that identify the destination."""
        return (self.monitor, self.destination, self.arn)

    def write(self, store: Store, role: str) -> None:
        """Create the destination or change its role."""
        store.write("INSERT OR REPLACE INTO destinations VALUES (?, ?, ?, ?)", *self.key, role)

    def read_role(self, store: Store) -> str | None:
        """Return the destination's role; None if the store does not have the destination."""
        rows = store.read(f"SELECT role FROM destinations WHERE {_WHERE}", *self.key)
        return str(rows[0][0]) if rows else None

    def delete(self, store: Store) -> None:
        """Delete the destination and its definitions."""
        store.write(f"DELETE FROM destinations WHERE {_WHERE}", *self.key)
        store.write(f"DELETE FROM definitions WHERE {_WHERE}", *self.key)

    def read_definitions(self, store: Store) -> list[MetricDefinition]:
        """Return the destination's definitions, in the order of creation."""
        rows = store.read(f"SELECT number, id, record FROM definitions WHERE {_WHERE} ORDER BY number", *self.key)
        return [MetricDefinition(number, name, msgspec.json.decode(record)) for number, name, record in rows]

    def write_definition(self, store: Store, definition_id: str, content: dict[str, Any]) -> None:
        """Write a new definition, or replace the content of the one with this id."""
        store.write(
            "INSERT INTO definitions (id, monitor, destination, arn, record) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            *(definition_id, *self.key, msgspec.json.encode(content)),
        )

    def delete_definition(self, store: Store, definition_id: str) -> bool:
        """Delete a definition; return False if the destination has no definition with this id."""
        return store.write(f"DELETE FROM definitions WHERE id = ? AND {_WHERE}", definition_id, *self.key).rowcount > 0


def read_destinations(store: Store, monitor: AppMonitor) -> list[tuple[MetricsDestination, str]]:
    """Return all destinations of a monitor with their roles, sorted by destination and ARN."""
    rows = store.read(
        "SELECT destination, arn, role FROM destinations WHERE monitor = ? ORDER BY destination, arn", monitor.number
    )
    return [(MetricsDestination(monitor.number, destination, arn), role) for destination, arn, role in rows]


def delete_destinations(store: Store, monitor: AppMonitor) -> None:
    """Delete all destinations of a monitor and their definitions."""
    store.write("DELETE FROM destinations WHERE monitor = ?", monitor.number)
    store.write("DELETE FROM definitions WHERE monitor = ?", monitor.number)


def _read_destination(context: OperationContext, given: Members) -> MetricsDestination:
    """Return the destination that a request names; Evidently needs an ARN, CloudWatch must have none."""
    monitor = context.find_active_monitor(given["AppMonitorName"])
    _check_presence(given, "DestinationArn")
    return MetricsDestination(monitor.number, given["Destination"], given.get("DestinationArn", ""))


def _check_presence(given: Members, member: str) -> None:
    is_given, is_required = bool(given.get(member)), given["Destination"] == EVIDENTLY
    shown = lower_first(member)
    if is_required and not is_given:
        raise InvalidMember(shown, "Member must not be null when the destination is Evidently", "null")
    if is_given and not is_required:
        raise InvalidMember(shown, "Member must be null when the destination is CloudWatch")


def _find_destination(context: OperationContext, given: Members) -> MetricsDestination:
    destination = _read_destination(context, given)
    if destination.read_role(context.store) is None:
        raise ResourceNotFoundException("MetricsDestination", destination.arn or destination.destination)
    return destination


# Destinations


def put_destination(context: OperationContext, given: Members) -> Members:
    """PutRumMetricsDestination: create a destination or change its role."""
    destination = _read_destination(context, given)
    _check_presence(given, "IamRoleArn")
    present = read_destinations(context.store, context.find_active_monitor(given["AppMonitorName"]))
    if len(present) >= DESTINATIONS_PER_MONITOR and destination not in dict(present):
        text = f"An app monitor has at most {DESTINATIONS_PER_MONITOR} metrics destinations"
        raise ConflictException("MetricsDestination", destination.arn, text)
    destination.write(context.store, given.get("IamRoleArn", ""))
    return {}


def delete_destination(context: OperationContext, given: Members) -> Members:
    """DeleteRumMetricsDestination: delete a destination with its definitions."""
    _find_destination(context, given).delete(context.store)
    return {}


def list_destinations(context: OperationContext, given: Members) -> Members:
    """ListRumMetricsDestinations: one page of a monitor's destinations."""
    monitor = context.find_active_monitor(given["AppMonitorName"])
    # The ARNs of CloudWatch are "", as in AWS's example (aws-cli, examples/rum/list-rum-metrics-destinations.rst).
    shown = [
        {"Destination": destination.destination, "DestinationArn": destination.arn, "IamRoleArn": role}
        for destination, role in read_destinations(context.store, monitor)
    ]
    page, token = cut_page(
        given,
        f"ListRumMetricsDestinations {monitor.id}",
        shown,
        lambda members: (members["Destination"], members["DestinationArn"]),
        tuple[str, str],
    )
    return {"Destinations": page, **token}


# Definitions


def create_definitions(context: OperationContext, given: Members) -> Members:
    """BatchCreateRumMetricDefinitions: store valid definitions, report invalid ones; known ones keep their ids."""
    destination = _find_destination(context, given)
    wanted = given["MetricDefinitions"]
    _check_batch(wanted, "metricDefinitions")
    checked = [(definition, find_problem(definition)) for definition in wanted]
    present = {_make_key(one.content): one.id for one in destination.read_definitions(context.store)}
    new = [definition for definition, wrong in checked if wrong is None and _make_key(definition) not in present]
    _check_definition_quota(context, destination, new)
    kept, errors = [], []
    for definition, wrong in checked:
        if wrong:
            errors.append(_make_error("MetricDefinition", definition, "ValidationException", wrong))
            continue
        definition_id = present.setdefault(_make_key(definition), make_id())
        destination.write_definition(context.store, definition_id, definition)
        kept.append({"MetricDefinitionId": definition_id, **definition})
    return {"Errors": errors, "MetricDefinitions": kept}


def _make_key(definition: dict[str, Any]) -> bytes:
    return msgspec.json.encode(definition, order="deterministic")


def _check_batch(items: list[Any], name: str) -> None:
    if not 0 < len(items) <= DEFINITIONS_PER_CALL:
        raise InvalidMember(name, f"Member must have length from 1 to {DEFINITIONS_PER_CALL}, not {len(items)}")


def _check_definition_quota(
    context: OperationContext, destination: MetricsDestination, new: list[dict[str, Any]], replaced_id: str = ""
) -> None:
    used = sum(
        count_combinations(one.content) for one in destination.read_definitions(context.store) if one.id != replaced_id
    )
    if used + sum(map(count_combinations, new)) > DEFINITIONS_PER_DESTINATION:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"A metrics destination has at most {DEFINITIONS_PER_DESTINATION} metric definitions",
        )


def _make_error(member: str, value: Any, code: str, message: str) -> dict[str, Any]:
    return {member: value, "ErrorCode": code, "ErrorMessage": message}


def delete_definitions(context: OperationContext, given: Members) -> Members:
    """BatchDeleteRumMetricDefinitions: delete the definitions with the given ids, report unknown ids."""
    destination = _find_destination(context, given)
    wanted = given["MetricDefinitionIds"]
    _check_batch(wanted, "metricDefinitionIds")
    deleted, errors = [], []
    for definition_id in wanted:
        if destination.delete_definition(context.store, definition_id):
            deleted.append(definition_id)
        else:
            text = f"MetricDefinition not found: {definition_id}"
            errors.append(_make_error("MetricDefinitionId", definition_id, "ResourceNotFoundException", text))
    return {"Errors": errors, "MetricDefinitionIds": deleted}


def get_definitions(context: OperationContext, given: Members) -> Members:
    """BatchGetRumMetricDefinitions: one page of a destination's definitions, in the order of creation."""
    destination = _find_destination(context, given)
    query, definitions = f"BatchGetRumMetricDefinitions {destination}", destination.read_definitions(context.store)
    page, token = cut_page(given, query, definitions, lambda one: one.number, Integer64)
    return {"MetricDefinitions": [{"MetricDefinitionId": one.id, **one.content} for one in page], **token}


def update_definition(context: OperationContext, given: Members) -> Members:
    """UpdateRumMetricDefinition: replace a whole definition."""
    destination = _find_destination(context, given)
    definition_id, definition = given["MetricDefinitionId"], given["MetricDefinition"]
    present = destination.read_definitions(context.store)
    if not any(one.id == definition_id for one in present):
        raise ResourceNotFoundException("MetricDefinition", definition_id)
    if wrong := find_problem(definition):
        raise InvalidMember("metricDefinition", wrong)
    if any(_make_key(one.content) == _make_key(definition) and one.id != definition_id for one in present):
        raise ConflictException(
            "MetricDefinition", definition_id, "The destination already has the same metric definition"
        )
    _check_definition_quota(context, destination, [definition], replaced_id=definition_id)
    destination.write_definition(context.store, definition_id, definition)
    return {}
