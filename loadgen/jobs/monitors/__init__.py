"""The control plane's verbs: app monitors and what hangs on them (tags, metrics, resource policy)."""

from loadgen.jobs.monitors.control import (
    MadeCall,
    MonitorChanges,
    apply_plans,
    change,
    delete_destination,
    delete_monitor,
    delete_policy,
    plan_scenario,
    require_monitor,
    require_policy,
    update_monitor,
)
from loadgen.jobs.monitors.requests import (
    MetricOptions,
    MonitorOptions,
    build_public_policy,
    check_name,
    locate_destination,
    parse_tags,
    read_document,
)
from loadgen.jobs.monitors.view import (
    describe_call,
    describe_metrics,
    describe_monitors,
    describe_plans,
    describe_state,
    describe_tags,
)

__all__ = [
    "MadeCall",
    "MetricOptions",
    "MonitorChanges",
    "MonitorOptions",
    "apply_plans",
    "build_public_policy",
    "change",
    "check_name",
    "delete_destination",
    "delete_monitor",
    "delete_policy",
    "describe_call",
    "describe_metrics",
    "describe_monitors",
    "describe_plans",
    "describe_state",
    "describe_tags",
    "locate_destination",
    "parse_tags",
    "plan_scenario",
    "read_document",
    "require_monitor",
    "require_policy",
    "update_monitor",
]
