"""App monitors and their tags: the operations that create, show, change, tag and delete them."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.endpoint.operations.context import Members, OperationContext, cut_page, make_id
from loadgen.endpoint.operations.metrics import delete_destinations
from loadgen.endpoint.service_error import ConflictException, InvalidMember, ResourceNotFoundException, ServiceError
from loadgen.endpoint.store import AppMonitor, forget_deleted_monitors
from loadgen.rum.quotas import RESOURCE_TAGS
from loadgen.rum.service_model import EXCLUSIVE_PAGES, WEB

DEFAULT_CONFIGURATION: dict[str, Any] = {
    "IncludedPages": [],
    "ExcludedPages": [],
    "FavoritePages": [],
    "SessionSampleRate": 0.1,
    "Telemetries": [],
}
"""AppMonitorConfiguration of a monitor with a name and a domain alone, as the live service reads it back (read through
CloudFormation by go-to-k/cdk-real-drift, tests/corpus/AWS__RUM__AppMonitor.Rum.json)."""

DEFAULT_DEOBFUSCATION = {"JavaScriptSourceMaps": {"Status": "DISABLED"}}
"""DeobfuscationConfiguration of such a monitor, from the same source."""


def create(context: OperationContext, given: Members) -> Members:
    """CreateAppMonitor: store a new monitor and return its id."""
    name = given["Name"]
    present = [monitor for monitor in context.store.list_monitors() if not context.is_gone(monitor)]
    if any(monitor.name == name for monitor in present):
        raise ConflictException("AppMonitor", name, f"An app monitor with the name {name} already exists")
    if len(present) >= context.settings.monitor_limit:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"The account has reached its limit of {context.settings.monitor_limit} app monitors in this Region",
        )
    platform = given.get("Platform", WEB)
    domains = _read_domains(given)
    if not domains and platform == WEB:
        raise InvalidMember("domain", "either domain or domainList is required", "null")
    tags = given.get("Tags", {})
    _check_tag_count(tags)
    monitor = AppMonitor(
        number=context.store.find_next_number(),
        name=name,
        id=make_id(),
        created=context.timestamp,
        modified=context.timestamp,
        domains=domains or (),
        listed="DomainList" in given,
        configuration=DEFAULT_CONFIGURATION | _read_configuration(given),
        custom_events=given.get("CustomEvents", {}).get("Status") == "ENABLED",
        cw_log=given.get("CwLogEnabled", False),
        platform=platform,
        deobfuscation=_read_deobfuscation(given),
        tags=tags,
    )
    context.store.put(monitor)
    return {"Id": monitor.id}


def _read_domains(given: Members) -> tuple[str, ...] | None:
    if "Domain" in given and "DomainList" in given:
        raise InvalidMember("domainList", "give either domain or domainList, not both")
    if "Domain" in given:
        return (given["Domain"],)
    return tuple(given["DomainList"]) if "DomainList" in given else None


def _read_configuration(given: Members) -> dict[str, Any]:
    configuration: dict[str, Any] = given.get("AppMonitorConfiguration", {})
    if configuration.get("IncludedPages") and configuration.get("ExcludedPages"):
        rule = "includedPages and excludedPages cannot be in the same operation"
        raise InvalidMember("appMonitorConfiguration.includedPages", rule)
    return configuration


def _read_deobfuscation(given: Members) -> dict[str, Any] | None:
    wanted = given.get("DeobfuscationConfiguration", {})
    maps = wanted.get("JavaScriptSourceMaps", {})
    if maps.get("Status") == "ENABLED" and not maps.get("S3Uri"):
        path = "deobfuscationConfiguration.javaScriptSourceMaps.s3Uri"
        raise InvalidMember(path, "Member must not be null when the status is ENABLED", "null")
    return wanted or None


def get(context: OperationContext, given: Members) -> Members:
    """GetAppMonitor: everything about one monitor."""
    return {"AppMonitor": describe_monitor(context.find_monitor(given["Name"]))}


def name_state(monitor: AppMonitor) -> str:
    """Return a monitor's State: CREATED until the first events arrive, then ACTIVE; DELETING once deleted."""
    if monitor.deleted is not None:
        return "DELETING"
    return "ACTIVE" if monitor.active else "CREATED"


def _summarize(monitor: AppMonitor) -> dict[str, Any]:
    return {
        "Name": monitor.name,
        "Id": monitor.id,
        "Created": monitor.created,
        "LastModified": monitor.modified,
        "State": name_state(monitor),
        "Platform": monitor.platform,
    }


def describe_monitor(monitor: AppMonitor) -> dict[str, Any]:
    """Return a monitor as the model's AppMonitor."""
    log: dict[str, Any] = {"CwLogEnabled": monitor.cw_log}
    if monitor.cw_log:
        # Public repositories show log groups with the monitor's name and the first 8 hex digits of its id.
        log["CwLogGroup"] = f"/aws/vendedlogs/RUMService_{monitor.name}{monitor.id[:8]}"
    described = _summarize(monitor) | {
        "Tags": monitor.tags,
        "AppMonitorConfiguration": monitor.configuration,
        "DataStorage": {"CwLog": log},
        "CustomEvents": {"Status": "ENABLED" if monitor.custom_events else "DISABLED"},
        "DeobfuscationConfiguration": monitor.deobfuscation or DEFAULT_DEOBFUSCATION,
    }
    if monitor.domains:
        described |= {"DomainList": monitor.domains} if monitor.listed else {"Domain": monitor.domains[0]}
    return described


def list_monitors(context: OperationContext, given: Members) -> Members:
    """ListAppMonitors: one page of summaries, sorted by name."""
    present = [monitor for monitor in context.store.list_monitors() if not context.is_gone(monitor)]
    page, token = cut_page(given, "ListAppMonitors", present, lambda monitor: monitor.name, str)
    return {"AppMonitorSummaries": list(map(_summarize, page)), **token}


def update(context: OperationContext, given: Members) -> Members:
    """UpdateAppMonitor: change the given members alone, inside AppMonitorConfiguration too."""
    monitor = context.find_active_monitor(given["Name"])
    changes: dict[str, Any] = {"modified": context.timestamp}
    if domains := _read_domains(given):
        changes |= {"domains": domains, "listed": "DomainList" in given}
    if wanted := _read_configuration(given):
        cleared: dict[str, Any] = {other: [] for key, other in EXCLUSIVE_PAGES.items() if wanted.get(key)}
        changes["configuration"] = monitor.configuration | cleared | wanted
    if "CwLogEnabled" in given:
        changes["cw_log"] = given["CwLogEnabled"]
    if status := given.get("CustomEvents", {}).get("Status"):
        changes["custom_events"] = status == "ENABLED"
    if (deobfuscation := _read_deobfuscation(given)) is not None:
        changes["deobfuscation"] = deobfuscation
    context.store.put(msgspec.structs.replace(monitor, **changes))
    return {}


def delete(context: OperationContext, given: Members) -> Members:
    """DeleteAppMonitor: stop collection at once, and delete the monitor's metrics destinations and definitions."""
    monitor = context.find_active_monitor(given["Name"])
    context.store.put(msgspec.structs.replace(monitor, deleted=context.now, modified=context.timestamp))
    delete_destinations(context.store, monitor)
    forget_deleted_monitors(context.store)
    return {}


# Tags. The model's patterns already refuse keys in `aws:`.


def _check_tag_count(tags: dict[str, str]) -> None:
    """Refuse more tags than a resource can have."""
    if len(tags) > RESOURCE_TAGS:
        raise InvalidMember("tags", f"a resource has at most {RESOURCE_TAGS} tags, not {len(tags)}")


def _find_resource(context: OperationContext, given: Members) -> AppMonitor:
    """Return the monitor with the ARN arn:PARTITION:rum:REGION:ACCOUNT:appmonitor/NAME."""
    arn = given["ResourceArn"]
    prefix = context.settings.make_arn("")
    monitor = context.store.find_named(arn.removeprefix(prefix)) if arn.startswith(prefix) else None
    if monitor is None or monitor.deleted is not None:
        raise ResourceNotFoundException("AppMonitor", arn)
    return monitor


def add_tags(context: OperationContext, given: Members) -> Members:
    """TagResource: add tags; new values replace old values."""
    monitor = _find_resource(context, given)
    tags = monitor.tags | given["Tags"]
    _check_tag_count(tags)
    context.store.put(msgspec.structs.replace(monitor, tags=tags))
    return {}


def remove_tags(context: OperationContext, given: Members) -> Members:
    """UntagResource: remove tags; unknown keys are ignored."""
    monitor = _find_resource(context, given)
    tags = {key: value for key, value in monitor.tags.items() if key not in given["TagKeys"]}
    context.store.put(msgspec.structs.replace(monitor, tags=tags))
    return {}


def list_tags(context: OperationContext, given: Members) -> Members:
    """ListTagsForResource: the tags of a monitor."""
    return {"ResourceArn": given["ResourceArn"], "Tags": _find_resource(context, given).tags}
