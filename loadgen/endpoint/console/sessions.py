"""Questions about sessions and single events: the list of sessions, one session, journeys, and filtered events."""

from __future__ import annotations

from typing import Any

from loadgen.endpoint.console.columns import TYPE_WORDS, Words
from loadgen.endpoint.console.console_table import ConsoleTable, Scope
from loadgen.endpoint.console.measures import HTTP_FAILED, make_count_sql
from loadgen.endpoint.operations.stored_events import EventPlace
from loadgen.endpoint.service_error import ValidationException
from loadgen.model import Noun
from loadgen.rum.events import HTTP, JS_ERROR, NAVIGATION, PAGE_VIEW

MOST_ROWS = 200
MOST_EVENTS = 3000
"""Events of a session that its timeline shows at most; the first events stay."""

MOST_TRANSITIONS = 200
"""Transitions from page to page that are listed at most; the most frequent stay."""

STEPS = 5
"""Pages of a session that the flow shows, from the first page on."""

PAGES_OF_A_STEP = 6
"""Pages that a step of the flow shows; all others are shown together as one."""

OTHERS = "(other pages)"

SORTS = ("start", "length", "views", "errors", "events", "http_failed", "load")
"""Columns that the list can be sorted by, in descending order."""


class SessionQuery(Noun):
    """Which sessions are listed, and in which order."""

    sort: str = "start"
    offset: int = 0
    failing: bool = False  # only sessions with an error or a failed request
    text: str = ""  # only ids of a session or user that contain this text


def list_sessions(table: ConsoleTable, scope: Scope, query: SessionQuery) -> dict[str, Any]:
    """Return a page of the sessions with events in the scope, with figures of those events alone."""
    if query.sort not in SORTS:
        raise ValidationException(f"'sort' must be one of {', '.join(SORTS)}")
    where, values = scope.write_condition(table.words)
    having = " HAVING errors > 0 OR http_failed > 0" if query.failing else ""
    if query.text:
        numbers = table.words.find_containing(query.text)
        where += " AND (session IN (SELECT unnest(?)) OR visitor IN (SELECT unnest(?)))"
        values += [numbers, numbers]
    inner = (
        "SELECT session, any_value(visitor) AS visitor, min(ms) AS start, max(ms) - min(ms) AS length,"
        f" count(*) AS events, {make_count_sql(PAGE_VIEW)} AS views, {make_count_sql(JS_ERROR)} AS errors,"
        f" {make_count_sql(HTTP, f' AND {HTTP_FAILED}')} AS http_failed,"
        f" max(value) FILTER (WHERE type = {TYPE_WORDS[NAVIGATION]}) AS load"
        f" FROM events WHERE {where} AND session <> 0 GROUP BY session{having}"
    )
    order = f"ORDER BY {query.sort} DESC NULLS LAST, start DESC, session LIMIT {MOST_ROWS} OFFSET {query.offset}"
    rows = table.ask_named(f"SELECT *, count(*) OVER () AS total FROM ({inner}) {order}", values)
    total = rows[0]["total"] if rows else 0
    origins = _find_origins(table, where, values, [row["session"] for row in rows])
    named = [_replace_words(row | origins[row["session"]], table.words) for row in rows]
    return {"rows": named, "total": total, "offset": query.offset}


def _find_origins(
    table: ConsoleTable, where: str, values: list[Any], session_words: list[int]
) -> dict[int, dict[str, Any]]:
    """Return the first page of each listed session, and the client of its first event, by session word."""
    columns = ("browser", "os", "device", "country")
    firsts = ", ".join(f"min_by({name}, (ms, batch, place)) AS {name}" for name in columns)
    question = (
        f"SELECT session, min_by(page, (ms, turn, batch, place)) FILTER (WHERE page <> 0) AS entry, {firsts}"
        f" FROM events WHERE {where} AND session IN (SELECT unnest(?)) GROUP BY session"
    )
    return {row["session"]: row for row in table.ask_named(question, [*values, session_words])}


def _replace_words(row: dict[str, Any], words: Words) -> dict[str, Any]:
    names = ("session", "visitor", "entry", "browser", "os", "device", "country")
    del row["total"]
    return row | {name: words.texts[row[name] or 0] for name in names}


def find_session_events(table: ConsoleTable, monitor: int, session: str) -> list[EventPlace]:
    """Return the places of a session's events, in the order of time."""
    word = table.words.find(session)
    question = (
        "SELECT ms, batch, place FROM events WHERE monitor = ? AND session = ?"
        f" ORDER BY ms, turn, batch, place LIMIT {MOST_EVENTS}"
    )
    return [EventPlace(*row) for row in table.ask(question, [monitor, word or -1])]


def trace_journeys(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return the counts of transitions from page to page, and the flow of sessions through their first pages.

    "next" is None where a session ends. A view that repeats the page before it does not count as a step.
    """
    where, values = scope.write_condition(table.words)
    views = (
        "SELECT session, page, ms, turn, batch, place FROM"
        " (SELECT *, lag(page) OVER (PARTITION BY session ORDER BY ms, turn, batch, place) AS previous FROM events"
        f" WHERE {where} AND type = {TYPE_WORDS[PAGE_VIEW]} AND session <> 0) WHERE previous IS DISTINCT FROM page"
    )
    order = "(PARTITION BY session ORDER BY ms, turn, batch, place)"
    steps = f"SELECT page, lead(page) OVER {order} AS next, row_number() OVER {order} AS step FROM ({views})"
    texts = table.words.texts
    transitions = table.ask(
        f"SELECT page, next, count(*) AS count FROM ({steps}) GROUP BY page, next"
        f" ORDER BY count DESC, page LIMIT {MOST_TRANSITIONS}",
        values,
    )
    flow = table.ask(
        f"SELECT step, page, next, count(*) FROM ({steps}) WHERE step <= {STEPS} GROUP BY step, page, next", values
    )
    return {
        "transitions": [
            {"page": texts[page], "next": None if then is None else texts[then], "count": count}
            for page, then, count in transitions
        ],
        "flow": _fold(flow, texts),
    }


def _fold(flow: list[tuple[Any, ...]], texts: list[str]) -> list[dict[str, Any]]:
    """Return the flow with the rare pages of each step merged into one."""
    weights: dict[tuple[int, int], int] = {}
    for step, page, _, count in flow:
        weights[step, page] = weights.get((step, page), 0) + count
    kept: dict[int, set[int]] = {}
    for step, page in sorted(weights, key=lambda place: (-weights[place], place)):
        if len(kept.setdefault(step, set())) < PAGES_OF_A_STEP:
            kept[step].add(page)

    def name(step: int, page: int | None) -> str | None:
        return None if page is None else texts[page] if page in kept.get(step, ()) else OTHERS

    folded: dict[tuple[int, str, str | None], int] = {}
    for step, page, then, count in flow:
        key = (step, name(step, page) or "", name(step + 1, then) if step < STEPS or then is None else OTHERS)
        folded[key] = folded.get(key, 0) + count
    return [
        {"step": step, "page": page, "next": then, "count": count}
        for (step, page, then), count in sorted(folded.items(), key=lambda item: (item[0][0], -item[1]))
    ]


class EventQuery(Noun):
    """Which events the view of single events shows."""

    types: tuple[str, ...] = ()  # full names; empty: all types
    inverted: tuple[str, ...] = ()  # values that no filterable field may have, as in RUM's Invert
    before: EventPlace | None = None  # only events before this place: the last one already shown
    limit: int = 50


def find_events(table: ConsoleTable, scope: Scope, query: EventQuery) -> list[EventPlace]:
    """Return the places of the events that pass the filters, the newest first."""
    where, values = scope.write_condition(table.words)
    if query.types:
        numbers = [number for each in query.types if (number := table.words.find(each)) is not None]
        where += f" AND type IN ({', '.join('?' * len(numbers))})" if numbers else " AND FALSE"
        values += numbers
    for text in query.inverted:
        if (number := table.words.find(text)) is not None:
            where += " AND NOT ? IN (page, browser, os, device, country, type)"
            values.append(number)
    if query.before:
        where += " AND (ms, batch, place) < (?, ?, ?)"
        values += query.before
    question = f"SELECT ms, batch, place FROM events WHERE {where} ORDER BY ms DESC, batch DESC, place DESC LIMIT ?"
    return [EventPlace(*row) for row in table.ask(question, [*values, query.limit])]


def count_types(table: ConsoleTable, scope: Scope) -> list[dict[str, Any]]:
    """Count the events of each type in the scope."""
    where, values = scope.write_condition(table.words)
    question = f"SELECT type, count(*) AS count FROM events WHERE {where} GROUP BY type ORDER BY count DESC LIMIT 100"
    return [{"type": table.words.texts[kind], "count": count} for kind, count in table.ask(question, values)]


def find_event(table: ConsoleTable, monitor: int, batch: int, position: int) -> list[EventPlace]:
    """Return the place of the event at a position of a batch; an empty list if there is none."""
    question = "SELECT ms, batch, place FROM events WHERE monitor = ? AND batch = ? AND place = ?"
    return [EventPlace(*row) for row in table.ask(question, [monitor, batch, position])]


def find_spans(table: ConsoleTable) -> dict[int, tuple[int, int]]:
    """Return the times of each monitor's first and last event, in Unix milliseconds."""
    return {
        monitor: (first, last)
        for monitor, first, last in table.ask("SELECT monitor, min(ms), max(ms) FROM events GROUP BY monitor", [])
    }
