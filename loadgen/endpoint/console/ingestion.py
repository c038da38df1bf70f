"""What comes in: calls as they come, counts a second; and a refused call in full, with what to change.

Rule: the reason of a refusal is what the client was told, in AWS's words. What to change is said for the one who runs
both sides, and names what this endpoint expects beside what was sent; secrets are in neither.
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
"""Where the messages of the service model's checks name a member (rum/validation.py)."""

_CREDENTIAL = re.compile(r"Credential=([^,&]+)")


def describe_ingestion(service: RumService, after: int) -> dict[str, Any]:
    """The calls after a number, the newest first; counts of the last seconds; refusals; settings in force."""
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
    """A refused call with its body, and each offending member with its value; raises ResourceNotFoundException."""
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
    """A refused call, and in one or two sentences what to change; None where the reason says it."""
    advice = ADVICE.get(refusal.call.code)
    return {"call": refusal.call, "advice": advice(service, refusal) if callable(advice) else advice}


def _find_value(refusal: RefusedCall, body: str, path: str) -> Any:
    value = refusal.call.monitor if path == "id" else find_member(body, path)
    text = msgspec.json.encode(value).decode(errors="replace")
    return value if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def _read_body(refusal: RefusedCall) -> str | None:
    """The body as text, unpacked as far as it can be."""
    data = refusal.body
    if data is not None and refusal.headers.get("content-encoding", "").strip().lower() == "gzip":
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


# What to change


def _name_monitors(service: RumService, refusal: RefusedCall) -> str:
    """For an id that is none of an app monitor: what it is, and which ids there are."""
    known = service.store.find_ever(refusal.call.monitor)
    if known is not None:
        return f"The app monitor {known.name} had this id, and was deleted."
    present = [monitor for monitor in service.store.list_monitors() if monitor.deleted is None]
    if not present:
        return "This endpoint has no app monitor. Create one under Monitors."
    named = ", ".join(f"{monitor.name} has the id {monitor.id}" for monitor in present[:MONITORS_NAMED])
    return f"The path takes the id of an app monitor of this endpoint: {named}."


def _name_key(service: RumService, refusal: RefusedCall) -> str:
    """For a key that is not known: which one signed, and which ones are known."""
    known = " or ".join(
        f"{key.access_key_id} {'with its' if key.session_token else 'without a'} session token"
        for key in service.settings.credentials
    )
    return f"It is signed with the access key {_read_scope(refusal)[0]}; this endpoint knows {known or 'none'}."


def _name_signature(service: RumService, refusal: RefusedCall) -> str | None:
    """For a signature that does not match: the secret, the Region, or what stands between."""
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
    """Access key, Region and service that a signature claims; empty texts where there are none."""
    found = _CREDENTIAL.search(refusal.headers.get("authorization", "") or refusal.query.replace("%2F", "/"))
    parts = found[1].split("/") if found else []
    return ("/".join(parts[:-4]), parts[-3], parts[-2]) if len(parts) >= 5 else ("", "", "")


def _tell_policy(service: RumService, refusal: RefusedCall) -> str | None:
    """For a request that a resource policy does not let in: what the policy compares."""
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


def _tell_signing(service: RumService, refusal: RefusedCall) -> str:
    """For a request that is not signed; where its path names no app monitor, none could let it in."""
    if refusal.call.monitor and service.store.find_active(refusal.call.monitor) is None:
        return _name_monitors(service, refusal)
    return (
        "Sign it with the key that the endpoint printed at its start. Or let unsigned requests in: by a resource "
        'policy with Principal "*" (an app monitor that is created under Monitors has one), or serve --unsigned.'
    )


def _name_id(service: RumService, refusal: RefusedCall) -> str | None:
    """For an id that is none: names are often given instead."""
    return _name_monitors(service, refusal) if "'id'" in refusal.call.message else None


ADVICE: dict[str, str | Callable[[RumService, RefusedCall], str | None]] = {
    "ResourceNotFoundException": _name_monitors,
    "ValidationException": _name_id,
    "UnrecognizedClientException": _name_key,
    "InvalidSignatureException": _name_signature,
    "AccessDeniedException": _tell_policy,
    "MissingAuthenticationTokenException": _tell_signing,
    "RequestEntityTooLargeException": "Send fewer events in a batch (batchLimit of the web client).",
    "MalformedHttpRequestException": "Send the JSON as it is, or packed by gzip with content-encoding: gzip.",
    "UnknownOperationException": (
        "PutRumEvents is POST /appmonitors/<id of a monitor>/. The web client's `endpoint` is this address "
        "without a path."
    ),
    "OriginNotAllowed": "The browser sends nothing after this. Start the endpoint with this origin, or without.",
}
"""By the code of the error."""
