"""The data plane: the body of PutRumEvents → a kept batch.

Rule: a batch that breaks the service model is refused whole, in words; an event that breaks a rule of the service
(too large, too old, a custom event where they are off) is dropped alone and silently, as RUM does, and counted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from loadgen.endpoint.service_error import ValidationException
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import AppMonitor, Store
from loadgen.model import Noun, Request
from loadgen.rum.events import EVENT_PREFIX
from loadgen.rum.service_model import load_service_model
from loadgen.rum.validation import compile_check, compile_type, format_message, format_problem

REPLAY = "com.amazon.rum.rrweb_event"
"""Session replay: by default the web client sends events of 12 kB and more, so the 6 kB bound cannot hold for it."""

LATEST = 253_402_300_800.0
"""Unix seconds of the year 10000: later times are milliseconds by mistake."""

_custom_type = re.compile(r"[a-zA-Z0-9_.-]{1,256}", re.ASCII).fullmatch
"""Types of custom events (user guide, "Send custom events")."""


GZIP_MAGIC = b"\x1f\x8b"
"""RFC 1952; a batch that was read as JSON and begins so came zipped."""


class AnyObject(msgspec.Struct):
    """Any JSON object: its members are scanned, not built."""


class Intake(Noun):
    """How many events of a batch were kept, and how many dropped."""

    accepted: int
    dropped: int


_is_object = msgspec.json.Decoder(AnyObject).decode


@lru_cache(maxsize=1)
def _decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(compile_type(load_service_model().shapes, "PutRumEventsRequest", frozenset({"Id"})))


def read_object(data: bytes) -> dict[str, Any]:
    """A JSON object, not yet checked; an empty body is an empty object."""
    try:
        body = msgspec.json.decode(data) if data else {}
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ValidationException(f"The request body is not valid JSON: {wrong}") from wrong
    except RecursionError as wrong:
        raise ValidationException("The request body is nested too deeply") from wrong
    if not isinstance(body, dict):
        raise ValidationException("The request body must be a JSON object")
    return body


def read_batch(data: bytes, settings: EndpointSettings) -> Any:
    """The batch as a struct of the model's PutRumEventsRequest; a refusal that names each wrong member otherwise."""
    try:
        batch = _decoder().decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _explained(data, wrong) from wrong
    if len(batch.RumEvents) > settings.max_batch_events:
        raise ValidationException(
            format_message(
                [format_problem(len(batch.RumEvents), "rumEvents", f"have at most {settings.max_batch_events} events")]
            )
        )
    if problems := _json_problems(batch):
        raise ValidationException(format_message(problems))
    return batch


def stored_batch(data: bytes) -> Any:
    """A batch that was accepted before."""
    return _decoder().decode(data)


def _explained(data: bytes, wrong: Exception) -> Exception:
    body = read_object(data)
    problems: list[str] = []
    without_id = body | {"Id": "00000000-0000-0000-0000-000000000000"}
    compile_check(load_service_model().shapes, "PutRumEventsRequest")(without_id, "", problems)
    return ValidationException(format_message(problems) if problems else str(wrong))


def _json_problems(batch: Any) -> list[str]:
    """Members that are strings of JSON (the model's jsonvalue) must hold an object."""
    try:
        if batch.SessionMetadata is not None:
            _is_object(batch.SessionMetadata)
        for event in batch.RumEvents:
            _is_object(event.details)
            if event.metadata is not None:
                _is_object(event.metadata)
    except (msgspec.DecodeError, RecursionError):
        return _named_json_problems(batch)
    return []


def _named_json_problems(batch: Any) -> list[str]:
    texts = [("sessionMetadata", batch.SessionMetadata)]
    for number, event in enumerate(batch.RumEvents, 1):
        texts += [(f"rumEvents.{number}.member.metadata", event.metadata)]
        texts += [(f"rumEvents.{number}.member.details", event.details)]
    return [
        format_problem(text, path, "be a JSON object") for path, text in texts if text is not None and not _holds(text)
    ]


def _holds(text: str) -> bool:
    try:
        _is_object(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def keep(
    store: Store, settings: EndpointSettings, monitor: AppMonitor, batch: Any, request: Request, now: float
) -> Intake:
    """Keep, or count, what is good of a batch, as it came over the wire; durable at the store's next commit."""
    dropped = _dropped(batch.RumEvents, monitor, settings, now - settings.retention)
    times = [event.timestamp for position, event in enumerate(batch.RumEvents) if position not in dropped] or [now]
    if (last := max(times)) >= LATEST:
        position = next(position for position, event in enumerate(batch.RumEvents, 1) if event.timestamp >= LATEST)
        path = f"rumEvents.{position}.member.timestamp"
        raise ValidationException(format_message([format_problem(last, path, "be Unix time in seconds")]))
    kept = len(batch.RumEvents) - len(dropped)
    if settings.keeps:
        marks = msgspec.json.encode(dropped) if dropped else None
        zipped = request.body.startswith(GZIP_MAGIC)
        store.keep(monitor, int(min(times) * 1000), int(last * 1000) + 1, kept, marks, zipped, request.body)
    else:
        store.count(monitor, kept)
    if kept and not monitor.active:
        store.put(msgspec.structs.replace(monitor, active=True))
    return Intake(kept, len(dropped))


def _dropped(events: list[Any], monitor: AppMonitor, settings: EndpointSettings, oldest: float) -> list[int]:
    """Positions of the events to drop; most events are seen to be good at a glance."""
    # UTF-8 has 4 bytes a letter at most: only what comes near the bound is counted.
    roomy = settings.max_event_bytes // 4
    doubtful = [
        position
        for position, event in enumerate(events)
        if len(event.details) + len(event.metadata or "") > roomy
        or not event.type.startswith(EVENT_PREFIX)
        or event.timestamp < oldest
    ]
    return [position for position in doubtful if not _good(events[position], monitor, settings, oldest)]


def _good(event: Any, monitor: AppMonitor, settings: EndpointSettings, oldest: float) -> bool:
    if event.timestamp < oldest or (event.type != REPLAY and _bytes(event) > settings.max_event_bytes):
        return False
    if event.type.startswith(EVENT_PREFIX):
        return True
    return monitor.custom_events and _custom_type(event.type) is not None


def _bytes(event: Any) -> int:
    return len(event.details.encode()) + len((event.metadata or "").encode())
