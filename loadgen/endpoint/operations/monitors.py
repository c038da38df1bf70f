"""App monitors: CreateAppMonitor, GetAppMonitor, ListAppMonitors, UpdateAppMonitor, DeleteAppMonitor."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.endpoint.metric_store import delete_destinations
from loadgen.endpoint.operations.context import PAGE, Members, OperationContext, make_token, new_id, read_token
from loadgen.endpoint.operations.tags import check_count
from loadgen.endpoint.service_error import ConflictException, ServiceError, ValidationException
from loadgen.endpoint.store import AppMonitor

DEFAULTS: dict[str, Any] = {"AllowCookies": False, "EnableXRay": False, "SessionSampleRate": 0.1}
"""Of AppMonitorConfiguration. The sample rate is the model's word; the other two are the web client's defaults."""

WEB = "Web"


def create(call: OperationContext, given: Members) -> Members:
    """CreateAppMonitor."""
    name = given["Name"]
    present = [monitor for monitor in call.store.monitors() if not call.gone(monitor)]
    if any(monitor.name == name for monitor in present):
        raise ConflictException("AppMonitor", name, f"An app monitor with the name {name} already exists")
    if len(present) >= call.settings.monitor_limit:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"The account has reached its limit of {call.settings.monitor_limit} app monitors in this Region",
        )
    platform = given.get("Platform", WEB)
    domains = _domains(given)
    if not domains and platform == WEB:
        raise ValidationException(
            "Value null at 'domain' failed to satisfy constraint: either domain or domainList is required"
        )
    tags = given.get("Tags", {})
    check_count(tags)
    monitor = AppMonitor(
        number=call.store.next_number(),
        name=name,
        id=new_id(),
        created=call.stamp,
        modified=call.stamp,
        domains=domains or (),
        listed="DomainList" in given,
        configuration=DEFAULTS | _configuration(given),
        custom_events=given.get("CustomEvents", {}).get("Status") == "ENABLED",
        cw_log=given.get("CwLogEnabled", False),
        platform=platform,
        deobfuscation=_deobfuscation(given),
        tags=tags,
    )
    call.store.put(monitor)
    return {"Id": monitor.id}


def _domains(given: Members) -> tuple[str, ...] | None:
    if "Domain" in given and "DomainList" in given:
        raise ValidationException(
            "Value at 'domainList' failed to satisfy constraint: give either domain or domainList, not both"
        )
    if "Domain" in given:
        return (given["Domain"],)
    return tuple(given["DomainList"]) if "DomainList" in given else None


def _configuration(given: Members) -> dict[str, Any]:
    configuration: dict[str, Any] = given.get("AppMonitorConfiguration", {})
    if configuration.get("IncludedPages") and configuration.get("ExcludedPages"):
        raise ValidationException(
            "Value at 'appMonitorConfiguration.includedPages' failed to satisfy constraint: "
            "includedPages and excludedPages cannot be in the same operation"
        )
    return configuration


def _deobfuscation(given: Members) -> dict[str, Any] | None:
    wanted = given.get("DeobfuscationConfiguration")
    maps = (wanted or {}).get("JavaScriptSourceMaps") or {}
    if maps.get("Status") == "ENABLED" and not maps.get("S3Uri"):
        raise ValidationException(
            "Value null at 'deobfuscationConfiguration.javaScriptSourceMaps.s3Uri' failed to satisfy constraint: "
            "Member must not be null when the status is ENABLED"
        )
    return wanted


def get(call: OperationContext, given: Members) -> Members:
    """GetAppMonitor."""
    return {"AppMonitor": shown(call.monitor(given["Name"]))}


def state(monitor: AppMonitor) -> str:
    """CREATED until the first events arrive, then ACTIVE; DELETING once deleted."""
    if monitor.deleted is not None:
        return "DELETING"
    return "ACTIVE" if monitor.active else "CREATED"


def _summary(monitor: AppMonitor) -> dict[str, Any]:
    return {
        "Name": monitor.name,
        "Id": monitor.id,
        "Created": monitor.created,
        "LastModified": monitor.modified,
        "State": state(monitor),
        "Platform": monitor.platform,
    }


def shown(monitor: AppMonitor) -> dict[str, Any]:
    """The model's AppMonitor."""
    log: dict[str, Any] = {"CwLogEnabled": monitor.cw_log}
    if monitor.cw_log:
        # As seen in public repositories: the name and the first 8 hex digits of the id.
        log["CwLogGroup"] = f"/aws/vendedlogs/RUMService_{monitor.name}{monitor.id[:8]}"
    whole = _summary(monitor) | {
        "Tags": monitor.tags,
        "AppMonitorConfiguration": monitor.configuration,
        "DataStorage": {"CwLog": log},
        "CustomEvents": {"Status": "ENABLED" if monitor.custom_events else "DISABLED"},
    }
    if monitor.domains:
        whole |= {"DomainList": monitor.domains} if monitor.listed else {"Domain": monitor.domains[0]}
    if monitor.deobfuscation is not None:
        whole["DeobfuscationConfiguration"] = monitor.deobfuscation
    return whole


def list_all(call: OperationContext, given: Members) -> Members:
    """ListAppMonitors, by name."""
    after = read_token(given["NextToken"], "ListAppMonitors", str) if "NextToken" in given else ""
    size = given.get("MaxResults", PAGE)
    rest = [monitor for monitor in call.store.monitors() if not call.gone(monitor) and monitor.name > after]
    answer: Members = {"AppMonitorSummaries": [_summary(monitor) for monitor in rest[:size]]}
    if len(rest) > size:
        answer["NextToken"] = make_token("ListAppMonitors", rest[size - 1].name)
    return answer


def update(call: OperationContext, given: Members) -> Members:
    """UpdateAppMonitor: only what is given changes; inside AppMonitorConfiguration too."""
    monitor = call.collecting(given["Name"])
    changes: dict[str, Any] = {"modified": call.stamp}
    if domains := _domains(given):
        changes |= {"domains": domains, "listed": "DomainList" in given}
    if wanted := _configuration(given):
        # Only one of the two lists can hold: setting one clears the other.
        other = {"IncludedPages": "ExcludedPages", "ExcludedPages": "IncludedPages"}
        cleared = {other[key] for key in wanted if key in other and wanted[key]}
        kept = {key: value for key, value in monitor.configuration.items() if key not in cleared}
        changes["configuration"] = kept | wanted
    if "CwLogEnabled" in given:
        changes["cw_log"] = given["CwLogEnabled"]
    if status := given.get("CustomEvents", {}).get("Status"):
        changes["custom_events"] = status == "ENABLED"
    if (deobfuscation := _deobfuscation(given)) is not None:
        changes["deobfuscation"] = deobfuscation
    call.store.put(msgspec.structs.replace(monitor, **changes))
    return {}


def delete(call: OperationContext, given: Members) -> Members:
    """DeleteAppMonitor: collection stops at once; what hangs on the monitor goes with it."""
    monitor = call.collecting(given["Name"])
    call.store.put(msgspec.structs.replace(monitor, deleted=call.now, modified=call.stamp))
    delete_destinations(call.store, monitor)
    return {}
