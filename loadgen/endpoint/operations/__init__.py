"""The twenty operations by their names in the service model."""

from __future__ import annotations

from collections.abc import Callable

from loadgen.endpoint.operations import app_monitor_data, metrics, monitors, policies, put_rum_events
from loadgen.endpoint.operations.context import Members, OperationContext
from loadgen.endpoint.request_body import inflate, read_object
from loadgen.endpoint.service_error import ValidationException
from loadgen.rum.service_model import Operation
from loadgen.rum.validation import format_message

Handle = Callable[[OperationContext, Operation, dict[str, str]], Members]
"""handle(context, operation, labels of the path) → members of the output, once signature and quota are checked; raises
ServiceError."""


def control_plane(perform: Callable[[OperationContext, Members], Members]) -> Handle:
    """An operation whose input is checked against the model, and whose writes are undone when it fails."""

    def handle(context: OperationContext, operation: Operation, labels: dict[str, str]) -> Members:
        given = read_members(context, operation, labels)
        with context.store.attempt():
            return perform(context, given)

    return handle


def read_members(context: OperationContext, operation: Operation, labels: dict[str, str]) -> Members:
    """Read the input members from path, query and body, and check them against the model."""
    request = context.request
    data = inflate(request, context.settings.max_inflated_bytes) if operation.body else b""
    given = operation.read_input(labels, request.target.partition("?")[2], read_object(data))
    if problems := operation.find_problems(given):
        raise ValidationException(format_message(problems))
    return given


OPERATIONS: dict[str, Handle] = {
    "BatchCreateRumMetricDefinitions": control_plane(metrics.create_definitions),
    "BatchDeleteRumMetricDefinitions": control_plane(metrics.delete_definitions),
    "BatchGetRumMetricDefinitions": control_plane(metrics.get_definitions),
    "CreateAppMonitor": control_plane(monitors.create),
    "DeleteAppMonitor": control_plane(monitors.delete),
    "DeleteResourcePolicy": control_plane(policies.delete),
    "DeleteRumMetricsDestination": control_plane(metrics.delete_destination),
    "GetAppMonitor": control_plane(monitors.get),
    "GetAppMonitorData": control_plane(app_monitor_data.get),
    "GetResourcePolicy": control_plane(policies.get),
    "ListAppMonitors": control_plane(monitors.list_monitors),
    "ListRumMetricsDestinations": control_plane(metrics.list_destinations),
    "ListTagsForResource": control_plane(monitors.list_tags),
    "PutResourcePolicy": control_plane(policies.put),
    "PutRumEvents": put_rum_events.handle,
    "PutRumMetricsDestination": control_plane(metrics.put_destination),
    "TagResource": control_plane(monitors.add_tags),
    "UntagResource": control_plane(monitors.remove_tags),
    "UpdateAppMonitor": control_plane(monitors.update),
    "UpdateRumMetricDefinition": control_plane(metrics.update_definition),
}
