"""Figures of groups of events (sessions, page views, loads, errors, requests, vitals), and the views made of them.

Rule: percentiles are exact, with linear interpolation between neighbours (quantile_cont), as numpy computes them. A
vital is good up to its first bound and poor above its second.
"""

from __future__ import annotations

from typing import Any

from loadgen.endpoint.console.columns import NO_RESPONSE, NO_STATUS, TYPE_WORDS
from loadgen.endpoint.console.console_table import ConsoleTable, Scope
from loadgen.rum.events import CLS, FCP, FID, HTTP, INP, JS_ERROR, LCP, NAVIGATION, PAGE_VIEW, TTFB, VITAL_BOUNDS

VITALS_SHOWN = {"lcp": LCP, "inp": INP, "cls": CLS, "fcp": FCP, "ttfb": TTFB, "fid": FID}
BOUNDS = {name: (kind, *VITAL_BOUNDS[kind]) for name, kind in VITALS_SHOWN.items()}
"""By the name in the console: the event type of a vital, good up to, poor above."""

MOST_GROUPS = 500
"""Rows of a table at most; groups with the most page views stay."""

MOST_DISTRIBUTIONS = 10
MOST_PROBLEMS = 200
MOST_NAMES = 5
"""Pages and browsers that an error's row names at most."""

BINS = 40
"""Bars of a distribution, up to twice the bound of poor; one more bar holds all higher values."""


def make_count_sql(event_type: str, more: str = "") -> str:
    """Return the SQL that counts events of a type; `more` is a further condition."""
    return f"count(*) FILTER (WHERE type = {TYPE_WORDS[event_type]}{more})"


HTTP_FAILED = f"(status >= 400 OR status = {NO_RESPONSE})"
"""The SQL of a failed HTTP request: an error status, or no response."""

COUNTS = {
    "events": "count(*)",
    "sessions": "count(DISTINCT session) FILTER (WHERE session <> 0)",
    "views": make_count_sql(PAGE_VIEW),
    "loads": make_count_sql(NAVIGATION),
    "errors": make_count_sql(JS_ERROR),
    "http": make_count_sql(HTTP, f" AND status <> {NO_STATUS}"),
    "http_failed": make_count_sql(HTTP, f" AND {HTTP_FAILED}"),
}
_COUNTS = ", ".join(f"{expression} AS {name}" for name, expression in COUNTS.items())
_PARTS = ", ".join(f"{expression} AS {name}" for name, expression in COUNTS.items() if name != "sessions")
_SUMS = ", ".join(f"{COUNTS[name] if name == 'sessions' else f'sum({name})::BIGINT'} AS {name}" for name in COUNTS)
"""The SQL that sums the counts of single sessions to those of a group."""

TIMED = {TYPE_WORDS[NAVIGATION]: "load"} | {TYPE_WORDS[kind]: name for name, (kind, _, _) in BOUNDS.items()}
"""Names of the figures with a value, by the word number of their event type."""

IS_TIMED = f"type IN ({', '.join(map(str, TIMED))}) AND value IS NOT NULL"


def _choose_bound(place: int) -> str:
    """Return the SQL of a bound (1: good, 2: poor) for the type of a row."""
    return f"CASE type {' '.join(f'WHEN {TYPE_WORDS[each[0]]} THEN {each[place]}' for each in BOUNDS.values())} END"


_VALUES = (
    "quantile_cont(value, [0.5, 0.75, 0.95]) AS values, count(*) AS count,"
    f" count(*) FILTER (WHERE value <= {_choose_bound(1)}) AS good,"
    f" count(*) FILTER (WHERE value > {_choose_bound(2)}) AS poor"
)
"""The SQL of one event type's figures. A query that groups by type reads the few rows with a value once; a FILTER for
each vital over all rows takes four times as long."""


def _make_values(quantiles: list[float], count: int, good: int, poor: int) -> dict[str, Any]:
    """Return the quantiles p50, p75 and p95, and the counts of good, fair and poor values."""
    return {"values": quantiles, "count": count, "good": good, "fair": count - good - poor, "poor": poor}


def _measure_groups(table: ConsoleTable, scope: Scope, labels: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return figures of each group, by name of the grouping; `labels` has the SQL that a grouping groups by.

    Groups with the most page views come first. A group has `load` and vitals only if it has such events. One query
    reads the events once for all groupings: it first counts by session, which leaves few rows.
    """
    where, values = scope.write_condition(table.words)
    columns = ", ".join(f"{expression} AS {name}_of" for name, expression in labels.items())
    counts = f"SELECT session, {columns}, {_PARTS} FROM events WHERE {where} GROUP BY ALL"
    groups = (
        f"(SELECT '{name}' AS grouping, {name}_of AS label, {_SUMS} FROM part GROUP BY label"
        f" ORDER BY views DESC, events DESC, label LIMIT {MOST_GROUPS})"
        for name in labels
    )
    rows = table.ask_named(f"WITH part AS MATERIALIZED ({counts}) {' UNION ALL '.join(groups)}", values)
    known = {(row.pop("grouping"), row["label"]): row for row in rows}
    timed = f"SELECT type, value, {columns} FROM events WHERE {where} AND {IS_TIMED}"
    groups = (
        f"SELECT '{name}', {name}_of AS label, type, {_VALUES} FROM timed GROUP BY label, type" for name in labels
    )
    found = table.ask(f"WITH timed AS MATERIALIZED ({timed}) {' UNION ALL '.join(groups)}", values)
    for name, label, kind, *figures in found:
        if (name, label) in known:
            known[name, label][TIMED[kind]] = _make_values(*figures)
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in labels}
    for (name, _), row in known.items():
        measured[name].append(row)
    return measured


def measure(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return the figures of all events in a scope."""
    where, values = scope.write_condition(table.words)
    visitors = f"SELECT count(DISTINCT visitor) FILTER (WHERE visitor <> 0) FROM events WHERE {where}"
    rows = _measure_groups(table, scope, {"whole": "0"})["whole"] or [{"label": 0, **dict.fromkeys(COUNTS, 0)}]
    del rows[0]["label"]
    return rows[0] | {"visitors": table.ask(visitors, values)[0][0]}


def measure_overview(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return the figures of a scope and of the period before, and their course over time."""
    return {
        "now": measure(table, scope),
        "before": measure(table, scope.before),
        "course": trace_course(table, scope),
        "bounds": {name: bounds for name, (_, *bounds) in BOUNDS.items()},
    }


def trace_course(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return counts, and p75 of loads and vitals, in each part of a scope; 0 or None in a part without events."""
    where, values = scope.write_condition(table.words)
    part, given = "(ms - ?) // ? AS part", [scope.start, scope.step, *values]
    course: dict[str, Any] = {"start": scope.start, "step": scope.step, "size": scope.size}
    course |= {name: [0] * scope.size for name in COUNTS} | {name: [None] * scope.size for name in TIMED.values()}
    for row in table.ask_named(f"SELECT {part}, {_COUNTS} FROM events WHERE {where} GROUP BY part", given):
        for name in COUNTS:
            course[name][row["part"]] = row[name]
    p75 = "quantile_cont(value, 0.75)"
    timed = f"SELECT {part}, type, {p75} FROM events WHERE {where} AND {IS_TIMED} GROUP BY part, type"
    for place, kind, value in table.ask(timed, given):
        course[TIMED[kind]][place] = value
    return course


def group_by(table: ConsoleTable, scope: Scope, *columns: str) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of each value of a column (page, browser, os, device, country), by column."""
    measured = _measure_groups(table, scope, {column: column for column in columns})
    return {
        column: [{"name": table.words.texts[row.pop("label")]} | row for row in rows]
        for column, rows in measured.items()
    }


def measure_pages(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return the figures of each page."""
    return {"rows": group_by(table, scope, "page")["page"]}


def measure_clients(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return the figures of each browser, OS, device and country."""
    return group_by(table, scope, "browser", "os", "device", "country")


def measure_vitals(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return the distribution of each vital over all events (`all`), by device and by browser."""
    found: dict[str, dict[str, Any]] = {
        name: {"good": good, "poor": poor, "width": poor * 2 / BINS, "all": [], "device": [], "browser": []}
        for name, (_, good, poor) in BOUNDS.items()
    }
    for (grouping, kind, _), distribution in _distribute(table, scope).items():
        distributions = found[TIMED[kind]][GROUPINGS[grouping]]
        if len(distributions) < MOST_DISTRIBUTIONS:
            distributions.append(distribution)
    return found


GROUPINGS = {3: "all", 1: "device", 2: "browser"}
"""Names of the values of grouping_id(device, browser), which has a bit for each column that is not grouped by."""


def _distribute(table: ConsoleTable, scope: Scope) -> dict[tuple[int, int, int], dict[str, Any]]:
    """Return the quantiles, ratings and bars of each group, the most frequent first, by grouping, type and word."""
    where, values = scope.write_condition(table.words)
    vital = f"{where} AND {IS_TIMED} AND type <> {TYPE_WORDS[NAVIGATION]}"
    bar = f"greatest(least(floor(value / ({_choose_bound(2)} * 2 / {BINS})), {BINS}), 0)::INTEGER AS bar"
    source = f"WITH vital AS MATERIALIZED (SELECT type, value, device, browser, {bar} FROM events WHERE {vital})"
    label = "grouping_id(device, browser), type, coalesce(device, browser, 0)"
    sets = "((type), (type, device), (type, browser))"
    bars = "((type, bar), (type, device, bar), (type, browser, bar))"
    found: dict[tuple[int, int, int], dict[str, Any]] = {}
    question = f"{source} SELECT {label}, {_VALUES} FROM vital GROUP BY GROUPING SETS {sets} ORDER BY count DESC, 3"
    for grouping, kind, word, *figures in table.ask(question, values):
        distribution = {"name": table.words.texts[word]} | _make_values(*figures) | {"bars": [0] * (BINS + 1)}
        found[grouping, kind, word] = distribution
    question = f"{source} SELECT {label}, bar, count(*) FROM vital GROUP BY GROUPING SETS {bars}"
    for grouping, kind, word, place, count in table.ask(question, values):
        found[grouping, kind, word]["bars"][place] = count
    return found


# Errors and failed requests

_LAST = "max(ms) AS last, max_by(batch, (ms, batch, place)) AS batch, max_by(place, (ms, batch, place)) AS place"
"""The SQL of the time and the place of a group's last event."""


def group_errors(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return errors by type and message (count, sessions, first and last time, pages), and their course over time.

    `batch` and `place` locate the last event of each row, which has the stack.
    """
    where, values = scope.write_condition(table.words)
    where += f" AND type = {TYPE_WORDS[JS_ERROR]}"
    rows = table.ask_named(
        f"SELECT kind, name, count(*) AS count, {COUNTS['sessions']} AS sessions, min(ms) AS first, {_LAST},"
        f" approx_top_k(page, {MOST_NAMES}) AS pages, approx_top_k(browser, {MOST_NAMES}) AS browsers"
        f" FROM events WHERE {where} GROUP BY kind, name ORDER BY count DESC, last DESC LIMIT {MOST_PROBLEMS}",
        values,
    )
    texts = table.words.texts
    for row in rows:
        row["type"], row["message"] = texts[row.pop("kind")], texts[row.pop("name")]
        row["pages"], row["browsers"] = ([texts[word] for word in row[key]] for key in ("pages", "browsers"))
    return {"rows": rows, "course": count_course(table, scope, where, values)}


def group_requests(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Return recorded HTTP requests by method and URL (without query): counts of all, of failed, and of each status.

    Status "0" stands for requests without a response. Rows with the most failed requests come first.
    """
    where, values = scope.write_condition(table.words)
    where += f" AND type = {TYPE_WORDS[HTTP]} AND status <> {NO_STATUS}"
    rows = table.ask_named(
        f"SELECT kind, name, count(*) AS count, count(*) FILTER (WHERE {HTTP_FAILED}) AS failed,"
        f" {COUNTS['sessions']} AS sessions, histogram(status) AS statuses, {_LAST} FROM events WHERE {where}"
        f" GROUP BY kind, name ORDER BY failed DESC, count DESC, name, kind LIMIT {MOST_PROBLEMS}",
        values,
    )
    texts = table.words.texts
    for row in rows:
        row["method"], row["url"] = texts[row.pop("kind")], texts[row.pop("name")]
        row["statuses"] = {str(status): count for status, count in row["statuses"].items()}
    statuses = table.ask(
        f"SELECT status, count(*) FROM events WHERE {where} GROUP BY status ORDER BY status LIMIT 100", values
    )
    return {
        "rows": rows,
        "statuses": [{"status": status, "count": count} for status, count in statuses],
        "course": count_course(table, scope, f"{where} AND {HTTP_FAILED}", values),
        "without_answer": NO_RESPONSE,
    }


def count_course(table: ConsoleTable, scope: Scope, where: str, values: list[Any]) -> dict[str, Any]:
    """Count the events that meet a SQL condition in each part of the scope."""
    counts = [0] * scope.size
    question = f"SELECT (ms - ?) // ? AS part, count(*) FROM events WHERE {where} GROUP BY part"
    for part, count in table.ask(question, [scope.start, scope.step, *values]):
        counts[part] = count
    return {"start": scope.start, "step": scope.step, "size": scope.size, "count": counts}
