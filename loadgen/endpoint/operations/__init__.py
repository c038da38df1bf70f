"""The twenty operations of the RUM API, by their names in the service model."""

from __future__ import annotations

from collections.abc import Callable

from loadgen.endpoint.operations import app_monitor_data, metrics, monitors, policies, put_rum_events
from loadgen.endpoint.operations.context import Members, OperationContext
from loadgen.endpoint.request_body import inflate, read_object
from loadgen.endpoint.service_error import ValidationException
from loadgen.rum.service_model import Operation
from loadgen.rum.validation import format_message

Handle = Callable[[OperationContext, Operation, dict[str, str]], Members]
"""handle(context, operation, labels of the path) → members of the output. It is called after the checks of signature
and quota, and raises ServiceError."""


def make_handle(perform: Callable[[OperationContext, Members], Members]) -> Handle:
    """Return a handle that checks the input against the model, and undoes the writes of an operation that fails."""

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
    "BatchCreateRumMetricDefinitions": make_handle(metrics.create_definitions),
    "BatchDeleteRumMetricDefinitions": make_handle(metrics.delete_definitions),
    "BatchGetRumMetricDefinitions": make_handle(metrics.get_definitions),
    "CreateAppMonitor": make_handle(monitors.create),
    "DeleteAppMonitor": make_handle(monitors.delete),
    "DeleteResourcePolicy": make_handle(policies.delete),
    "DeleteRumMetricsDestination": make_handle(metrics.delete_destination),
    "GetAppMonitor": make_handle(monitors.get),
    "GetAppMonitorData": make_handle(app_monitor_data.get),
    "GetResourcePolicy": make_handle(policies.get),
    "ListAppMonitors": make_handle(monitors.list_monitors),
    "ListRumMetricsDestinations": make_handle(metrics.list_destinations),
    "ListTagsForResource": make_handle(monitors.list_tags),
    "PutResourcePolicy": make_handle(policies.put),
    "PutRumEvents": put_rum_events.handle,
    "PutRumMetricsDestination": make_handle(metrics.put_destination),
    "TagResource": make_handle(monitors.add_tags),
    "UntagResource": make_handle(monitors.remove_tags),
    "UpdateAppMonitor": make_handle(monitors.update),
    "UpdateRumMetricDefinition": make_handle(metrics.update_definition),
}
