"""The console's views by name: each is computed from a query string and sent to the page as JSON."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from loadgen.endpoint.console import measures, sessions
from loadgen.endpoint.console.console_table import FURTHEST_MS, ConsoleTable, Scope, read_integer, read_scope
from loadgen.endpoint.console.followed_table import FollowedTable
from loadgen.endpoint.console.ingestion import describe_ingestion, describe_refusal
from loadgen.endpoint.console.store_views import list_monitors, read_events
from loadgen.endpoint.operations.stored_events import EventPlace
from loadgen.endpoint.service import RumService
from loadgen.endpoint.service_error import ResourceNotFoundException, ValidationException
from loadgen.endpoint.store import AppMonitor

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
        spans = await self._table.ask(sessions.find_spans)
        return list_monitors(self._service, spans)

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
        return read_events(self._service.store, self._service.settings, monitor, places)

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
    return EventPlace(min(at, FURTHEST_MS), batch, position)
