"""Tags: TagResource, UntagResource, ListTagsForResource. The model's patterns already refuse keys in `aws:`."""

from __future__ import annotations

import msgspec

from loadgen.endpoint.operations.context import Members, OperationContext
from loadgen.endpoint.service_error import ResourceNotFoundException, ValidationException
from loadgen.endpoint.store import AppMonitor

TAG_LIMIT = 50
"""Tags per resource (the model's documentation of TagResource)."""


def check_count(tags: dict[str, str]) -> None:
    """Refuse more tags than a resource can have."""
    if len(tags) > TAG_LIMIT:
        raise ValidationException(
            f"Value at 'tags' failed to satisfy constraint: a resource has at most {TAG_LIMIT} tags, not {len(tags)}"
        )


def _resource(call: OperationContext, given: Members) -> AppMonitor:
    """The monitor of an ARN arn:PARTITION:rum:REGION:ACCOUNT:appmonitor/NAME."""
    arn = given["ResourceArn"]
    prefix = call.settings.arn("")
    monitor = call.store.named(arn.removeprefix(prefix)) if arn.startswith(prefix) else None
    if monitor is None or monitor.deleted is not None:
        raise ResourceNotFoundException("AppMonitor", arn)
    return monitor


def tag(call: OperationContext, given: Members) -> Members:
    """TagResource: new values replace old ones."""
    monitor = _resource(call, given)
    tags = monitor.tags | given["Tags"]
    check_count(tags)
    call.store.put(msgspec.structs.replace(monitor, tags=tags))
    return {}


def untag(call: OperationContext, given: Members) -> Members:
    """UntagResource: keys that are not there do no harm."""
    monitor = _resource(call, given)
    tags = {key: value for key, value in monitor.tags.items() if key not in given["TagKeys"]}
    call.store.put(msgspec.structs.replace(monitor, tags=tags))
    return {}


def list_of(call: OperationContext, given: Members) -> Members:
    """ListTagsForResource."""
    return {"ResourceArn": given["ResourceArn"], "Tags": _resource(call, given).tags}
