"""What comes in: calls as they come with what became of them, counts a second, and a refusal in full."""

from __future__ import annotations

import re
import zlib
from itertools import islice
from typing import Any

import msgspec

from loadgen.endpoint.call_log import CallLog, RefusedBody
from loadgen.endpoint.request_body import GZIP_WBITS
from loadgen.endpoint.service_error import ResourceNotFoundException
from loadgen.endpoint.settings import LiveSettings
from loadgen.rum.validation import lower_first

CALLS_SHOWN = 200
SECONDS_SHOWN = 300
BODY_CHARACTERS = 256 * 1024

_PATHS = re.compile(r" at '([^']{1,300})' failed to satisfy")
"""Where the messages of the service model's checks name a member (rum/validation.py)."""


def describe_ingestion(calls: CallLog, settings: LiveSettings, after: int, now: float) -> dict[str, Any]:
    """The calls after a number, the newest first; counts of the last seconds; refusals; settings in force."""
    newest = islice(reversed(calls.calls), CALLS_SHOWN)
    oldest = now - SECONDS_SHOWN
    return {
        "number": calls.number,
        "calls": [call for call in newest if call.number > after],
        "seconds": [counts for counts in calls.seconds if counts.second >= oldest],
        "refusals": [each.call for each in reversed(calls.refusals)],
        "settings": settings,
        "now": now,
    }


def describe_refusal(calls: CallLog, number: int) -> dict[str, Any]:
    """A refused call with its body, and each offending member with its value; raises ResourceNotFoundException."""
    refusal = calls.find_refusal(number)
    if refusal is None:
        raise ResourceNotFoundException("RefusedCall", str(number))
    body = _read_body(refusal)
    return {
        "call": refusal.call,
        "body": None if body is None else body[:BODY_CHARACTERS],
        "members": [
            {"path": path, "value": find_member(body or "", path)} for path in _PATHS.findall(refusal.call.message)
        ],
    }


def _read_body(refusal: RefusedBody) -> str | None:
    """The body as text, unpacked as far as it can be."""
    data = refusal.body
    if data is not None and (refusal.encoding or "").strip().lower() == "gzip":
        try:
            data = zlib.decompressobj(GZIP_WBITS).decompress(data, 4 * BODY_CHARACTERS)
        except zlib.error:
            return f"(no gzip data: {data[:64].hex(' ')})"
    return None if data is None else data.decode(errors="replace")


def find_member(body: str, path: str) -> Any:
    """The value at a path of a message, such as `rumEvents.1.member.id`; None when there is none."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    for part in path.replace(".member", "").split("."):
        if isinstance(value, list) and part.isdigit() and 0 < int(part) <= len(value):
            value = value[int(part) - 1]
        elif isinstance(value, dict):
            value = next((held for name, held in value.items() if lower_first(name) == part), None)
        else:
            return None
    return value
