"""The view of ingestion: the latest calls, counts per second, and refused calls in full with advice what to change.

Rule: the reason of a refusal is the message that the client got, in AWS's words. The advice is for a person who runs
both client and endpoint: it names what this endpoint expects beside what was sent. Neither contains a secret.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec

from loadgen.endpoint.call_log import RefusedCall
from loadgen.endpoint.request_body import GZIP_WBITS
from loadgen.endpoint.service import RumService
from loadgen.endpoint.service_error import ResourceNotFoundException
from loadgen.rum.validation import lower_first

CALLS_SHOWN = 200
SECONDS_SHOWN = 300
BODY_CHARACTERS = 256 * 1024
VALUE_CHARACTERS = 2000
MONITORS_NAMED = 5

_PATHS = re.compile(r" at '([^']{1,300})' failed to satisfy")
"""The path of a wrong member in the messages of the service model's checks (rum/validation.py)."""

_CREDENTIAL = re.compile(r"Credential=([^,&]+)")


def describe_ingestion(service: RumService, after: int) -> dict[str, Any]:
    """Return the calls above a number, the newest first, counts of the last seconds, refusals, and the settings."""
    calls, now = service.calls, service.clock()
    newest = islice(reversed(calls.calls), CALLS_SHOWN)
    return {
        "number": calls.number,
        "calls": [call for call in newest if call.number > after],
        "seconds": [counts for counts in calls.seconds if counts.second >= now - SECONDS_SHOWN],
        "refusals": [summarize_refusal(service, each) for each in reversed(calls.refusals)],
        "settings": service.state.settings,
        "now": now,
    }


def describe_refusal(service: RumService, number: int) -> dict[str, Any]:
    """Return a refused call with its body and the value of each wrong member; raises ResourceNotFoundException."""
    refusal = service.calls.find_refusal(number)
    if refusal is None:
        raise ResourceNotFoundException("RefusedCall", str(number))
    body = _read_body(refusal)
    paths = _PATHS.findall(refusal.call.message)
    return summarize_refusal(service, refusal) | {
        "body": None if body is None else body[:BODY_CHARACTERS],
        "members": [{"path": path, "value": _find_value(refusal, body or "", path)} for path in paths],
        "headers": refusal.headers,
    }


def summarize_refusal(service: RumService, refusal: RefusedCall) -> dict[str, Any]:
    """Return a refused call with advice what to change; the advice is None where the reason says it."""
    advice = ADVICE.get(refusal.call.code)
    return {"call": refusal.call, "advice": advice(service, refusal) if callable(advice) else advice}


def _find_value(refusal: RefusedCall, body: str, path: str) -> Any:
    value = refusal.call.monitor if path == "id" else find_member(body, path)
    text = msgspec.json.encode(value).decode(errors="replace")
    return value if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def _read_body(refusal: RefusedCall) -> str | None:
    """Return a refused call's body as text without gzip, as far as it can be read; None if it was not kept."""
    data = refusal.body
    if data is not None and refusal.headers.get("content-encoding", "").strip().lower() == "gzip":
        try:
            data = zlib.decompressobj(GZIP_WBITS).decompress(data, 4 * BODY_CHARACTERS)
        except zlib.error:
            return f"(no gzip data: {data[:64].hex(' ')})"
    return None if data is None else data.decode(errors="replace")


def find_member(body: str, path: str) -> Any:
    """Return the value at a path of an error message, such as `rumEvents.1.member.id`; None if it is missing."""
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


# Advice: what to change


def _advise_on_monitor(service: RumService, refusal: RefusedCall) -> str:
    """For an id that no app monitor has: say whether a deleted monitor had it, and which ids exist."""
    known = service.store.find_ever(refusal.call.monitor)
    if known is not None:
        return f"The app monitor {known.name} had this id, and was deleted."
    if not (present := service.store.list_present()):
        return "This endpoint has no app monitor. Create one under Monitors."
    named = ", ".join(f"{monitor.name} has the id {monitor.id}" for monitor in present[:MONITORS_NAMED])
    return f"The path takes the id of an app monitor of this endpoint: {named}."


def _advise_on_key(service: RumService, refusal: RefusedCall) -> str:
    """For an unknown access key: name the key that signed and the keys that the endpoint knows."""
    known = " or ".join(
        f"{key.access_key_id} {'with its' if key.session_token else 'without a'} session token"
        for key in service.settings.credentials
    )
    return f"It is signed with the access key {_read_scope(refusal)[0]}; this endpoint knows {known or 'none'}."


def _advise_on_signature(service: RumService, refusal: RefusedCall) -> str | None:
    """For a signature that does not match: name the wrong Region or service, else suspect the secret or a proxy."""
    _, region, name = _read_scope(refusal)
    if region != service.settings.region:
        return (
            f"Give the client the Region {service.settings.region} (AWS_DEFAULT_REGION, the third argument of AwsRum), "
            f"or the endpoint {region} (--region)."
        )
    if name != "rum":
        return "Sign for the service rum."
    return (
        "The access key is right, so the secret is another one, or what stands between client and endpoint changed "
        "host, path, headers or body."
    )


def _read_scope(refusal: RefusedCall) -> tuple[str, str, str]:
    """Return access key, Region and service that a signature states; empty texts if there is no signature."""
    found = _CREDENTIAL.search(refusal.headers.get("authorization", "") or refusal.query.replace("%2F", "/"))
    parts = found[1].split("/") if found else []
    return ("/".join(parts[:-4]), parts[-3], parts[-2]) if len(parts) >= 5 else ("", "", "")


def _advise_on_policy(service: RumService, refusal: RefusedCall) -> str | None:
    """For a request that a resource policy does not allow: list the values that a policy compares."""
    monitor = service.store.find_active(refusal.call.monitor)
    if monitor is None or monitor.policy is None:
        return None
    key = _read_scope(refusal)[0]
    asked = {
        "Alias": find_member(_read_body(refusal) or "", "alias"),
        "aws:Referer": refusal.headers.get("referer"),
        "aws:UserAgent": refusal.headers.get("user-agent"),
    }
    values = ", ".join(f"{name} {msgspec.json.encode(value).decode()}" for name, value in asked.items() if value)
    return (
        f"The request is {f'signed with {key}' if key else 'unsigned'} and comes from {refusal.peer}"
        f"{f', with {values}' if values else ''}{'' if asked['Alias'] else ', without an Alias'}. The policy of "
        f"{monitor.name} is under Monitors."
    )


def _advise_on_signing(service: RumService, refusal: RefusedCall) -> str:
    """For an unsigned request: say how to sign it or allow it; if its path names no app monitor, say that first."""
    if refusal.call.monitor and service.store.find_active(refusal.call.monitor) is None:
        return _advise_on_monitor(service, refusal)
    return (
        "Sign it with the key that the endpoint printed at its start. Or let unsigned requests in: by a resource "
        'policy with Principal "*" (an app monitor that is created under Monitors has one), or serve --unsigned.'
    )


def _advise_on_id(service: RumService, refusal: RefusedCall) -> str | None:
    """For an id of a wrong form, often a monitor's name: list the ids that exist."""
    return _advise_on_monitor(service, refusal) if "'id'" in refusal.call.message else None


ADVICE: dict[str, str | Callable[[RumService, RefusedCall], str | None]] = {
    "ResourceNotFoundException": _advise_on_monitor,
    "ValidationException": _advise_on_id,
    "UnrecognizedClientException": _advise_on_key,
    "InvalidSignatureException": _advise_on_signature,
    "AccessDeniedException": _advise_on_policy,
    "MissingAuthenticationTokenException": _advise_on_signing,
    "RequestEntityTooLargeException": "Send fewer events in a batch (batchLimit of the web client).",
    "MalformedHttpRequestException": "Send the JSON as it is, or packed by gzip with content-encoding: gzip.",
    "UnknownOperationException": (
        "PutRumEvents is POST /appmonitors/<id of a monitor>/. The web client's `endpoint` is this address "
        "without a path."
    ),
    "OriginNotAllowed": "The browser sends nothing after this. Start the endpoint with this origin, or without.",
}
"""Advice by error code: a text, or a function of service and refused call."""
