"""Calls of the control plane in several steps: look, show what would go, ask, call; and their requests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from loadgen.aws import (
    Account,
    MonitorState,
    PlannedCall,
    apply_changes,
    build_definitions,
    build_policy,
    find_losses,
    make_call,
    plan_changes,
    read_policy,
    read_state,
)
from loadgen.errors import LoadgenError
from loadgen.jobs.targets import Confirm, ConsentQuestion, require_yes
from loadgen.model import Noun
from loadgen.scenario import Metric, Monitor, Statement, load

MOST_DOCUMENT_BYTES = 65_536
"""Of a file that is taken for a policy; RUM, which says why it refuses one, takes 4 KB."""


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


class MonitorOptions(Noun, kw_only=True):
    """Settings of CreateAppMonitor and UpdateAppMonitor; None, or an empty tuple, is not given."""

    domains: tuple[str, ...] = ()
    sample_rate: float | None = None
    telemetries: tuple[str, ...] = ()
    custom_events: bool | None = None
    cookies: bool | None = None
    xray: bool | None = None
    logs: bool | None = None
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    favorites: tuple[str, ...] = ()
    identity_pool: str | None = None
    guest_role: str | None = None
    source_maps: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The API's parameters; what was not given is left out."""
        configuration = {
            "SessionSampleRate": self.sample_rate,
            "Telemetries": list(self.telemetries) or None,
            "AllowCookies": self.cookies,
            "EnableXRay": self.xray,
            "IncludedPages": list(self.included) or None,
            "ExcludedPages": list(self.excluded) or None,
            "FavoritePages": list(self.favorites) or None,
            "IdentityPoolId": self.identity_pool,
            "GuestRoleArn": self.guest_role,
        }
        status = "ENABLED" if self.custom_events else "DISABLED"
        maps = {"Status": "ENABLED", "S3Uri": self.source_maps}
        given = {
            "Domain": self.domains[0] if len(self.domains) == 1 else None,
            "DomainList": list(self.domains) if len(self.domains) > 1 else None,
            "AppMonitorConfiguration": _drop_none(configuration) or None,
            "CustomEvents": None if self.custom_events is None else {"Status": status},
            "CwLogEnabled": self.logs,
            "DeobfuscationConfiguration": {"JavaScriptSourceMaps": maps} if self.source_maps else None,
        }
        return _drop_none(given)


class MetricOptions(Noun, kw_only=True):
    """One metric definition."""

    metric: str
    namespace: str | None
    value: str | None
    unit: str | None
    dimensions: tuple[str, ...]  # FIELD=NAME
    pattern: str | None  # JSON

    @property
    def definition(self) -> dict[str, Any]:
        """A MetricDefinitionRequest; raises LoadgenError for one that RUM would refuse."""
        try:
            pattern = msgspec.json.decode(self.pattern, type=dict[str, Any]) if self.pattern else {}
        except msgspec.DecodeError as error:
            raise LoadgenError(f"--pattern: not a JSON object ({error})") from error
        try:
            wanted = Metric(
                name=self.metric,
                namespace=self.namespace,
                value=self.value,
                unit=self.unit,
                dimensions=parse_tags(self.dimensions),
                pattern=pattern,
            )
        except ValueError as error:  # pydantic's, of several lines
            raise LoadgenError(f"the metric does not fit: {' '.join(str(error).split())}") from error
        return build_definitions((wanted,), lambda _: f"metric {self.metric}")[0]


def _drop_none(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def check_name(name: str) -> str:
    """The name, if an app monitor may have it."""
    return Monitor().named(name).name


def parse_tags(words: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE words as a table."""
    words = tuple(words)
    if not all("=" in word and word[0] != "=" for word in words):
        raise LoadgenError(f"{', '.join(words)}: write each as KEY=VALUE")
    return dict(word.partition("=")[::2] for word in words)


def locate_destination(name: str, destination: str, destination_arn: str | None) -> dict[str, Any]:
    """Parameters that name a metrics destination of an app monitor."""
    arn = {"DestinationArn": destination_arn} if destination_arn else {}
    return {"AppMonitorName": check_name(name), "Destination": destination, **arn}


def read_document(file: Path) -> str:
    """A policy document's text, also from what `policy show` prints; what it allows is RUM's to check."""
    document: object = None
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_DOCUMENT_BYTES + 1).decode()
        document = msgspec.json.decode(text)
        if isinstance(document, dict) and isinstance(document.get("PolicyDocument"), str):
            text = document["PolicyDocument"]
            document = msgspec.json.decode(text)
    except OSError as error:
        raise LoadgenError(f"{file}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or len(text) > MOST_DOCUMENT_BYTES:
        example = '{"Version": "2012-10-17", "Statement": […]}'
        raise LoadgenError(f"{file}: no policy document; write JSON such as {example}")
    return text


def build_public_policy(arn: str) -> str:
    """The policy that lets everybody send to the app monitor of that ARN, unsigned too."""
    return build_policy((Statement(),), arn)
