"""What RUM keeps of one app monitor, read whole; and one call of the RUM API by its name."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.aws.account import Account
from loadgen.aws.refusals import explain_errors
from loadgen.errors import ControlError
from loadgen.model import Noun


class MonitorState(Noun):
    """All that RUM keeps of one monitor; None where there is none."""

    monitor: dict[str, Any] | None
    destinations: list[dict[str, Any]] = msgspec.field(default_factory=list)
    definitions: dict[str, list[dict[str, Any]]] = msgspec.field(default_factory=dict)  # by destination, or its ARN
    policy: dict[str, Any] | None = None  # PolicyDocument, PolicyRevisionId


def read_state(account: Account, name: str, metrics: bool = True, policy: bool = True) -> MonitorState:
    """Read a monitor, and the parts that are asked for."""
    found = account.look_up(name)
    if found is None:
        return MonitorState(None)
    targets = list_destinations(account, name) if metrics else []
    per_target = {
        each.get("DestinationArn") or each["Destination"]: list_definitions(
            account, name, each["Destination"], each.get("DestinationArn")
        )
        for each in targets
    }
    return MonitorState(found, targets, per_target, read_policy(account, name) if policy else None)


def list_destinations(account: Account, name: str) -> list[dict[str, Any]]:
    """MetricDestinationSummary of a monitor."""
    with explain_errors(f"listing the metrics destinations of {name!r}"):
        pages = account.rum.get_paginator("list_rum_metrics_destinations").paginate(AppMonitorName=name)
        return [each for page in pages for each in page.get("Destinations", [])]


def list_definitions(account: Account, name: str, destination: str, arn: str | None) -> list[dict[str, Any]]:
    """MetricDefinition of one destination."""
    where = {"AppMonitorName": name, "Destination": destination} | ({"DestinationArn": arn} if arn else {})
    with explain_errors(f"listing the metric definitions of {name!r}"):
        pages = account.rum.get_paginator("batch_get_rum_metric_definitions").paginate(**where)
        return [each for page in pages for each in page.get("MetricDefinitions", [])]


def read_policy(account: Account, name: str) -> dict[str, Any] | None:
    """A monitor's resource policy and its revision."""
    from botocore.exceptions import ClientError

    with explain_errors(f"reading the resource policy of {name!r}"):
        try:
            found = account.rum.get_resource_policy(Name=name)
        except ClientError as error:
            if error.response["Error"].get("Code") == "PolicyNotFoundException":
                return None
            raise
    return {key: found[key] for key in ("PolicyDocument", "PolicyRevisionId") if key in found}


def make_call(account: Account, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """One call by the RUM API's name."""
    from botocore import xform_name

    named = parameters.get("Name") or parameters.get("AppMonitorName") or parameters.get("ResourceArn", "")
    doing = f"{operation} on {named!r}" if named else operation
    with explain_errors(doing, f"rum:{operation}"):
        answer: dict[str, Any] = getattr(account.rum, xform_name(operation))(**parameters)
    if errors := answer.get("Errors"):
        lines = [
            f"{doing}: {_name_definition(each)}: {each.get('ErrorMessage')} ({each.get('ErrorCode')})"
            for each in errors
        ]
        raise ControlError("\n".join(lines))
    answer.pop("ResponseMetadata", None)
    return answer


def _name_definition(error: dict[str, Any]) -> str:
    return str(error.get("MetricDefinitionId") or error.get("MetricDefinition", {}).get("Name"))
