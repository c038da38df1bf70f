"""Checks of the pages beyond types: probabilities that add up to 1, every page reachable and with a way out.

Rule: as in checks.py, the checks read the file's raw data and skip values of a wrong type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from loadgen.scenario.pages import PLACEHOLDER, find_placeholders
from loadgen.scenario.problems import Problem, format_place, read_number, suggest

TOLERANCE = 1e-6
"""By how much a sum of probabilities may differ from 1, because of rounding."""


class PageGraph:
    """The page graph of raw data: next pages, exits and entries, as far as they are well formed."""

    def __init__(self, pages: Mapping[str, Any]) -> None:
        tables = {name: read_table(pages, name) for name in pages}
        self.to = {name: read_numbers(page.get("to")) for name, page in tables.items()}
        self.exit = {name: read_number(page.get("exit", 0.0)) for name, page in tables.items()}
        entries = [name for name, page in tables.items() if (read_number(page.get("entry")) or 0.0) > 0]
        self.entries = entries or list(tables)[:1]

    def list_next(self, name: str) -> list[str]:
        """List the pages of the file that can follow a page."""
        return [target for target, share in self.to.get(name, {}).items() if share > 0 and target in self.to]

    def find_reachable(self) -> set[str]:
        """Find the pages that a visit can reach from an entry."""
        return _find_closure(self.entries, self.list_next)

    def find_leavable(self) -> set[str]:
        """Find the pages from which a visit can reach an exit."""
        before: dict[str, list[str]] = {name: [] for name in self.to}
        for name in self.to:
            for target in self.list_next(name):
                before[target].append(name)
        return _find_closure(
            [name for name, share in self.exit.items() if share is None or share > 0], before.__getitem__
        )


def read_table(raw: Any, *names: str) -> Mapping[str, Any]:
    """Return the table at a path of names below raw data; an empty table if there is none or another type."""
    for name in names:
        raw = raw.get(name) if isinstance(raw, Mapping) else None
    return raw if isinstance(raw, Mapping) else {}


def list_tables(raw: Mapping[str, Any], name: str) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the tables in a list of raw data, each with its position in the list; other items are left out."""
    value = raw.get(name)
    return [
        (place, each)
        for place, each in enumerate(value if isinstance(value, list | tuple) else ())
        if isinstance(each, Mapping)
    ]


def read_numbers(table: Any) -> dict[str, float]:
    """Return the members of a raw table that are numbers."""
    items = table.items() if isinstance(table, Mapping) else ()
    return {str(key): share for key, value in items if (share := read_number(value)) is not None}


def _find_closure(start: list[str], list_next: Callable[[str], list[str]]) -> set[str]:
    """Find all names that any number of steps from the start can reach, the start included."""
    seen, todo = set(start), list(start)
    while todo:
        for name in list_next(todo.pop()):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return seen


def check_pages(pages: Mapping[str, Any]) -> Iterator[Problem]:
    """Find all problems of the page graph."""
    graph = PageGraph(pages)
    for name, page in pages.items():
        if isinstance(page, Mapping):
            yield from _check_sum(name, graph)
            yield from _check_bounce(name, page, graph)
            yield from _check_targets(name, graph)
            yield from _check_placeholders(name, page)
            yield from _check_failures(name, page)
            yield from _check_link(name, page)
    yield from _check_ways(graph)


def _check_sum(name: str, graph: PageGraph) -> Iterator[Problem]:
    leave = graph.exit[name]
    if leave is None:
        return
    total = sum(graph.to[name].values()) + leave
    if abs(total - 1) > TOLERANCE:
        rest = 1 - sum(graph.to[name].values())
        hint = f"write exit = {rest:.6g}" if rest >= 0 else "lower the values in to"
        yield Problem(format_place("pages", name), f"to and exit add up to {total:.6g}, not to 1; {hint}")


def _check_bounce(name: str, page: Mapping[str, Any], graph: PageGraph) -> Iterator[Problem]:
    bounce = read_number(page.get("bounce"))
    if bounce is not None and bounce < 1 and not sum(graph.to[name].values()):
        yield Problem(
            format_place("pages", name, "bounce"), "visits that do not bounce have nowhere to go; give the page a to"
        )


def _check_targets(name: str, graph: PageGraph) -> Iterator[Problem]:
    for target in graph.to[name]:
        if target not in graph.to:
            yield Problem(format_place("pages", name, "to", target), f"no such page; {suggest(target, graph.to)}")


def _check_failures(name: str, page: Mapping[str, Any]) -> Iterator[Problem]:
    for index, call in list_tables(page, "api"):
        total = sum(read_numbers(call.get("failures")).values())
        if total > 1 + TOLERANCE:
            yield Problem(
                format_place("pages", name, "api", index, "failures"),
                f"they add up to {total:.6g}, more than 1; lower them",
            )


def _check_link(name: str, page: Mapping[str, Any]) -> Iterator[Problem]:
    for setting in ("prerender", "unused"):
        if read_number(read_table(page, "link").get(setting)) and page.get("route") is True:
            text = "a route change loads no page that could be prerendered; leave it out, or write route = false"
            yield Problem(format_place("pages", name, "link", setting), text)


def _check_ways(graph: PageGraph) -> Iterator[Problem]:
    reachable, leavable = graph.find_reachable(), graph.find_leavable()
    for name in graph.to:
        if name not in reachable:
            yield Problem(
                format_place("pages", name),
                "nothing leads here; give it an entry weight or name it in another page's to",
            )
        elif name not in leavable:
            yield Problem(
                format_place("pages", name), "no way out: a visit that comes here never ends; give it an exit above 0"
            )


def _check_placeholders(name: str, page: Mapping[str, Any]) -> Iterator[Problem]:
    path = page.get("path")
    known = find_placeholders(path) if isinstance(path, str) else []
    for where, text in _find_texts(("pages", name), page):
        if "{" in PLACEHOLDER.sub("", text) or "}" in PLACEHOLDER.sub("", text):
            yield Problem(format_place(*where), 'a placeholder is lower case between two braces, such as "{product}"')
        for used in find_placeholders(text):
            if used not in known:
                hint = suggest(used, known) if known else "the page's path has no placeholder"
                yield Problem(format_place(*where), f"{{{used}}} is not in the page's path; {hint}")


def _find_texts(where: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each text of a page that may hold placeholders, with its place in the file."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in {"tags", "type", "think_time"}:
                yield from _find_texts((*where, str(key)), inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _find_texts((*where, index), inner)
