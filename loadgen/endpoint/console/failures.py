"""What went wrong: JavaScript errors grouped by type and message, HTTP requests by method, URL and status."""

from __future__ import annotations

from typing import Any

from loadgen.endpoint.console.columns import NO_RESPONSE, NO_STATUS, TYPE_WORDS
from loadgen.endpoint.console.console_table import ConsoleTable
from loadgen.endpoint.console.measures import HTTP_FAILED
from loadgen.endpoint.console.scope import Scope
from loadgen.rum.events import HTTP, JS_ERROR

MOST_GROUPS = 200
MOST_NAMES = 5
"""Pages and browsers that are named for each error."""


def errors(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Errors by type and message: how many, sessions hit, first and last seen, where; and their course.

    `batch` and `place` are those of the last one, whose stack the event itself has.
    """
    where, values = scope.condition(table.words)
    where += f" AND type = {TYPE_WORDS[JS_ERROR]}"
    rows = table.ask_named(
        "SELECT kind, name, count(*) AS count, count(DISTINCT session) FILTER (WHERE session <> 0) AS sessions,"
        " min(ms) AS first, max(ms) AS last, max_by(batch, (ms, batch, place)) AS batch,"
        f" max_by(place, (ms, batch, place)) AS place, approx_top_k(page, {MOST_NAMES}) AS pages,"
        f" approx_top_k(browser, {MOST_NAMES}) AS browsers"
        f" FROM events WHERE {where} GROUP BY kind, name ORDER BY count DESC, last DESC LIMIT {MOST_GROUPS}",
        values,
    )
    texts = table.words.texts
    for row in rows:
        row["type"], row["message"] = texts[row.pop("kind")], texts[row.pop("name")]
        row["pages"], row["browsers"] = ([texts[word] for word in row[key]] for key in ("pages", "browsers"))
    return {"rows": rows, "course": count_course(table, scope, where, values)}


def http(table: ConsoleTable, scope: Scope) -> dict[str, Any]:
    """Requests by method and URL (without its query): how many, how many failed, and the count of each status.

    Status "0" stands for requests without an answer. Those that failed most stand first.
    """
    where, values = scope.condition(table.words)
    where += f" AND type = {TYPE_WORDS[HTTP]} AND status <> {NO_STATUS}"
    rows = table.ask_named(
        f"SELECT kind, name, count(*) AS count, count(*) FILTER (WHERE {HTTP_FAILED}) AS failed,"
        " count(DISTINCT session) FILTER (WHERE session <> 0) AS sessions, histogram(status) AS statuses,"
        " max(ms) AS last, max_by(batch, (ms, batch, place)) AS batch, max_by(place, (ms, batch, place)) AS place"
        f" FROM events WHERE {where} GROUP BY kind, name ORDER BY failed DESC, count DESC, name LIMIT {MOST_GROUPS}",
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
    """How many events of a condition there are in each part of the scope."""
    counts = [0] * -(-scope.length // scope.step)
    question = f"SELECT (ms - ?) // ? AS part, count(*) FROM events WHERE {where} GROUP BY part"
    for part, count in table.ask(question, [scope.start, scope.step, *values]):
        counts[part] = count
    return {"start": scope.start, "step": scope.step, "size": len(counts), "count": counts}
