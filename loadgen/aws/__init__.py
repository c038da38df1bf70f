"""The only room that imports boto3: credentials, RUM's control plane (plan, then apply), reading back. Calls AWS."""

from loadgen.aws.account import (
    Account,
    MonitorTarget,
    check_platform,
    is_monitor_id,
    make_call,
    read_event_texts,
    read_events,
)
from loadgen.aws.changes import (
    MonitorState,
    PlannedCall,
    apply_changes,
    find_losses,
    plan_changes,
    read_policy,
    read_state,
)
from loadgen.aws.credentials import Guest, make_signer
from loadgen.aws.desired_state import build_definitions, build_policy, list_domains

__all__ = [
    "Account",
    "Guest",
    "MonitorState",
    "MonitorTarget",
    "PlannedCall",
    "apply_changes",
    "build_definitions",
    "build_policy",
    "check_platform",
    "find_losses",
    "is_monitor_id",
    "list_domains",
    "make_call",
    "make_signer",
    "plan_changes",
    "read_event_texts",
    "read_events",
    "read_policy",
    "read_state",
]
