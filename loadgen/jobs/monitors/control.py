"""Calls of the control plane that take several steps: look at what is there, show what would go, ask, then call."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loadgen.aws import (
    Account,
    MonitorState,
    PlannedCall,
    apply_changes,
    find_losses,
    make_call,
    plan_changes,
    read_policy,
    read_state,
)
from loadgen.errors import LoadgenError
from loadgen.jobs.monitors.requests import check_name
from loadgen.jobs.targets import Confirm, ConsentQuestion, require_yes
from loadgen.model import Noun
from loadgen.scenario import load


class MadeCall(Noun):
    """A call that was made, and its answer."""

    operation: str
    parameters: dict[str, Any]
    answer: dict[str, Any]


class MonitorChanges(Noun):
    """The calls that bring one app monitor to the state that a scenario wants."""

    monitor: str
    calls: tuple[PlannedCall, ...]


def change(account: Account, operation: str, **parameters: Any) -> MadeCall:
    """Make one call by the RUM API's name."""
    return MadeCall(operation, parameters, make_call(account, operation, parameters))


def require_monitor(account: Account, name: str, policy: bool = True) -> MonitorState:
    """Everything about an app monitor that is there; raises LoadgenError when it is not."""
    found = read_state(account, check_name(name), policy=policy)
    if found.monitor is None:
        raise LoadgenError(f"there is no app monitor {name!r} in {account.region}; `loadgen monitors list` shows them")
    return found


def require_policy(account: Account, name: str) -> dict[str, Any]:
    """An app monitor's resource policy; raises LoadgenError when it has none."""
    found = read_policy(account, check_name(name))
    if found is None:
        raise LoadgenError(f"app monitor {name} has no resource policy")
    return found


def update_monitor(account: Account, name: str, given: dict[str, Any], confirm: Confirm | None) -> MadeCall:
    """Change settings of an app monitor; asks first when that takes something away."""
    there = require_monitor(account, name, policy=False).monitor or {}
    if going := tuple(f"app monitor {name} loses {each}" for each in find_losses(there, given)):
        require_yes(confirm, ConsentQuestion(going, "Change it?"), "nothing was changed")
    return change(account, "UpdateAppMonitor", Name=name, **given)


def delete_monitor(account: Account, name: str, confirm: Confirm | None) -> MadeCall:
    """Delete an app monitor, after showing what goes with it."""
    _ask_to_delete(confirm, _describe_deletion(require_monitor(account, name)))
    return change(account, "DeleteAppMonitor", Name=name)


def delete_destination(account: Account, where: dict[str, Any], confirm: Confirm | None) -> MadeCall:
    """Delete a metrics destination, after showing the definitions that go with it."""
    name, key = where["AppMonitorName"], where.get("DestinationArn") or where["Destination"]
    going = require_monitor(account, name, policy=False).definitions.get(key, [])
    _ask_to_delete(confirm, (f"destination {key} of {name}: {len(going)} metric definitions go with it",))
    return change(account, "DeleteRumMetricsDestination", **where)


def delete_policy(account: Account, name: str, confirm: Confirm | None) -> MadeCall:
    """Delete an app monitor's resource policy, after showing it."""
    _ask_to_delete(confirm, (require_policy(account, name)["PolicyDocument"],))
    return change(account, "DeleteResourcePolicy", Name=name)


def _ask_to_delete(confirm: Confirm | None, facts: Iterable[str]) -> None:
    require_yes(confirm, ConsentQuestion(tuple(facts), "Delete it?"), "nothing was deleted")


def plan_scenario(account: Account, file: Path, monitor: str | None = None) -> tuple[MonitorChanges, ...]:
    """The calls for each app monitor of a scenario; `monitor` is another name for its only one."""
    wanted = load(file)
    if monitor and wanted.neighbours:
        raise LoadgenError(f"--monitor: {file} names several app monitors; write the other name there")
    if monitor:
        wanted = wanted.model_copy(update={"monitor": wanted.monitor.named(monitor)})
    return tuple(MonitorChanges(each.monitor.name, tuple(plan_changes(account, each))) for each in wanted.monitors)


def apply_plans(account: Account, plans: Iterable[MonitorChanges], confirm: Confirm | None) -> int:
    """Make the calls of all plans; how many were made.

    Asks first when they go to AWS, and, wherever they go, when they take away something that is there.
    """
    plans = tuple(plans)
    calls = [call for plan in plans for call in plan.calls]
    going = tuple(_describe_losses(plans))
    if going or (calls and not account.is_local):
        text = f"Make these calls in {account.region}?" if not account.is_local else "Make these calls?"
        require_yes(confirm, ConsentQuestion(going, text), "nothing was changed")
    apply_changes(account, calls)
    return len(calls)


def _describe_losses(plans: Iterable[MonitorChanges]) -> list[str]:
    """What all plans take away of what is there."""
    return [
        f"app monitor {plan.monitor} loses {each}" for plan in plans for call in plan.calls for each in call.takes_away
    ]


def _describe_deletion(found: MonitorState) -> list[str]:
    """What goes with an app monitor when it is deleted."""
    monitor = found.monitor or {}
    count = sum(map(len, found.definitions.values()))
    lines = [
        f"app monitor {monitor['Name']} ({monitor['Id']}), {monitor.get('State')}, made {monitor.get('Created')}",
        f"with it go its events, {len(found.destinations)} metrics destinations with {count} definitions, "
        f"{'its' if found.policy else 'no'} resource policy and {len(monitor.get('Tags', {}))} tags",
    ]
    group = monitor.get("DataStorage", {}).get("CwLog", {}).get("CwLogGroup")
    return lines + ([f"the log group {group} stays"] if group else [])
