"""Laws that browser and web client obey on any site: each is true or false of an event, a load or a step of a visit.

A law's share is how often it is true. What is compared is the share, since most laws hold sometimes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from tests.judge.visits import Seen, SeenVisit

FCP, LCP = "first_contentful_paint_event", "largest_contentful_paint_event"
FID, INP = "first_input_delay_event", "interaction_to_next_paint_event"
CLS, TTFB = "cumulative_layout_shift_event", "time_to_first_byte_event"
NAVIGATION, RESOURCE = "performance_navigation_event", "performance_resource_event"
HTTP, XRAY = "http_event", "xray_trace_event"
VIEW = "page_view_event"

SAME_MS = 1e-6
"""Milliseconds by which doubles may differ that are sums of the same numbers."""

DOCUMENT_HEADERS = 300
"""Octets that the browser adds to a body for its headers, whatever they are (Resource Timing, transferSize)."""

Law = Callable[[SeenVisit], Iterator[bool]]


def _of(visit: SeenVisit, *kinds: str) -> Iterator[dict[str, Any]]:
    return (event.details for event in visit.events if event.kind in kinds)


def comes_first(first: str, second: str) -> Law:
    """Of batches that hold both types: whether the first event of the one stands before the first of the other."""

    def law(visit: SeenVisit) -> Iterator[bool]:
        for batch in visit.batches:
            kinds = [event.kind for event in batch]
            if first in kinds and second in kinds:
                yield kinds.index(first) < kinds.index(second)

    return law


def paints_on_the_grid(visit: SeenVisit) -> Iterator[bool]:
    """FCP and LCP are multiples of 4 ms: Blink coarsens paint times."""
    return (math.isclose(value["value"] % 4, 0, abs_tol=SAME_MS) for value in _of(visit, FCP, LCP))


def requests_when_connected(visit: SeenVisit) -> Iterator[bool]:
    """The request starts in the same moment in which the connection is there."""
    for value in _of(visit, NAVIGATION):
        if value["requestStart"]:
            yield abs(value["requestStart"] - value["connectStart"] - value["connect"]) < SAME_MS


def loads_when_complete(visit: SeenVisit) -> Iterator[bool]:
    """The load event starts in the same moment in which the document is complete."""
    return (abs(value["domComplete"] - value["loadEventStart"]) < SAME_MS for value in _of(visit, NAVIGATION))


def one_shift_makes_it(visit: SeenVisit) -> Iterator[bool]:
    """The largest shift is the whole CLS."""
    for value in _of(visit, CLS):
        if value["value"]:
            yield math.isclose(value["attribution"].get("largestShiftValue", 0), value["value"], rel_tol=1e-9)


def sums_to_its_parts(visit: SeenVisit) -> Iterator[bool]:
    """INP is the exact sum of its parts. It is rounded to 8 ms, and they are not."""
    for value in _of(visit, INP):
        told = value["attribution"]
        parts = (told.get(part, 0) for part in ("inputDelay", "processingDuration", "presentationDelay"))
        yield abs(value["value"] - sum(parts)) < SAME_MS


def waits_as_fid_says(visit: SeenVisit) -> Iterator[bool]:
    """INP of a document's first input has FID's value as its input delay: both are read off the same entry."""
    for document in visit.documents():
        events = [event for batch in document for event in batch]
        waited = {
            event.details["attribution"]["eventTime"]: event.details["value"] for event in events if event.kind == FID
        }
        for told in (event.details["attribution"] for event in events if event.kind == INP):
            if told["interactionTime"] in waited:
                yield abs(waited[told["interactionTime"]] - told["inputDelay"]) < SAME_MS


def costs_no_time_from_cache(visit: SeenVisit) -> Iterator[bool]:
    """A cached file takes 0 ms: the renderer's own cache had it."""
    return (value["duration"] == 0 for value in _of(visit, RESOURCE) if value["transferSize"] == 0)


def goes_back_to_the_cache(visit: SeenVisit) -> Iterator[bool]:
    """A document after a step back comes from the cache: no bytes, no headers, no protocol."""
    for value in _of(visit, NAVIGATION):
        if value["navigationType"] == "back_forward":
            yield (value["transferSize"], value["headerSize"], value.get("nextHopProtocol", "")) == (0, 0, "")


def waits_for_the_cache(visit: SeenVisit) -> Iterator[bool]:
    """Part of TTFB is a look into the cache."""
    return (value["attribution"]["cacheDuration"] > 0 for value in _of(visit, TTFB))


def has_no_target(visit: SeenVisit) -> Iterator[bool]:
    """The element of FID or INP is gone, or it was the document."""
    for value in _of(visit, FID, INP):
        told = value["attribution"]
        yield not (told.get("eventTarget") or told.get("interactionTarget"))


def loses_its_largest_paint(visit: SeenVisit) -> Iterator[bool]:
    """A load with FID has no LCP: the visitor clicked before it was final."""
    for document in visit.documents():
        kinds = {event.kind for batch in document for event in batch}
        if FID in kinds:
            yield LCP not in kinds


def refers_to_the_page_just_left(visit: SeenVisit) -> Iterator[bool]:
    """After a step back, document.referrer is the page just left, not the one from which it was reached at first."""
    views = [event for event in visit.events if event.kind == VIEW]
    back = {
        (event.metadata["pageId"], event.metadata.get("interaction"))
        for event in visit.events
        if event.kind == NAVIGATION and event.details["navigationType"] == "back_forward"
    }
    for before, after in pairwise(views):
        if (after.metadata["pageId"], after.metadata.get("interaction")) in back:
            yield after.details.get("referrer", "").endswith(before.details["pageId"])


def _fetches(*sought: tuple[str, str]) -> Law:
    """Of loads that fetched a file: whether one of these initiators and types is among the files."""

    def law(visit: SeenVisit) -> Iterator[bool]:
        for document in visit.documents():
            files = {_file(event) for batch in document for event in batch if event.kind == RESOURCE}
            if files:
                yield bool(files & set(sought))

    return law


def _file(event: Seen) -> tuple[str, str]:
    return event.details["initiatorType"], event.details["fileType"]


def has_headers_of_300(visit: SeenVisit) -> Iterator[bool]:
    """The document's headers count 300 octets, as the standard has it; a cached document has none."""
    return (value["headerSize"] == DOCUMENT_HEADERS for value in _of(visit, NAVIGATION))


def has_the_noise_of_doubles(visit: SeenVisit) -> Iterator[bool]:
    """Times that are no whole milliseconds have the noise of a subtraction: 83.19999999995343."""
    for value in _of(visit, NAVIGATION, RESOURCE):
        for name in ("duration", "responseStart", "startTime", "domInteractive"):
            if value.get(name, 0) % 1:
                yield len(repr(value[name]).partition(".")[2]) > 4


def is_desktop_or_mobile(visit: SeenVisit) -> Iterator[bool]:
    """navigator.userAgentData knows no other device."""
    yield visit.metadata["deviceType"] in ("desktop", "mobile")


LAWS: dict[str, Law] = {
    "LCP is recorded before FID in a batch": comes_first(LCP, FID),
    "FCP before the navigation event": comes_first(FCP, NAVIGATION),
    "navigation before TTFB": comes_first(NAVIGATION, TTFB),
    "X-Ray trace before navigation": comes_first(XRAY, NAVIGATION),
    "http event before navigation": comes_first(HTTP, NAVIGATION),
    "FCP and LCP are multiples of 4 ms": paints_on_the_grid,
    "requestStart = connectEnd": requests_when_connected,
    "domComplete = loadEventStart": loads_when_complete,
    "the largest shift is the whole CLS": one_shift_makes_it,
    "INP = the sum of its parts": sums_to_its_parts,
    "INP of the first input waited as FID says": waits_as_fid_says,
    "a cached file takes 0 ms": costs_no_time_from_cache,
    "a back_forward document comes from the cache": goes_back_to_the_cache,
    "TTFB has a cacheDuration": waits_for_the_cache,
    "FID or INP without a target": has_no_target,
    "a load with FID and without LCP": loses_its_largest_paint,
    "the referrer after a step back is the page just left": refers_to_the_page_just_left,
    "a load with a .woff2, which the client takes for a style sheet": _fetches(("css", "stylesheet")),
    "a load with an image of a style sheet": _fetches(("css", "image")),
    "a load with a favicon": _fetches(("other", "image"), ("other", "other")),
    "the document's headers count 300 octets": has_headers_of_300,
    "fractions of a millisecond with the noise of doubles": has_the_noise_of_doubles,
    "device is desktop or mobile": is_desktop_or_mobile,
}


def share_of(law: Law, visits: list[SeenVisit]) -> tuple[float, int]:
    """How often a law is true over all visits (NaN if it never applies), and of how many cases."""
    found = [held for visit in visits for held in law(visit)]
    return (sum(found) / len(found) if found else math.nan), len(found)
