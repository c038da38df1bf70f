"""The console's views by name: each is computed from a query string and sent to the page as JSON.

Figures come from the console's table; app monitors and single events from the store itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from loadgen.endpoint.console import measures, sessions
from loadgen.endpoint.console.console_table import ConsoleTable, FollowedTable, Scope, read_integer, read_scope
from loadgen.endpoint.console.ingestion import describe_ingestion, describe_refusal
from loadgen.endpoint.operations.metrics import read_destinations
from loadgen.endpoint.operations.monitors import describe_monitor
from loadgen.endpoint.operations.policies import RequestContext, is_allowed
from loadgen.endpoint.operations.stored_events import EventPlace, EventReader
from loadgen.endpoint.request_body import encode_members
from loadgen.endpoint.service import RumService
from loadgen.endpoint.service_error import ResourceNotFoundException, ValidationException
from loadgen.endpoint.settings import YEAR_10000, EndpointSettings
from loadgen.endpoint.store import AppMonitor
from loadgen.model import Noun, Request
from loadgen.rum.service_model import POLICY_VERSIONS, PUT_ACTION

MOST_DEFINITIONS = 200
"""Metric definitions that are listed for a destination at most."""

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of batches that are decoded for one answer at most: the endpoint's other clients wait meanwhile."""


def _describe(monitor: AppMonitor, service: RumService, first: int | None, last: int | None) -> dict[str, Any]:
    """Describe a monitor with its settings, counts, metrics and policy; `first` and `last` event in Unix ms."""
    store = service.store
    requests, events, dropped = store.count_accepted(monitor)
    return {
        "monitor": describe_monitor(monitor),
        "region": service.settings.region,
        "unsigned": takes_unsigned(monitor, service.settings),
        "requests": requests,
        "events": events,
        "dropped": dropped,
        "rejected": service.state.read_counts(monitor.id),
        "first": first,
        "last": last,
        "policy": monitor.policy,
        "metrics": [
            {
                "destination": target.destination,
                "arn": target.arn,
                "role": role,
                "count": len(definitions := target.read_definitions(store)),
                "definitions": [definition.content for definition in definitions[:MOST_DEFINITIONS]],
            }
            for target, role in read_destinations(store, monitor)
        ],
    }


def takes_unsigned(monitor: AppMonitor, settings: EndpointSettings) -> bool:
    """Whether a page on this machine may send to a monitor without credentials."""
    asked = RequestContext(None, "127.0.0.1", Request("POST", "/", ()), None, settings.account)
    return settings.unsigned or bool(
        monitor.policy and is_allowed(monitor.policy, settings.make_arn(monitor.name), asked)
    )


class NewMonitor(Noun, forbid_unknown_fields=True):
    """What the console's form asks for: a new app monitor."""

    name: str
    domain: str = "localhost"


def create_monitor(service: RumService, body: bytes) -> dict[str, Any]:
    """Create an app monitor that takes custom events and unsigned requests of pages; return its name and id."""
    try:
        wanted = msgspec.json.decode(body, type=NewMonitor)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ValidationException(f"The app monitor is not understood: {wrong}") from wrong
    given = {"Name": wanted.name, "Domain": wanted.domain, "CustomEvents": {"Status": "ENABLED"}}
    created = service.perform_for_console("CreateAppMonitor", {}, given)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": PUT_ACTION,
        "Resource": service.settings.make_arn(wanted.name),
    }
    policy = msgspec.json.encode({"Version": POLICY_VERSIONS[0], "Statement": [statement]}).decode()
    service.perform_for_console("PutResourcePolicy", {"Name": wanted.name}, {"PolicyDocument": policy})
    return {"name": wanted.name, "id": created["Id"]}


Query = dict[str, list[str]]

TABLE_VIEWS: dict[str, Callable[[ConsoleTable, Scope], Any]] = {
    "overview": measures.measure_overview,
    "pages": measures.measure_pages,
    "vitals": measures.measure_vitals,
    "clients": measures.measure_clients,
    "errors": measures.group_errors,
    "http": measures.group_requests,
    "journey": sessions.trace_journeys,
}
"""Views that need the console's table alone."""

MOST_PAGE = 200
_INTEGER64 = 2**63 - 1


class Views:
    """The console's views of one endpoint; `close` ends the thread of the table."""

    def __init__(self, service: RumService, is_live: bool) -> None:
        self._service = service
        self._is_live = is_live  # False: `loadgen console` shows a store, and the endpoint takes no requests
        self._start_id = secrets.token_hex(4)  # distinguishes this start from another with the same counts
        self._table = FollowedTable(service.store)
        self.close = self._table.close
        self._other_views: dict[str, Callable[[Query], Awaitable[Any]]] = {
            "status": self._describe_status,
            "monitors": self._list_monitors,
            "sessions": self._list_sessions,
            "session": self._show_session,
            "events": self._list_events,
            "event": self._show_event,
            "ingestion": self._show_ingestion,
            "refusal": self._show_refusal,
        }

    def has(self, name: str) -> bool:
        """Whether there is a view of this name."""
        return name in TABLE_VIEWS or name in self._other_views

    async def show(self, name: str, query: Query) -> Any:
        """Return a view's content, ready for JSON; raises ServiceError if the query names something that is missing."""
        if name in self._other_views:
            return await self._other_views[name](query)
        return await self._table.ask(TABLE_VIEWS[name], read_scope(query, self._find_monitor(query).number))

    def _find_monitor(self, query: Query) -> AppMonitor:
        monitor_id = query.get("monitor", [""])[-1]
        monitor = self._service.store.find_ever(monitor_id)
        if monitor is None:
            raise ResourceNotFoundException("AppMonitor", monitor_id[:200])
        return monitor

    async def _describe_status(self, query: Query) -> dict[str, Any]:
        """Return how far the table has read the store, and a version that changes whenever a view's content does."""
        table = await self._table.follow()
        return {
            "live": self._is_live,
            "events": table.events,
            "read": table.last_batch,
            "newest": self._table.newest,
            "version": f"{self._start_id}.{self._service.store.writes}.{table.last_batch}.{table.events}",
            "cut": table.is_cut,
            "unreadable": table.unreadable,
            "calls": self._service.calls.number,
            "now": int(self._service.clock() * 1000),
        }

    async def _list_monitors(self, query: Query) -> list[dict[str, Any]]:
        """Return all monitors that are not deleted, by name."""
        spans = await self._table.ask(sessions.find_spans)
        present = self._service.store.list_present()
        return [_describe(each, self._service, *spans.get(each.number, (None, None))) for each in present]

    async def _list_sessions(self, query: Query) -> dict[str, Any]:
        asked = sessions.SessionQuery(
            query.get("sort", ["start"])[-1],
            read_integer(query, "offset", 0, _INTEGER64, 0),
            query.get("failing", ["0"])[-1] == "1",
            query.get("text", [""])[-1][:200],
        )
        found: dict[str, Any] = await self._table.ask(
            sessions.list_sessions, read_scope(query, self._find_monitor(query).number), asked
        )
        return found

    async def _show_session(self, query: Query) -> dict[str, Any]:
        monitor = self._find_monitor(query)
        places = await self._table.ask(sessions.find_session_events, monitor.number, query.get("session", [""])[-1])
        if not places:
            raise ResourceNotFoundException("Session", query.get("session", [""])[-1][:200])
        events, whole = self._read(monitor, places)
        return {"events": events, "whole": whole and len(places) < sessions.MOST_EVENTS}

    async def _list_events(self, query: Query) -> dict[str, Any]:
        """Return events that pass RUM's filters, and in `next` the value of `before` that asks for the next page."""
        monitor = self._find_monitor(query)
        scope = read_scope(query, monitor.number)
        limit = read_integer(query, "limit", 1, MOST_PAGE, 50)
        asked = sessions.EventQuery(
            tuple(query.get("type", ())), tuple(query.get("invert", ())), _read_before(query), limit
        )
        places = await self._table.ask(sessions.find_events, scope, asked)
        types = await self._table.ask(sessions.count_types, scope)
        events, whole = self._read(monitor, places)
        more = len(places) == limit or not whole
        last = events[-1] if events else None
        following = f"{last['ms']}.{last['batch']}.{last['place']}" if more and last else None
        return {"events": events, "next": following, "types": types}

    async def _show_event(self, query: Query) -> dict[str, Any]:
        monitor = self._find_monitor(query)
        batch, position = (read_integer(query, name, 0, _INTEGER64) for name in ("batch", "place"))
        places = await self._table.ask(sessions.find_event, monitor.number, batch, position)
        events, _ = self._read(monitor, places)
        if not events:
            raise ResourceNotFoundException("Event", f"{batch}.{position}")
        return events[0]

    def _read(self, monitor: AppMonitor, places: list[EventPlace]) -> tuple[list[dict[str, Any]], bool]:
        """Return the events at these places, as GetAppMonitorData gives them, and whether all of them were read.

        Events of a batch that has left the store meanwhile are left out.
        """
        reader = EventReader(self._service.store, self._service.settings, monitor)
        found: list[dict[str, Any]] = []
        for place in places:
            if place.batch not in reader.batches and reader.bytes > MOST_BYTES:
                return found, False
            if event := reader.read(place):
                raw = msgspec.Raw(encode_members(event).encode())
                found.append({"batch": place.batch, "place": place.position, "ms": place.at, "event": raw})
        return found, True

    async def _show_ingestion(self, query: Query) -> dict[str, Any]:
        return describe_ingestion(self._service, read_integer(query, "after", 0, _INTEGER64, 0))

    async def _show_refusal(self, query: Query) -> dict[str, Any]:
        return describe_refusal(self._service, read_integer(query, "number", 0, _INTEGER64))


def _read_before(query: Query) -> EventPlace | None:
    text = query.get("before", [""])[-1]
    if not text:
        return None
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isdigit() and len(part) < 19 for part in parts):
        raise ValidationException("'before' must be what an answer gave as `next`")
    at, batch, position = map(int, parts)
    return EventPlace(min(at, YEAR_10000), batch, position)
