"""What a classifier may see of a visit: three sets of features, each a function from a visit to numbers by name.

No set holds what only the site decides: names, addresses, sizes, times in milliseconds, the protocol of its server. A
feature that a visit cannot have, such as the order of two events of which it lacks one, is missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from tests.judge.laws import FCP, HTTP, LAWS, NAVIGATION, RESOURCE, VIEW, XRAY
from tests.judge.visits import Seen, SeenVisit

Features = dict[str, float]

OF_THE_SITE = frozenset({
    "dns", "connect", "tlsTime", "secureConnectionStart", "nextHopProtocol", "content_length", "targetUrl", "url",
    "pageId", "pageInteractionId", "title", "elementId", "cssLocator", "compressionRatio", "domain", "element",
    "trace_id", "segment_id", "id", "start_time", "end_time", "redirectCount", "redirectStart", "redirectTime",
    "workerStart", "workerTime", "statusText", "name", "status",
})  # fmt: skip
"""Members whose values say something of the site, of its server or of nothing; that they are there still counts."""

SIZES = ("transferSize", "headerSize")
"""Octets: only whether there are any is the browser's, how many is the site's."""

CHOICES = ("loadState", "eventType", "interactionType", "navigationType", "event", "initiatorType", "fileType")
"""Members that hold one of a few words of the browser."""

NAVIGATION_TIMES = (
    "fetchStart", "domainLookupStart", "connectStart", "requestStart", "responseStart", "domInteractive",
    "domContentLoadedEventStart", "domComplete", "loadEventStart", "duration", "unloadEventStart",
)  # fmt: skip


class Means:
    """Means of named numbers."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: Counter[str] = Counter()

    def add(self, name: str, value: float) -> None:
        """Count one more number."""
        self._sums[name] += value
        self._counts[name] += 1

    def read(self) -> Features:
        """The mean of each name."""
        return {name: total / self._counts[name] for name, total in self._sums.items()}


def see_laws(visit: SeenVisit) -> Features:
    """How often each law holds in this visit."""
    means = Means()
    for name, law in LAWS.items():
        for held in law(visit):
            means.add(name, held)
    return means.read()


def see_structure(visit: SeenVisit) -> Features:
    """Laws, orders, counts, shapes of objects and of numbers: all but times and what the site decides."""
    means = Means()
    for batch in visit.batches:
        _see_batch(batch, means)
    for event in visit.events:
        for path, value in _walk(event.details):
            _see_value(f"{event.kind}.{path}", value, means)
        means.add("metadata members", len(event.metadata))
    for event in visit.events:
        if event.kind == NAVIGATION:
            for first, second in combinations(NAVIGATION_TIMES, 2):
                means.add(f"{first} = {second}", event.details.get(first) == event.details.get(second))
    return {**see_laws(visit), **means.read(), **_count_kinds(visit)}


def _see_batch(batch: tuple[Seen, ...], means: Means) -> None:
    """Its size, its ends, and which of two types comes first in it."""
    kinds = [event.kind for event in batch]
    loads = NAVIGATION in kinds
    means.add("events of a batch with a load" if loads else "events of another batch", len(batch))
    means.add("batches with a load", loads)
    first = {kind: kinds.index(kind) for kind in set(kinds)}
    means.add(f"begins with {kinds[0]}", 1.0)
    for a, b in combinations(sorted(first), 2):
        means.add(f"{a} < {b}", first[a] < first[b])
    if FCP in kinds and RESOURCE in kinds:
        means.add("resources before FCP", kinds[: first[FCP]].count(RESOURCE) / kinds.count(RESOURCE))


def _walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every member of an object and of the objects inside it, by its path."""
    if isinstance(value, dict):
        yield f"{path}{{}}", tuple(value)
        for name, inner in value.items():
            yield from _walk(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, f"{path}[]")
    else:
        yield path, value


def _see_value(path: str, value: Any, means: Means) -> None:
    """A member's form: of an object its members, of a number its grid, of a word which it is."""
    name = path.rpartition(".")[2]
    if isinstance(value, tuple):
        means.add(f"{path} members", len(value))
        means.add(f"{path} in the usual order", list(value) == sorted(value))
    elif name in OF_THE_SITE:
        means.add(f"{path} is there", 1.0)
    elif isinstance(value, bool):
        means.add(path, value)
    elif isinstance(value, int | float):
        means.add(f"{path} = 0", value == 0)
        if value and name not in SIZES:
            means.add(f"{path} is whole", value % 1 == 0)
            means.add(f"{path} is on the grid of 4 ms", value % 4 == 0)
            means.add(f"{path} decimals", len(repr(float(value)).partition(".")[2]))
    else:
        means.add(f"{path} is empty", not value)
        for word in (value,) if name in CHOICES else ():
            means.add(f"{path} is {word}", 1.0)


def _count_kinds(visit: SeenVisit) -> Features:
    """Events of each type, and files of each initiator and type, a load."""
    loads = max(1, len(visit.documents()))
    counts = Counter(event.kind for event in visit.events)
    counts.update(
        f"{event.details['initiatorType']}/{event.details['fileType']}"
        for event in visit.events
        if event.kind == RESOURCE
    )
    return {f"{kind} a load": count / loads for kind, count in counts.items()}


def see_fields(visit: SeenVisit) -> Features:
    """What dashboards and detectors read: pages, outcomes, files, errors and clicks, without times."""
    means = Means()
    for event in visit.events:
        for name, value in _read_fields(event):
            means.add(name, value)
    views = [event for event in visit.events if event.kind == VIEW]
    return {
        **means.read(),
        **_count_kinds(visit),
        "views": len(views),
        "pages": len({event.details["pageId"] for event in views}),
        "loads": len(visit.documents()),
        "session members": len(visit.metadata),
    }


def _read_fields(event: Seen) -> Iterator[tuple[str, float]]:
    """The fields of one event that a consumer reads."""
    details = event.details
    yield "interaction", event.metadata.get("interaction", 0)
    yield "has parent page", "parentPageId" in event.metadata
    if event.kind == VIEW:
        yield "has referrer", bool(details.get("referrer"))
    elif event.kind == NAVIGATION:
        for kind in ("navigate", "reload", "back_forward"):
            yield kind, details["navigationType"] == kind
        yield "document cached", details["transferSize"] == 0
    elif event.kind == RESOURCE:
        yield "file cached", details["transferSize"] == 0
    elif event.kind == HTTP:
        yield "failed call is an answer", "response" in details
    elif event.kind == XRAY:
        yield "trace failed", bool(details.get("error") or details.get("fault"))
    elif "attribution" in details:
        yield f"{event.kind} is 0", details["value"] == 0
        yield f"{event.kind} while complete", details["attribution"].get("loadState") == "complete"


SETS: dict[str, Callable[[SeenVisit], Features]] = {
    "laws alone": see_laws,
    "all structure without the site's times": see_structure,
    "consumers' fields without times": see_fields,
}
"""The sets of features by their names."""
