"""List the observations by which recorded and generated traffic are compared: one pairing for each figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.dwell import measure_dwells
from loadgen.jobs.fit.estimates.estimate import Seen, find_starts
from loadgen.jobs.fit.reading.recorded import Floats, Ints
from loadgen.jobs.fit.support import DEVICES, find_common, may_be_told
from loadgen.rum import events as rum

DEPTHS = 12
"""Visits with at least this many pages are one category."""

QUARTILES = (0.5, 0.75, 0.95)
EXIT, OTHER = "(exit)", "(other)"

VITALS = (("LCP", "largest", "ms"), ("FCP", "paint", "ms"), ("TTFB", "first_byte", "ms"), ("INP", "input", "ms"),
          ("CLS", "shift", ""))  # fmt: skip


class Observations(NamedTuple):
    """The observations of one side: each one's session, and its category or value."""

    session: Ints
    value: Floats


class Pairing(NamedTuple):
    """The observations of both sides, and the figures by which they are compared."""

    group: str
    name: str
    recorded: Observations
    generated: Observations
    labels: tuple[str, ...] = ()  # names of categories; then values are places in this tuple
    as_distribution: bool = False
    as_mean: bool = False
    quantiles: tuple[float, ...] = ()
    unit: str = ""
    shown: bool = True


Observe = Callable[[Seen], tuple[Ints, Any]]
"""observe(one side) → session, and category or value, of each observation."""


def pair(group: str, name: str, observe: Observe, sides: tuple[Seen, Seen], **how: Any) -> Pairing:
    """Make a pairing by observing both sides; `how` has further fields of Pairing."""
    one, other = (Observations(session, np.asarray(value, dtype=np.float64)) for session, value in map(observe, sides))
    return Pairing(group, name, one, other, **how)


def list_pairings(sides: tuple[Seen, Seen]) -> Iterator[Pairing]:
    """Yield all pairings in the order of the table; `sides` are recorded and generated traffic."""
    yield pair("arrivals", "session starts", observe_starts, sides, as_distribution=True, unit="s")
    yield from pair_visits(sides)
    yield from pair_people(sides)
    for device, small in DEVICES:
        for name, field, unit in VITALS:
            quantiles = QUARTILES if name != "CLS" else (0.75, 0.95)
            observe = partial(observe_vital, field=field, small=small)
            yield pair("vitals", f"{name}, {device}", observe, sides, quantiles=quantiles, unit=unit)
    yield from pair_events(sides)


def observe_starts(seen: Seen) -> tuple[Ints, Floats]:
    """Observe the starts of sessions, in seconds from the first."""
    whole, starts = find_starts(seen)
    return whole, starts - starts.min(initial=np.inf) if len(whole) else starts


def pair_visits(sides: tuple[Seen, Seen]) -> Iterator[Pairing]:
    """Pair depths, pages, steps and times on pages."""
    depths = (*(str(depth) for depth in range(1, DEPTHS)), f"{DEPTHS}+")
    yield pair("visits", "pages a visit", observe_depths, sides, labels=depths)
    names = sides[0].site.names
    yield pair("visits", "page views", lambda seen: (seen.visits.session, seen.visits.page), sides, labels=names)
    steps = tuple(f"{name} → {to}" for name in names for to in (*names, EXIT))
    yield pair("visits", "steps", observe_steps, sides, labels=steps)
    for device, small in DEVICES:
        observe = partial(observe_dwells, small=small)
        yield pair("visits", f"time on a page, {device}", observe, sides, as_distribution=True, as_mean=True, unit="s")


def observe_depths(seen: Seen) -> tuple[Ints, Ints]:
    """Observe the page views of each complete visit, as places in the labels."""
    views = np.bincount(seen.visits.session, minlength=len(seen.recorded.sessions.user))
    whole = np.flatnonzero((views > 0) & ~seen.cuts.begins & ~seen.cuts.open)
    return whole, np.minimum(views[whole], DEPTHS) - 1


def observe_steps(seen: Seen) -> tuple[Ints, Ints]:
    """Observe each step from a page to the next or to the exit, as places in the labels."""
    visits, size = seen.visits, len(seen.site.names)
    later, ended = np.flatnonzero(visits.parent >= 0), np.flatnonzero(visits.ended)
    view = np.append(visits.parent[later], ended)
    to = np.append(visits.page[later], np.full(len(ended), size))
    return visits.session[view], visits.page[view] * (size + 1) + to


def observe_dwells(seen: Seen, small: bool) -> tuple[Ints, Floats]:
    """Observe the times on pages on one kind of device."""
    dwells = measure_dwells(seen.recorded, seen.visits)
    session = seen.visits.session[dwells.view]
    own = seen.mobile[session] == small
    return session[own], dwells.seconds[own]


def pair_people(sides: tuple[Seen, Seen]) -> Iterator[Pairing]:
    """Pair devices, browsers and other words of visitors that both sides have."""
    for name, field in (("devices", "device"), ("browsers", "browser"), ("systems", "system"), ("countries", "country"),
                        ("languages", "language"), ("browser versions", "version")):  # fmt: skip
        words = [_list_words(each, field) for each in sides]
        if not all(words):
            continue  # one side has no such words: the client itself sends no countries
        fold_rare(words, sides[0])
        counts = Counter(word for side in words for word in side.values())
        labels = tuple(sorted(counts, key=lambda word: (-counts[word], word)))
        place = {word: float(number) for number, word in enumerate(labels)}
        one, other = (Observations(np.array(list(side)), np.array([place[word] for word in side.values()]))
                      for side in words)  # fmt: skip
        yield Pairing("visitors", name, one, other, labels=labels)


def fold_rare(words: list[dict[int, str]], seen: Seen) -> None:
    """Replace recorded words that too few visitors have, unless loadgen's own traffic has them, by OTHER."""
    visitor, ours = seen.recorded.sessions.visitor.tolist(), set(words[1].values())
    common = find_common(((word, visitor[session]) for session, word in words[0].items()), seen.at_least)
    words[0].update({
        session: OTHER for session, word in words[0].items()
        if word not in ours and (word not in common or not may_be_told(word))
    })  # fmt: skip


def _list_words(seen: Seen, field: str) -> dict[int, str]:
    """Return the word of each session that has one."""
    sessions, words = seen.recorded.sessions, seen.recorded.words
    places: Ints = getattr(sessions, field)
    if field != "version":
        return {session: words[place] for session, place in enumerate(places.tolist()) if place >= 0}
    return {session: f"{words[browser]} {words[place]}" if browser >= 0 else words[place]
            for session, (browser, place) in enumerate(zip(sessions.browser.tolist(), places.tolist(), strict=True))
            if place >= 0}  # fmt: skip


def observe_vital(seen: Seen, field: str, small: bool) -> tuple[Ints, Floats]:
    """Observe a vital on one kind of device."""
    values: Floats = getattr(seen.loads, field)
    own = (seen.loads.small == small) & np.isfinite(values) & ((values > 0) | (field != "first_byte"))
    return seen.loads.session[own], values[own]


def pair_events(sides: tuple[Seen, Seen]) -> Iterator[Pairing]:
    """Events and bytes of a session, the mix of events, errors and failed calls."""
    types = (*sorted(list_common_types(sides[0]) | {*sides[1].recorded.types}), OTHER)
    labels = tuple(name.removeprefix(rum.EVENT_PREFIX) for name in types)

    def observe_types(seen: Seen) -> tuple[Ints, Ints]:
        place = [types.index(name) if name in types else types.index(OTHER) for name in seen.recorded.types]
        return seen.recorded.events.session, np.array(place)[seen.recorded.events.type]

    yield pair("events", "event mix", observe_types, sides, labels=labels)
    yield pair("events", "events a session", sum_events, sides, as_distribution=True, as_mean=True)
    yield pair("events", "bytes of details", lambda seen: sum_events(seen, seen.recorded.events.size), sides,
               as_mean=True, unit="B")  # fmt: skip
    for name, kind in (("js errors a session", rum.JS_ERROR), ("http events a session", rum.HTTP)):
        if any(kind in each.recorded.types for each in sides):
            yield pair("events", name, partial(count_events, kind=kind), sides, as_mean=True, shown=False)
    yield pair("events", "sessions with errors", observe_faulty, sides, labels=("without", "with"), shown=False)


def sum_events(seen: Seen, weights: Any = None) -> tuple[Ints, Any]:
    """Observe the sum of the weights of each session's events, or their number."""
    count = len(seen.recorded.sessions.user)
    return np.arange(count), np.bincount(seen.recorded.events.session, weights=weights, minlength=count)


def count_events(seen: Seen, kind: str) -> tuple[Ints, Any]:
    """Observe the number of each session's events of a type."""
    return sum_events(seen, seen.recorded.events.type == seen.recorded.find_type(kind))


def observe_faulty(seen: Seen) -> tuple[Ints, Any]:
    """Observe whether each session has errors."""
    session, errors = count_events(seen, rum.JS_ERROR)
    return session, errors > 0


def list_common_types(seen: Seen) -> set[str]:
    """Return the event types that enough visitors had, so that they may be written."""
    visitor = seen.recorded.sessions.visitor[seen.recorded.events.session]
    return {
        name for name in seen.recorded.types
        if len(np.unique(visitor[seen.recorded.find_rows(name)])) >= seen.at_least and may_be_told(name)
    }  # fmt: skip
