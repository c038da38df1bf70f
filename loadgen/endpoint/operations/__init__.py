"""Checked input → output of every control plane operation, by its name in the service model."""

from collections.abc import Callable

from loadgen.endpoint.operations import events, monitors, tags
from loadgen.endpoint.operations.call import Call, Given

OPERATIONS: dict[str, Callable[[Call, Given], Given]] = {
    "CreateAppMonitor": monitors.create,
    "DeleteAppMonitor": monitors.delete,
    "GetAppMonitor": monitors.get,
    "GetAppMonitorData": events.get,
    "ListAppMonitors": monitors.list_all,
    "ListTagsForResource": tags.list_of,
    "TagResource": tags.tag,
    "UntagResource": tags.untag,
    "UpdateAppMonitor": monitors.update,
}
