"""Checked input → output of every control plane operation, by its name in the service model."""

from collections.abc import Callable

from loadgen.endpoint.operations import app_monitor_data, metrics, monitors, policies, tags
from loadgen.endpoint.operations.context import Members, OperationContext

OPERATIONS: dict[str, Callable[[OperationContext, Members], Members]] = {
    "BatchCreateRumMetricDefinitions": metrics.create,
    "BatchDeleteRumMetricDefinitions": metrics.delete,
    "BatchGetRumMetricDefinitions": metrics.get,
    "CreateAppMonitor": monitors.create,
    "DeleteAppMonitor": monitors.delete,
    "DeleteResourcePolicy": policies.delete,
    "DeleteRumMetricsDestination": metrics.delete_destination,
    "GetAppMonitor": monitors.get,
    "GetAppMonitorData": app_monitor_data.get,
    "GetResourcePolicy": policies.get,
    "ListAppMonitors": monitors.list_all,
    "ListRumMetricsDestinations": metrics.list_destinations,
    "ListTagsForResource": tags.list_of,
    "PutResourcePolicy": policies.put,
    "PutRumMetricsDestination": metrics.put_destination,
    "TagResource": tags.tag,
    "UntagResource": tags.untag,
    "UpdateAppMonitor": monitors.update,
    "UpdateRumMetricDefinition": metrics.update,
}
