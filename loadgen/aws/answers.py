"""Whether an answer of the control plane is one that the RUM API can have given: its status, its form, its members.

Rule: what stands before RUM, or in its place, may answer anything. Nothing of ours reads an answer that has not passed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.aws.sender import NotRumAnswer
from loadgen.model import Response
from loadgen.transport import describe_answer, is_json, name_outcome, printable

ALWAYS = {
    "CreateAppMonitorResponse": ["Id"],
    "GetAppMonitorResponse": ["AppMonitor"],
    "AppMonitor": ["Id", "Name"],
    "GetAppMonitorDataResponse": ["Events"],
    "ListAppMonitorsResponse": ["AppMonitorSummaries"],
    "AppMonitorSummary": ["Id", "Name"],
    "ListTagsForResourceResponse": ["Tags"],
    "ListRumMetricsDestinationsResponse": ["Destinations"],
    "MetricDestinationSummary": ["Destination"],
    "BatchGetRumMetricDefinitionsResponse": ["MetricDefinitions"],
    "GetResourcePolicyResponse": ["PolicyDocument"],
}
"""Members that the RUM API gives though the service model does not require them (aws-cli's examples of RUM)."""

JSON_TYPES: dict[str, Any] = {
    **dict.fromkeys(("structure", "map"), dict),
    **dict.fromkeys(("integer", "long"), int),
    **dict.fromkeys(("float", "double", "timestamp"), int | float),
    "list": list,
    "string": str,
    "boolean": bool,
}


def check_answer(response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
    """Refuse an answer before botocore reads it; a handler of its event `before-parse`."""
    headers = tuple((name.lower(), value) for name, value in response_dict["headers"].items())
    answer = Response(response_dict["status_code"], headers, response_dict["body"])
    if answer.status >= 400:
        is_refusal = answer.header("x-amzn-errortype") is not None or is_json(answer)
        if answer.status < 500 and answer.status != 429 and not is_refusal:
            raise NotRumAnswer(describe_answer(answer))
        return
    value = msgspec.json.decode(answer.body or b"{}") if name_outcome(answer) is None else None
    if not isinstance(value, dict):
        raise NotRumAnswer(describe_answer(answer))
    if (shape := operation_model.output_shape) is not None and (misfit := find_misfit(shape, value)):
        raise NotRumAnswer(misfit)


def find_misfit(shape: Any, value: Any, name: str = "") -> str:
    """What of a value is not as the service model's `shape`; empty if nothing is. `name` is the member's."""
    if not isinstance(value, JSON_TYPES.get(shape.type_name, object)):
        where = f"{name} is " if name else ""
        return f"{where}{show(value)}, not a {shape.type_name}"
    if shape.type_name == "list":
        return next(filter(None, (find_misfit(shape.member, each, name) for each in value)), "")
    if shape.type_name != "structure":
        return ""
    for member in (*shape.required_members, *ALWAYS.get(shape.name, ())):
        if value.get(member) is None:
            return f"{show(value)} lacks {member}"
    known = (
        (shape.members[key], each, key) for key, each in value.items() if key in shape.members and each is not None
    )
    return next(filter(None, (find_misfit(*one) for one in known)), "")


def show(value: Any) -> str:
    """The beginning of a value, as JSON."""
    return printable(msgspec.json.encode(value).decode())
