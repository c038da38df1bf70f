"""PutRumEvents: check the batch in a request's body and store it.

Rule: a batch that breaks the service model is refused whole, with a message. An event that breaks a rule of the service
(too large, too old, a custom event where they are disabled) is dropped from its batch and counted, without an error, as
RUM does. This is the one operation whose speed matters: its body is decoded into msgspec types, not into dicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NoReturn

import msgspec

from loadgen.endpoint.call_log import DROPPED_SHOWN, DroppedEvent
from loadgen.endpoint.operations.context import Members, OperationContext
from loadgen.endpoint.operations.policies import RequestContext, is_allowed
from loadgen.endpoint.request_body import escape_halves, inflate, is_object, read_object, scan_object
from loadgen.endpoint.service_error import ResourceNotFoundException, ServiceError, ValidationException
from loadgen.endpoint.settings import YEAR_10000, EndpointSettings
from loadgen.endpoint.store import AppMonitor, Store, StoredBatch, make_room
from loadgen.ids import NIL_UUID
from loadgen.rum.events import EVENT_PREFIX, REPLAY
from loadgen.rum.service_model import PUT_RUM_EVENTS, Operation, load_service_model
from loadgen.rum.validation import compile_type, format_message, format_problem
from loadgen.units import format_duration

_NIL = NIL_UUID.encode()
_HEX_TO_ZERO = bytes.maketrans(b"0123456789abcdefABCDEF", b"0" * 22)

_match_custom_type = re.compile(r"[a-zA-Z0-9_.-]{1,256}", re.ASCII).fullmatch
"""Types of custom events (user guide, "Send custom events")."""


def allows_unsigned(settings: EndpointSettings, store: Store, monitor_id: str) -> bool:
    """Whether a signature is optional, because of the endpoint's settings or because a resource policy decides."""
    monitor = store.find_active(monitor_id)
    return settings.unsigned or bool(monitor and monitor.policy)


def handle(context: OperationContext, operation: Operation, labels: dict[str, str]) -> Members:
    """Find the app monitor, read the batch, check the resource policy, and store the valid events."""
    monitor = context.store.find_active(labels["Id"])
    if monitor is None:
        if wrong := [line for line in operation.find_problems({"Id": labels["Id"]}) if "at 'id'" in line]:
            raise ValidationException(format_message(wrong))
        raise ResourceNotFoundException("AppMonitor", labels["Id"])
    batch = read_batch(inflate(context.request, context.settings.max_inflated_bytes), context.settings)
    if monitor.policy is not None:
        _authorise(context, monitor, batch.Alias)
    _keep_batch(context, monitor, batch)
    return {}


def _authorise(context: OperationContext, monitor: AppMonitor, alias: str | None) -> None:
    settings, key = context.settings, context.access_key_id
    if key is None and settings.unsigned:
        return
    assert monitor.policy is not None
    asked = RequestContext(key, context.peer, context.request, alias, settings.account)
    if not is_allowed(monitor.policy, settings.make_arn(monitor.name), asked):
        raise ServiceError(
            "AccessDeniedException",
            f"The resource policy of app monitor {monitor.name} does not allow rum:PutRumEvents for this request",
        )


# Reading


@lru_cache(maxsize=1)
def _load_decoder() -> msgspec.json.Decoder[Any]:
    """Return the decoder of a batch. It does not check the pattern of ids: `are_ids` checks all ids at once."""
    shapes = load_service_model().shapes
    return msgspec.json.Decoder(compile_type(shapes, "PutRumEventsRequest", patterns=False))


def read_batch(data: bytes, settings: EndpointSettings) -> Any:
    """Decode a batch as a struct of the model's PutRumEventsRequest; a ValidationException names each wrong member."""
    try:
        batch = decode_batch(data)
        user = batch.UserDetails
        ids = [batch.BatchId, user.userId, user.sessionId, *[event.id for event in batch.RumEvents]]
        if not are_ids(ids):
            raise msgspec.ValidationError("an id has another form than the model's")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _find_model_error(data, wrong) from wrong
    if len(batch.RumEvents) > settings.max_batch_events:
        limit = f"have at most {settings.max_batch_events} events"
        raise ValidationException(format_message([format_problem(len(batch.RumEvents), "rumEvents", limit)]))
    if problems := _find_json_problems(batch):
        raise ValidationException(format_message(problems))
    return batch


def decode_batch(data: bytes) -> Any:
    """Decode a batch that is well-formed; half surrogate pairs in its texts stay as escapes."""
    try:
        return _load_decoder().decode(data)
    except msgspec.DecodeError:
        if b"\\u" not in data:
            raise
    return _load_decoder().decode(escape_halves(data))


def are_ids(ids: list[str | None]) -> bool:
    """Whether texts of 36 characters, and None, are hex digits and dashes as in the model's pattern of ids."""
    given = list(filter(None, ids))
    return "".join(given).encode().translate(_HEX_TO_ZERO) == _NIL * len(given)


def _find_model_error(data: bytes, wrong: Exception) -> Exception:
    """Return the error of a body that cannot be decoded; it names the wrong members, as the decoder does not."""
    try:
        body = read_object(escape_halves(data))
    except UnicodeDecodeError:
        body = read_object(data)
    problems = load_service_model().operations[PUT_RUM_EVENTS].find_problems(body | {"Id": NIL_UUID})
    return ValidationException(format_message(problems) if problems else str(wrong))


def _find_json_problems(batch: Any) -> list[str]:
    """Return a problem for each member of the model's type jsonvalue that does not hold a JSON object."""
    try:
        for event in batch.RumEvents:
            scan_object(event.details)
        for text in {event.metadata for event in batch.RumEvents} | {batch.SessionMetadata}:  # a page's events share it
            if text is not None:
                scan_object(text)
    except (msgspec.DecodeError, RecursionError):
        return list(_name_json_problems(batch))
    return []


def _name_json_problems(batch: Any) -> Iterator[str]:
    texts = [("sessionMetadata", batch.SessionMetadata)]
    for number, event in enumerate(batch.RumEvents, 1):
        texts += [(f"rumEvents.{number}.member.metadata", event.metadata)]
        texts += [(f"rumEvents.{number}.member.details", event.details)]
    for path, text in texts:
        if text is not None and not is_object(text):
            yield format_problem(text, path, "be a JSON object")


# Storing


def _keep_batch(context: OperationContext, monitor: AppMonitor, batch: Any) -> None:
    """Store or only count the valid events of a batch, and log the counts; durable at the store's next commit."""
    settings, store, events = context.settings, context.store, batch.RumEvents
    dropped = _find_dropped(events, monitor, settings, context.now - settings.retention)
    kept = [event for position, event in enumerate(events) if position not in dropped] if dropped else events
    times = [round(event.timestamp * 1000) for event in kept]
    last = max(times) if times else int(context.now * 1000)
    if last >= YEAR_10000:
        _refuse_late(events)
    if settings.keeps:
        store.keep(monitor, StoredBatch(context.request.body, times, list(dropped)), last)
        make_room(store, settings.max_memory_bytes)
        if dropped:
            store.count(monitor.number, 0, 0, len(dropped))
    else:
        store.count(monitor.number, 1, len(times), len(dropped))
    if (call := context.call) is not None:
        call.events = len(times)
        if dropped:
            call.dropped = len(dropped)
            call.dropped_events = tuple(
                DroppedEvent(position, events[position].type[:256], reason)
                for position, reason in islice(dropped.items(), DROPPED_SHOWN)
            )
    if times and not monitor.active:
        store.put(msgspec.structs.replace(monitor, active=True))


def _refuse_late(events: list[Any]) -> NoReturn:
    number, late = next(
        (number, event) for number, event in enumerate(events, 1) if event.timestamp * 1000 >= YEAR_10000
    )
    path = f"rumEvents.{number}.member.timestamp"
    raise ValidationException(format_message([format_problem(late.timestamp, path, "be Unix time in seconds")]))


def _find_dropped(events: list[Any], monitor: AppMonitor, settings: EndpointSettings, oldest: float) -> dict[int, str]:
    """Return the broken rule of each event to drop, by position. A quick test passes most events."""
    safe_length = settings.max_event_bytes // 4  # UTF-8 has at most 4 bytes per character: shorter texts always fit
    doubtful = [
        position
        for position, event in enumerate(events)
        if len(event.details) + len(event.metadata or "") > safe_length
        or event.timestamp < oldest
        or not event.type.startswith(EVENT_PREFIX)
    ]
    if not doubtful:
        return {}
    reasons = ((position, _find_drop_reason(events[position], monitor, settings, oldest)) for position in doubtful)
    return {position: reason for position, reason in reasons if reason}


def _find_drop_reason(event: Any, monitor: AppMonitor, settings: EndpointSettings, oldest: float) -> str | None:
    """Return in words the rule that an event breaks; None if the event is valid."""
    if event.timestamp < oldest:
        return f"its timestamp is older than {format_duration(settings.retention)}"
    # By default the web client records replays of 12 kB and more, so the limit cannot apply to them.
    size = 0 if event.type == REPLAY else len((event.details + (event.metadata or "")).encode())
    if size > settings.max_event_bytes:
        return f"details and metadata have {size:,} bytes, more than {settings.max_event_bytes:,}"
    if event.type.startswith(EVENT_PREFIX):
        return None
    if not monitor.custom_events:
        return "custom events are disabled for this app monitor (CustomEvents)"
    if _match_custom_type(event.type) is None:
        return "the type of a custom event has 1 to 256 letters, digits, and _ . - alone"
    return None
