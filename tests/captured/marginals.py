"""Figures of a scenario's visits as a dashboard sees them: from the bodies that are sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.judge.laws import CLS, FCP, FID, HTTP, INP, LCP, NAVIGATION, RESOURCE, TTFB, VIEW
from tests.judge.visits import SeenVisit

SLOW_MS = 3000
"""A slow load (Contentsquare)."""

RAGE_CLICKS, RAGE_SECONDS = 3, 1
"""So many clicks on one element within about so long (timestamps are whole seconds)."""


def count_views(visit: SeenVisit) -> int:
    """Page views of a visit."""
    return sum(event.kind == VIEW for event in visit.events)


def share(visits: list[SeenVisit], holds: Callable[[SeenVisit], bool]) -> float:
    """Share of the visits."""
    return float(np.mean([holds(visit) for visit in visits]))


def share_of_loads(visits: list[SeenVisit], kind: str) -> float:
    """Share of the documents that were loaded in Chromium, in which an event type was recorded."""
    found = [
        any(event.kind == kind for batch in document for event in batch)
        for visit in visits
        if is_chromium(visit)
        for document in visit.documents()
    ]
    return float(np.mean(found))


def is_chromium(visit: SeenVisit) -> bool:
    """Whether the browser tells its brands: the engine that measures everything."""
    return "browserName" in visit.metadata


def is_mobile(visit: SeenVisit) -> bool:
    """Whether the client says so."""
    return bool(visit.metadata.get("deviceType") != "desktop")


def list_details(visits: list[SeenVisit], kind: str) -> list[dict[str, Any]]:
    """The details of all events of a type."""
    return [event.details for visit in visits for event in visit.events if event.kind == kind]


def list_values(visits: list[SeenVisit], kind: str) -> np.ndarray:
    """The values of a vital."""
    return np.array([details["value"] for details in list_details(visits, kind)], dtype=float)


def rages(visit: SeenVisit) -> bool:
    """Whether someone clicked one element again and again within about a second."""
    clicks: dict[str, list[int]] = defaultdict(list)
    for event in visit.events:
        if event.kind == "dom_event" and "cssLocator" not in event.details:
            clicks[f"{event.metadata['pageId']} {event.details}"].append(event.time)
    return any(
        last - first <= RAGE_SECONDS
        for times in map(sorted, clicks.values())
        for first, last in zip(times, times[RAGE_CLICKS - 1 :], strict=False)
    )


def has_slow_load(visit: SeenVisit) -> bool:
    """Whether a load of the visit took more than three seconds up to the end of the load event."""
    return any(event.kind == NAVIGATION and event.details["duration"] > SLOW_MS for event in visit.events)


def measure(visits: list[SeenVisit]) -> dict[str, float]:
    """All figures that a scenario's events give."""
    views = np.array([count_views(visit) for visit in visits])
    return {
        "pages a session": float(views.mean()),
        "sessions of one page": float((views <= 1).mean()),
        "sessions of two pages": float((views == 2).mean()),
        "sessions with a load over 3 s": share(visits, has_slow_load),
        "loads with FID": share_of_loads(visits, FID),
        "loads with LCP": share_of_loads(visits, LCP),
        "loads with INP": share_of_loads(visits, INP),
        "sessions with a rage click": share(visits, rages),
        **_measure_paints(visits),
        **_measure_files(visits),
        **_measure_calls(visits),
        **_measure_purchases(visits),
    }


def _measure_paints(visits: list[SeenVisit]) -> dict[str, float]:
    found: dict[str, float] = {}
    for device, some in (
        ("mobile", [visit for visit in visits if is_mobile(visit)]),
        ("desktop", [visit for visit in visits if not is_mobile(visit)]),
    ):
        paints = list_details(some, LCP)
        images = [details["attribution"] for details in paints if "url" in details["attribution"]]
        found[f"LCP is an image, {device}"] = len(images) / len(paints)
        found[f"LCP load time p75, {device}"] = _quantile([each["resourceLoadTime"] for each in images], 75)
        found[f"LCP load time p50, {device}"] = _quantile([each["resourceLoadTime"] for each in images], 50)
        for name, kind in (("TTFB", TTFB), ("FCP", FCP), ("LCP", LCP), ("INP", INP), ("CLS", CLS)):
            found[f"{name} p75, {device}"] = _quantile(list_values(some, kind), 75)
    shifts = list_values(visits, CLS)
    return {**found, "CLS above 1": float((shifts > 1).mean()), "highest CLS": float(shifts.max())}


def _quantile(values: list[float] | np.ndarray, percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else 0.0


def _measure_files(visits: list[SeenVisit]) -> dict[str, float]:
    cached: dict[str, list[bool]] = defaultdict(list)
    for visit in visits:
        for number, document in enumerate(visit.documents()):
            files = [event.details["transferSize"] == 0 for batch in document for event in batch
                     if event.kind == RESOURCE]  # fmt: skip
            cached["landings" if number == 0 else "later loads"] += files
    return {
        "cached files": float(np.mean([each for found in cached.values() for each in found])),
        **{f"cached files of {which}": float(np.mean(found)) for which, found in cached.items()},
    }


def _measure_calls(visits: list[SeenVisit]) -> dict[str, float]:
    failed = Counter(details["response"]["status"] for details in list_details(visits, HTTP)
                     if details.get("response", {}).get("status", 0) >= 400)  # fmt: skip
    return {"429 among API errors": failed[429] / max(1, failed.total())}


def _measure_purchases(visits: list[SeenVisit]) -> dict[str, float]:
    kinds = [{event.kind for event in visit.events} for visit in visits]
    bought, put = sum("purchase" in each for each in kinds), sum("add_to_cart" in each for each in kinds)
    if not put:
        return {}
    return {
        "sessions with a purchase": bought / len(kinds),
        "cart abandonment": 1 - bought / put,
        "pages of a buyer": float(np.mean([count_views(visit) for visit, each in zip(visits, kinds, strict=True)
                                           if "purchase" in each] or [0])),
    }  # fmt: skip


def print_all(scenarios: Iterator[tuple[str, list[SeenVisit]]]) -> None:
    """The figures of some scenarios side by side."""
    found = {name: measure(visits) for name, visits in scenarios}
    for figure in dict.fromkeys(name for each in found.values() for name in each):
        print(f"{figure:36}", *(f"{each.get(figure, float('nan')):10.3f}" for each in found.values()))
