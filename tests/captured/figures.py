"""What a stream of PutRumEvents requests looks like, whoever sent it: the real web client or ours.

Refresh the fixture: `python -m tests.captured.figures CAPTURED.ndjson > tests/fixtures/captured-figures.json`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

REGULAR = ("desktop-", "mobile-")
"""Scenarios of the capture that are ordinary visits with cookies and the same settings."""

OFTEN = 3
"""An order counts once it has been seen so often."""


class Sent(NamedTuple):
    """One request: whose visit, when it left, how, and its decoded body."""

    visit: str
    at: float  # seconds, any zero
    beacon: bool
    body: dict[str, Any]


def keys(value: dict[str, Any]) -> str:
    """The keys of an object and of the objects inside it, in their order."""
    return " ".join(f"{key}({keys(inner)})" if isinstance(inner, dict) else key for key, inner in value.items())


def figures(sent: Iterable[Sent]) -> dict[str, Any]:
    """Shapes, orders and rhythm of requests."""
    visits: dict[str, list[Sent]] = defaultdict(list)
    for each in sent:
        visits[each.visit].append(each)
    shapes = _shapes(each for visit in visits.values() for each in visit)
    return {**shapes, "before": _orders(visits.values()), **_rhythm(visits.values())}


def _shapes(sent: Iterable[Sent]) -> dict[str, Any]:
    details: dict[str, Counter[str]] = defaultdict(Counter)
    metadata, envelope = Counter[str](), Counter[str]()
    for each in sent:
        envelope[" ".join(each.body)] += 1
        for event in each.body["RumEvents"]:
            details[event["type"]][keys(json.loads(event["details"]))] += 1
            metadata[keys(json.loads(event["metadata"]))] += 1
    return {
        "envelope": dict(envelope),
        "metadata": dict(metadata),
        "details": {kind: dict(found) for kind, found in sorted(details.items())},
    }


def page_loads(visit: list[Sent]) -> Iterator[list[str]]:
    """The event types of each page of a visit in the order of their arrival."""
    pages: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for each in visit:
        for event in each.body["RumEvents"]:
            metadata = json.loads(event["metadata"])
            session = each.body["UserDetails"]["sessionId"]
            pages[session, metadata["pageId"], metadata.get("interaction", 0)].append(event["type"])
    return iter(pages.values())


def _orders(visits: Iterable[list[Sent]]) -> list[str]:
    """Types whose first events on a page come in one order, never in the other."""
    seen: Counter[tuple[str, str]] = Counter()
    for visit in visits:
        for types in page_loads(visit):
            first = list(dict.fromkeys(types))
            seen.update((first[i], first[j]) for i in range(len(first)) for j in range(i + 1, len(first)))
    return sorted(f"{a} < {b}" for (a, b), count in seen.items() if count >= OFTEN and not seen[b, a])


def _rhythm(visits: Iterable[list[Sent]]) -> dict[str, Any]:
    """Sizes of batches, gaps between timer fetches of a page, and what comes first in a beacon."""
    sizes: dict[str, list[int]] = {"with a page's load": [], "without": []}
    gaps, heads = [], Counter[str]()
    for visit in visits:
        for each in visit:
            loads = any(event["type"].endswith("first_contentful_paint_event") for event in each.body["RumEvents"])
            sizes["with a page's load" if loads else "without"].append(len(each.body["RumEvents"]))
            if each.beacon:
                heads[each.body["RumEvents"][0]["type"]] += 1
        gaps += [
            round(after.at - before.at, 2)
            for before, after in pairwise(visit)
            if not before.beacon and not after.beacon
        ]
    return {
        "gaps": gaps,
        "beacons_begin_with": dict(heads),
        "sizes": {which: quartiles(found) for which, found in sizes.items()},
    }


def quartiles(values: list[int]) -> list[float]:
    """p10, p50, p90."""
    return [float(each) for each in np.percentile(values, [10, 50, 90])]


def captured(path: Path) -> Iterator[Sent]:
    """The ordinary visits of a capture."""
    for line in path.read_text().splitlines():
        row = json.loads(line)
        if row["method"] == "POST" and row["scenario"].startswith(REGULAR):
            yield Sent(row["scenario"], row["at"] / 1000, "?" in row["url"], row["body"])


if __name__ == "__main__":
    json.dump(figures(captured(Path(sys.argv[1]))), sys.stdout, indent=1)
    print()
