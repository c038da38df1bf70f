"""The endpoint's own routes under /_loadgen/, for programs on this machine only: the ledger, quotas and faults."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from loadgen.endpoint.call_log import CallLog, PutCall
from loadgen.endpoint.service_error import InvalidMember, ResourceNotFoundException, ServiceError, ValidationException
from loadgen.endpoint.settings import LiveSettings, LiveState
from loadgen.endpoint.store import Store
from loadgen.model import Noun, Request, Response
from loadgen.transport import is_loopback

PREFIX = "/_loadgen/"
HEALTH = PREFIX + "health"


class LedgerRequests(Noun):
    """Counts of PutRumEvents requests by outcome."""

    accepted: int
    throttled: int
    refused: int  # 4xx other than 429
    failed: int  # 5xx, and connections that a fault dropped


class LedgerEvents(Noun):
    """Counts of the events in accepted requests."""

    accepted: int
    dropped: int


class EndpointLedger(Noun):
    """The endpoint's counts: accepted ones for as long as its store has existed, the others since its start."""

    requests: LedgerRequests
    events: LedgerEvents


class LoggedCalls(Noun):
    """Answered PutRumEvents calls, the oldest first, and the number of the last call since the start."""

    number: int
    calls: list[PutCall]


def answer_admin_request(
    request: Request, peer: str, state: LiveState, store: Store, calls: CallLog, now: float
) -> Response:
    """Answer a request from IP address `peer`; raises ServiceError unless a program on this machine sent it.

    The health route answers every caller: a health check may come from another machine, and learns nothing else.
    """
    if request.method in ("GET", "HEAD") and request.target.partition("?")[0] == HEALTH:
        store.read("SELECT 1")
        return _as_json({"status": "ok"})
    if not is_loopback(peer) or _may_come_from_page(request):
        raise ServiceError("AccessDeniedException", "The admin routes are for programs on this machine only")
    path, _, query = request.target.partition("?")
    match request.method, path.removeprefix(PREFIX):
        case "GET", "ledger":
            return _as_json(_read_ledger(state, store, parse_qs(query).get("monitor", [None])[-1]))
        case "GET", "calls":
            return _as_json(_list_calls(calls, parse_qs(query).get("after", ["0"])[-1]))
        case "GET", "settings":
            return _as_json(state.settings)
        case "PUT", "settings":
            return _as_json(change_settings(state, request.body, now))
        case _:
            raise ServiceError("UnknownOperationException", f"No admin route {request.method} {path[:200]}")


def _list_calls(log: CallLog, after: str) -> LoggedCalls:
    """Return the remembered calls with a number above `after`."""
    if not after.isdecimal() or len(after) > 19:
        raise InvalidMember("after", "Member must be a number", f"'{after[:100]}'")
    return LoggedCalls(log.number, log.list_after(int(after)))


def _may_come_from_page(request: Request) -> bool:
    """Whether a page in a browser may have sent the request.

    A browser sends Origin or Sec-Fetch-Site for a page. If the page's own host name was rebound to this machine (DNS
    rebinding), it sends that name as Host.
    """
    if request.get_header("origin") is not None or request.get_header("sec-fetch-site") not in (None, "none"):
        return True
    return not all(names_this_machine(value) for name, value in request.headers if name == "host")


def names_this_machine(host: str) -> bool:
    """Whether the value of a Host header is a loopback address or `localhost`, with any port."""
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _as_json(value: Any) -> Response:
    return Response(200, (("content-type", "application/json"),), msgspec.json.encode(value))


def _read_ledger(state: LiveState, store: Store, monitor_id: str | None) -> EndpointLedger:
    monitor = store.find_ever(monitor_id) if monitor_id else None
    if monitor_id and monitor is None:
        raise ResourceNotFoundException("AppMonitor", monitor_id)
    requests, events, dropped = store.count_accepted(monitor)
    counts = state.read_counts(monitor_id)
    return EndpointLedger(
        LedgerRequests(requests, counts.throttled, counts.refused, counts.failed), LedgerEvents(events, dropped)
    )


def change_settings(state: LiveState, body: bytes, now: float) -> LiveSettings:
    """Change the settings in force by the members in a request's body; return them all. Raises ValidationException."""
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
        changed = msgspec.convert(msgspec.to_builtins(state.settings) | given, LiveSettings)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ValidationException(f"The settings are not understood: {wrong}") from wrong
    if problem := changed.find_problem():
        raise ValidationException(problem)
    state.change(changed, now)
    return changed
