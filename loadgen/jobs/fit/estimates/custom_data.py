"""Find what a site adds to the client's telemetry: custom events (recordEvent) with their objects, and attributes.

Rule: a value that is one of the page's items becomes a placeholder; any other value is written only if enough visitors
had it and it holds no address, token or long number. Objects inside the object are read member by member. Logs mix a
page's attributes with the session's: a name whose value changes within a session is the page's. An attribute is written
if nearly all sessions (or views of the page, or events) have it, and most of them with values that may be written; so a
user's id never is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from loadgen.jobs.fit.estimates.calls import list_items
from loadgen.jobs.fit.reading.recorded import Floats, Ints, Recorded
from loadgen.jobs.fit.support import find_common, group, holds_secret, may_be_told, round_share, round_to, tally
from loadgen.jobs.fit.visits.site import RecordedSite
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum

RARE = 0.005
MOST_EVENTS, MOST_EXAMPLES, DEEPEST = 20, 5_000, 4
"""Custom event types of a page at most; events of a type that are read at most; depth of nested objects at most."""

CUSTOM_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
"""The form of a custom event's type that RUM and scenarios accept."""

PLACEHOLDER = re.compile(r"\{[a-z][a-z0-9_]*\}")
SMALL, LARGE = 1000, 1e15
"""Numbers below SMALL are written as they are; numbers from LARGE on are never written."""

MOST = 10
"""Attributes of one event at most (user guide, custom metadata)."""

NEARLY_ALL, MOSTLY, ALIKE = 0.9, 0.8, 0.98
"""Share of the sessions that must have an attribute; share of these with values that may be written; share with the
same value that makes it an attribute of the application."""

PARTS, NEAR = 10, 0.025
"""About the most entries in a list of values, in which each value stands in proportion to its share; difference from
the shares up to which the shortest list is taken."""


def find_custom_events(
    recorded: Recorded, site: RecordedSite, visits: Visits, walked: Floats, at_least: int
) -> dict[int, list[dict[str, Any]]]:
    """Find the custom events of each page: members of a scenario's CustomEvent, by page."""
    events, visitor = recorded.events, recorded.sessions.visitor[recorded.events.session]
    pages: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for name in sorted(name for name in recorded.types if not name.startswith(rum.EVENT_PREFIX)):
        rows = recorded.find_rows(name)
        if len(np.unique(visitor[rows])) < at_least or holds_secret(name) or not CUSTOM_TYPE.fullmatch(name):
            continue
        view = visits.of_event[rows]
        for page in np.unique(visits.page[view[view >= 0]]).tolist():
            own = np.flatnonzero((view >= 0) & (visits.page[np.maximum(view, 0)] == page))
            share = len(own) / max(walked[page], 1)
            if share < RARE or len(np.unique(visitor[rows[own]])) < at_least or len(pages[page]) >= MOST_EVENTS:
                continue
            whose, attributes = visitor[rows[own]], events.attributes[rows[own]]
            parts = {"details": _find_details(recorded, site, visits, page, (rows[own], view[own]), at_least),
                     "metadata": find_usual_attributes(recorded.words, attributes, whose, (), at_least)}  # fmt: skip
            written = {"type": name} | {part: value for part, value in parts.items() if value}
            share = round_share(min(share, 1.0), walked[page])
            pages[page].append(written if share > 0.96 else {"type": name, "per_view": share} | written)
    return dict(pages)


def _find_details(
    recorded: Recorded, site: RecordedSite, visits: Visits, page: int, where: tuple[Any, Any], at_least: int
) -> dict[str, Any]:
    """Find the usual members of a custom event's object."""
    values: list[tuple[Any, int]] = []
    visitor = recorded.sessions.visitor
    for row, view in zip(*(part[:MOST_EXAMPLES].tolist() for part in where), strict=True):
        key = int(recorded.events.key[row])
        try:
            found = msgspec.json.decode(recorded.keys[key]) if key >= 0 else None
        except msgspec.DecodeError:
            continue  # the text was longer than what is kept
        items = list_items(site, page, recorded.pages[visits.path[view]])
        values.append((_fill_items(found, items), int(visitor[recorded.events.session[row]])))
    return _find_usual_members(values, at_least, DEEPEST)


def _fill_items(value: Any, items: dict[str, str]) -> Any:
    """Replace the page's items in a value by placeholders."""
    if isinstance(value, dict):
        return {name: _fill_items(inner, items) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill_items(inner, items) for inner in value]
    return items.get(value, value) if isinstance(value, str) else value


def _find_usual_members(values: Sequence[tuple[Any, int]], at_least: int, depth: int) -> dict[str, Any]:
    """Return the members that most objects have, with their usual values; `values`: pairs (object, session)."""
    members = group((name, (value, visitor)) for found, visitor in values if isinstance(found, dict)
                    for name, value in found.items())  # fmt: skip
    told = [name for name, found in members.items()
            if len(found) > len(values) / 2 and may_be_written(name) and count_visitors(found) >= at_least]  # fmt: skip
    usual = {name: _find_usual(members[name], at_least, depth - 1) for name in told}
    return {name: value for name, value in usual.items() if value is not None}


def count_visitors(values: Sequence[tuple[Any, int]]) -> int:
    """Count the visitors of pairs (value, visitor)."""
    return len({visitor for _, visitor in values})


def may_be_written(value: Any) -> bool:
    """Whether a value, with everything inside it, may be written: nothing in it can belong to one visitor alone."""
    if isinstance(value, dict):
        return all(may_be_written(name) and may_be_written(inner) for name, inner in value.items())
    if isinstance(value, list):
        return all(map(may_be_written, value))
    if isinstance(value, str):
        plain = PLACEHOLDER.sub("", value)
        return may_be_told(value) and "{" not in plain and "}" not in plain
    return isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < SMALL)


def _find_usual(values: list[tuple[Any, int]], at_least: int, depth: int) -> Any:
    """Return the most common value, the median of different numbers, or objects' usual members; None: none is usual."""
    if depth and sum(isinstance(value, dict) for value, _ in values) > len(values) / 2:
        return _find_usual_members(values, at_least, depth) or None
    texts = [(msgspec.json.encode(value).decode(), visitor) for value, visitor in values]
    common = find_common(texts, at_least)
    best = max(common, key=lambda text: (common[text], text), default=None)
    if best is not None and may_be_written(value := msgspec.json.decode(best)):
        return value
    told = [(value, visitor) for value, visitor in values
            if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGE]  # fmt: skip
    if len(told) >= 0.9 * len(values) and count_visitors(told) >= at_least:
        numbers = np.array([value for value, _ in told], dtype=np.float64)
        middle = float(np.median(numbers))
        rounded = round_to(middle, max(float(np.std(numbers)), abs(middle) * 0.1))
        return int(rounded) if rounded == int(rounded) else rounded
    return None


def find_attributes(
    texts: Mapping[str, Collection[int]], sessions: int, changing: frozenset[str], at_least: int
) -> dict[str, dict[str, Any]]:
    """Return members of a scenario's client: sessionAttributes and applicationAttributes.

    Args:
        texts: The attributes of sessions as JSON, each with the visitors of its sessions.
        sessions: The number of all sessions.
        changing: Names whose values change within a session.
        at_least: Visitors who must have a value.
    """
    found = tally((member, visitor) for text, visitors in texts.items() for member in _list_values(text)
                  for visitor in visitors)  # fmt: skip
    ordered = sorted(found.items(), key=lambda item: (-item[1][0], str(item[0])))
    values = group((name, (value, number, visitors >= at_least and may_be_told(str(value))))
                   for (name, _, value), (number, visitors) in ordered)  # fmt: skip
    common: dict[str, Any] = {}
    varying: dict[str, Any] = {}
    for name, counts in sorted(values.items()):
        present = sum(number for _, number, _ in counts)
        allowed = [(value, number) for value, number, told in counts if told]
        known = sum(number for _, number in allowed)
        if name in changing or holds_secret(name) or present < NEARLY_ALL * sessions or known < MOSTLY * present:
            continue
        if len(common) + len(varying) < MOST:
            target = common if allowed[0][1] >= ALIKE * present else varying
            target[name] = allowed[0][0] if target is common else list_by_share(allowed, known)
    return {name: found for name, found in (("sessionAttributes", varying), ("applicationAttributes", common)) if found}


def _list_values(text: str) -> Iterator[tuple[str, str, Any]]:
    """Yield name, type and value of each attribute in JSON: True and 1 are not the same value."""
    for name, value in msgspec.json.decode(text).items():
        yield name, type(value).__name__, value


def find_usual_attributes(
    texts: Sequence[str], places: Ints, visitor: Ints, known: Collection[str], at_least: int
) -> dict[str, Any]:
    """Return the attributes that nearly all events of one page or type have with the same value.

    Args:
        texts: Attributes as JSON.
        places: [event] place of its attributes in `texts`; -1: it has none.
        visitor: [event] number of its visitor.
        known: Names that are written elsewhere.
        at_least: Visitors who must have a value.
    """
    found = tally((member, each) for place in np.unique(places[places >= 0]).tolist()
                  for member in _list_values(texts[place]) for each in visitor[places == place].tolist())  # fmt: skip
    usual = {
        name: value for (name, _, value), (number, visitors) in sorted(found.items(), key=lambda item: item[0][:2])
        if number >= NEARLY_ALL * len(places) and visitors >= at_least and name not in known
        and not holds_secret(name) and may_be_told(str(value))
    }  # fmt: skip
    return dict(list(usual.items())[:MOST])


def list_by_share(values: list[tuple[Any, int]], total: int) -> list[Any]:
    """Return a list of the values, each in proportion to its share."""
    shares = np.array([number / total for _, number in values[: 2 * PARTS]])
    for parts in range(1, PARTS + 1):
        numbers = np.maximum(np.rint(parts * shares), 1).astype(int)
        if np.abs(numbers / numbers.sum() - shares).max() <= NEAR:
            break
    return [value for (value, _), number in zip(values, numbers.tolist(), strict=False) for _ in range(number)]
