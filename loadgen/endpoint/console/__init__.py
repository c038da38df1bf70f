"""The console of one endpoint: requests under /_loadgen/ → the page, its files, and views as JSON.

Rule: nothing is computed while nobody looks. The first view reads the store, slice by slice between the requests of
other clients, and later ones read what came since. Batches are decoded and questions answered in one other thread, so
that the endpoint goes on answering.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import msgspec

from loadgen.endpoint.admin import read_changed_settings
from loadgen.endpoint.console import measures, sessions
from loadgen.endpoint.console.console_table import FURTHEST_MS, ConsoleTable, Scope, read_integer, read_scope
from loadgen.endpoint.console.ingestion import describe_ingestion, describe_refusal
from loadgen.endpoint.console.routes import API, SAFETY, WAY_IN, answer_file, check_caller, is_of_console
from loadgen.endpoint.console.store_views import create_monitor, list_monitors, read_events
from loadgen.endpoint.operations.stored_events import EventPlace
from loadgen.endpoint.service import RumService
from loadgen.endpoint.service_error import (
    InternalServerException,
    ResourceNotFoundException,
    ServiceError,
    ValidationException,
)
from loadgen.endpoint.store import AppMonitor
from loadgen.model import Request, Response

Query = dict[str, list[str]]
View = Callable[[ConsoleTable, Scope], Any]

VIEWS: dict[str, View] = {
    "overview": measures.overview,
    "pages": measures.pages,
    "vitals": measures.vitals,
    "clients": measures.clients,
    "errors": measures.errors,
    "http": measures.http,
    "journey": sessions.journey,
}
"""Views that are computed from the table alone."""

SLICE = 100
"""Batches that are read from the store at once."""

PATIENCE_SECONDS = 0.25
"""How long a view waits for what the store has got; then it shows what was read so far."""

MOST_PAGE = 200
_INTEGER64 = 2**63 - 1
_LOG = logging.getLogger(__name__)


class Console:
    """Answers the console's requests. `close` ends its thread."""

    def __init__(self, service: RumService, is_live: bool = True) -> None:
        self._service = service
        self._store = service.store
        self._is_live = is_live  # False: a store of another time, which takes nothing
        self._thread = ThreadPoolExecutor(1, "console")
        self._table: ConsoleTable | None = None
        self._reading: asyncio.Task[None] | None = None
        self._newest = 0  # the highest row of the store
        self._own: dict[str, Callable[[Query], Awaitable[Any]]] = {
            "status": self._describe_status,
            "monitors": self._list_monitors,
            "sessions": self._list_sessions,
            "session": self._show_session,
            "events": self._list_events,
            "event": self._show_event,
            "ingestion": self._show_ingestion,
            "refusal": self._show_refusal,
        }

    def takes(self, request: Request) -> bool:
        """Whether a request is the console's."""
        return request.target.startswith(WAY_IN) and is_of_console(request.target)

    def close(self) -> None:
        """End the thread, without waiting for what it still has to do."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: Request, peer: str) -> Response:
        """Answer a request from an IP address."""
        try:
            check_caller(request, peer)
            if not request.target.startswith(API):
                if request.method not in ("GET", "HEAD"):
                    raise ServiceError("UnknownOperationException", "The console's page is read with GET")
                return answer_file(request.target)
            return await self._answer_api(request)
        except ServiceError as error:
            response = error.make_response()
            return Response(response.status, (*response.headers, *SAFETY), response.body)
        except Exception as wrong:
            _LOG.error("internal error of the console", exc_info=wrong)
            return InternalServerException().make_response()

    async def _answer_api(self, request: Request) -> Response:
        path, _, text = request.target.partition("?")
        name, query = path.removeprefix(API), parse_qs(text, keep_blank_values=False, max_num_fields=100)
        found: Any
        if (request.method, name) == ("PUT", "settings") and self._is_live:
            state = self._service.state
            state.change(read_changed_settings(state.settings, request.body), self._service.clock())
            found = state.settings
        elif (request.method, name) == ("POST", "monitors") and self._is_live:
            found = create_monitor(self._service, request.body)
        elif request.method == "GET" and name in VIEWS:
            scope = read_scope(query, self._find_monitor(query).number)
            found = await self._ask(VIEWS[name], scope)
        elif request.method == "GET" and name in self._own:
            found = await self._own[name](query)
        else:
            raise ServiceError("UnknownOperationException", f"The console has no route {request.method} {path[:200]}")
        return Response(200, (("content-type", "application/json"), *SAFETY), msgspec.json.encode(found))

    def _find_monitor(self, query: Query) -> AppMonitor:
        monitor_id = query.get("monitor", [""])[-1]
        monitor = self._store.find_ever(monitor_id)
        if monitor is None:
            raise ResourceNotFoundException("AppMonitor", monitor_id[:200])
        return monitor

    # The table

    async def _ask(self, question: Callable[..., Any], *values: Any) -> Any:
        """Ask the table in its thread, after it has read on for a moment."""
        table = await self._follow()
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, table, *values)

    async def _follow(self) -> ConsoleTable:
        """Let the table read what the store has got; come back when it has, or when patience ends."""
        loop = asyncio.get_running_loop()
        if self._table is None:
            self._table = await loop.run_in_executor(self._thread, ConsoleTable)
        if self._reading is None or self._reading.done():
            self._reading = loop.create_task(self._read_store(self._table))
        await asyncio.wait({self._reading}, timeout=PATIENCE_SECONDS)
        if self._reading.done():
            self._reading.result()
        return self._table

    async def _read_store(self, table: ConsoleTable) -> None:
        run = asyncio.get_running_loop().run_in_executor
        while True:
            while self._store.has_uncommitted:  # the server commits in this pass of its event loop
                await asyncio.sleep(0)
            first, newest = self._store.read("SELECT min(number), max(number) FROM batches")[0]
            self._newest = newest or 0
            if self._newest < table.last_batch:
                await run(self._thread, table.clear)
            elif first is not None and table.first_batch < first:
                await run(self._thread, table.drop_before, first)
            rows = self._store.read(
                "SELECT number, monitor, times, dropped, body FROM batches WHERE number > ? ORDER BY number LIMIT ?",
                *(table.last_batch, SLICE),
            )
            if not rows:
                return
            await run(self._thread, table.append, rows)

    # Views that look at more than the table

    async def _describe_status(self, query: Query) -> dict[str, Any]:
        """How far the table has read the store, and a version that changes with what the views show."""
        table = await self._follow()
        return {
            "live": self._is_live,
            "events": table.events,
            "read": table.last_batch,
            "newest": self._newest,
            "version": f"{table.last_batch}.{table.events}",
            "cut": table.is_cut,
            "unreadable": table.unreadable,
            "calls": self._service.calls.number,
            "now": int(self._service.clock() * 1000),
        }

    async def _list_monitors(self, query: Query) -> list[dict[str, Any]]:
        spans = await self._ask(sessions.find_spans)
        return list_monitors(self._service, spans)

    async def _list_sessions(self, query: Query) -> dict[str, Any]:
        asked = sessions.SessionQuery(
            query.get("sort", ["start"])[-1],
            read_integer(query, "offset", 0, _INTEGER64, 0),
            query.get("failing", ["0"])[-1] == "1",
            query.get("text", [""])[-1][:200],
        )
        found: dict[str, Any] = await self._ask(
            sessions.sessions, read_scope(query, self._find_monitor(query).number), asked
        )
        return found

    async def _show_session(self, query: Query) -> dict[str, Any]:
        monitor = self._find_monitor(query)
        places = await self._ask(sessions.find_session_events, monitor.number, query.get("session", [""])[-1])
        if not places:
            raise ResourceNotFoundException("Session", query.get("session", [""])[-1][:200])
        events, whole = self._read(monitor, places)
        return {"events": events, "whole": whole and len(places) < sessions.MOST_EVENTS}

    async def _list_events(self, query: Query) -> dict[str, Any]:
        """Events that pass RUM's filters; `next` is what `before` takes for those that follow."""
        monitor = self._find_monitor(query)
        scope = read_scope(query, monitor.number)
        limit = read_integer(query, "limit", 1, MOST_PAGE, 50)
        asked = sessions.EventQuery(
            tuple(query.get("type", ())), tuple(query.get("invert", ())), _read_before(query), limit
        )
        places = await self._ask(sessions.find_events, scope, asked)
        types = await self._ask(sessions.count_types, scope)
        events, whole = self._read(monitor, places)
        more = len(places) == limit or not whole
        last = events[-1] if events else None
        following = f"{last['ms']}.{last['batch']}.{last['place']}" if more and last else None
        return {"events": events, "next": following, "types": types}

    async def _show_event(self, query: Query) -> dict[str, Any]:
        monitor = self._find_monitor(query)
        batch, position = (read_integer(query, name, 0, _INTEGER64) for name in ("batch", "place"))
        places = await self._ask(sessions.find_event, monitor.number, batch, position)
        events, _ = self._read(monitor, places)
        if not events:
            raise ResourceNotFoundException("Event", f"{batch}.{position}")
        return events[0]

    def _read(self, monitor: AppMonitor, places: list[EventPlace]) -> tuple[list[dict[str, Any]], bool]:
        return read_events(self._store, self._service.settings, monitor, places)

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
