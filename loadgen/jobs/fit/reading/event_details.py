"""Read the few facts of each event's details that a fit keeps; typed decoding reads nothing else.

Rule: of URLs the path of a page, host and path of an API call, and a hash of a file's URL are kept; query, fragment and
user are cut off before anything is stored.
"""

from __future__ import annotations

import re
from math import inf, isnan, nan
from typing import Any, NamedTuple

import msgspec

from loadgen.jobs.fit.reading.metadata import decode_json
from loadgen.jobs.fit.support import drop_implausible
from loadgen.rum import events as rum

NAVIGATION_TYPES = {"navigate": 0.0, "back_forward": 1.0, "reload": 2.0}

REJECTED, STACKED = 1.0, 2.0
"""Flags in the code of a JavaScript error: it has no file; it has a stack."""

SINGLE, LOADING = 1.0, 2.0
"""Flags in the code of a layout shift: it is a single one; it came before the document was complete."""

COMPLETE, POINTED = "complete", "pointerdown"
TWENTIETHS = 20

LONGEST_KEY, LONGEST_OBJECT, LONGEST_NAME = 400, 1000, 200
"""Characters of a message, a custom event's details and an element's name that are kept at most."""

MOST_MS, LONGEST_AWAY, MOST_BYTES = 86.4e6, 30 * 86.4e6, 1e9
"""Largest plausible duration of a vital or load (a day) and time on a page (a month), in ms; largest file in bytes."""


class LoadTimes(NamedTuple):
    """Figures of a navigation event, in milliseconds and bytes; NaN: missing."""

    first_byte: float
    interactive: float
    response: float
    bytes: float
    ratio: float  # size of the document unpacked, divided by its size on the wire
    tls: float
    protocol: float  # place in PROTOCOLS
    scripts: float  # from domInteractive to DOMContentLoaded
    handlers: float  # of DOMContentLoaded
    unload: float  # when the document before was unloaded; 0: there was none of the site


class EventFacts(NamedTuple):
    """The facts of an event that are kept; their meaning depends on the event's type.

    value: a vital's value; the duration of a navigation, file or call in ms.
    code: an HTTP status (0: no answer); a navigation's type; bytes of a file; 1 for an LCP that is an image; 1 for a
    first input by pointer that names its target; of a page view, the milliseconds on the page before; the flags
    REJECTED and STACKED of a JavaScript error, SINGLE and LOADING of a layout shift.
    key: the text that distinguishes events of the type; of an LCP that is an image: delay, loading and rendering in
    TWENTIETHS of their sum; of a file: its type, initiator and host.
    file: a hash of the URL of a file, or of an LCP's image; 0: none.
    """

    value: float = nan
    code: float = nan
    key: str | None = None
    load: LoadTimes | None = None
    file: int = 0


NOTHING = EventFacts()


class _PageView(msgspec.Struct):
    timeOnParentPage: float | None = None
    referrerDomain: str | None = None

    def read(self) -> EventFacts:
        spent = nan if self.timeOnParentPage is None else drop_implausible(self.timeOnParentPage, LONGEST_AWAY)
        return EventFacts(nan, spent, self.referrerDomain)


class _Attribution(msgspec.Struct, frozen=True):
    url: str | None = None
    eventTarget: str | None = None
    eventType: str | None = None


class _Vital(msgspec.Struct):
    value: float
    attribution: _Attribution = _Attribution()

    def read(self) -> EventFacts:
        cause = self.attribution
        return EventFacts(self.value, float(bool(cause.eventTarget)) if cause.eventType == POINTED else nan)


class _LargestAttribution(_Attribution, frozen=True):
    resourceLoadDelay: float = 0.0
    resourceLoadTime: float = 0.0
    elementRenderDelay: float = 0.0


class _Largest(msgspec.Struct):
    value: float
    attribution: _LargestAttribution = _LargestAttribution()

    def read(self) -> EventFacts:
        paint = self.attribution
        parts = paint.resourceLoadDelay, paint.resourceLoadTime, paint.elementRenderDelay
        whole = sum(parts)
        if not paint.url:
            return EventFacts(self.value, 0.0)
        key = " ".join(str(round(TWENTIETHS * part / whole)) for part in parts) if 0 < whole < inf else None
        return EventFacts(self.value, 1.0, key, None, hash_url(paint.url))


class _ShiftAttribution(msgspec.Struct, frozen=True):
    largestShiftValue: float = nan
    loadState: str = COMPLETE


class _LayoutShift(msgspec.Struct):
    value: float
    attribution: _ShiftAttribution = _ShiftAttribution()

    def read(self) -> EventFacts:
        largest = self.attribution
        single, early = largest.largestShiftValue == self.value, largest.loadState != COMPLETE
        return EventFacts(self.value, SINGLE * single + LOADING * early)


class _Navigation(msgspec.Struct):
    duration: float
    navigationType: str = "navigate"
    responseStart: float = nan
    domInteractive: float = nan
    domContentLoadedEventStart: float = nan
    domContentLoaded: float = nan
    responseTime: float = nan
    transferSize: float = nan
    compressionRatio: float = nan
    tlsTime: float = nan
    unloadEventStart: float = nan
    nextHopProtocol: str | None = None

    def read(self) -> EventFacts:
        protocol = rum.PROTOCOLS.index(self.nextHopProtocol) if self.nextHopProtocol in rum.PROTOCOLS else nan
        scripts = self.domContentLoadedEventStart - self.domInteractive
        told = (self.responseStart, self.domInteractive, self.responseTime, self.transferSize, self.compressionRatio,
                self.tlsTime, protocol, scripts, self.domContentLoaded, self.unloadEventStart)  # fmt: skip
        times = LoadTimes(*(drop_implausible(value, MOST_BYTES) for value in told))
        return EventFacts(self.duration, NAVIGATION_TYPES.get(self.navigationType, 0.0), None, times)


class _Resource(msgspec.Struct):
    duration: float = nan
    fileType: str = "other"
    initiatorType: str = "other"
    transferSize: float = nan
    targetUrl: str | None = None

    def read(self) -> EventFacts:
        url = self.targetUrl
        host, file = ("", 0) if url is None else (find_host(url), hash_url(url))
        key = f"{self.fileType} {self.initiatorType} {host}"
        return EventFacts(self.duration, drop_implausible(self.transferSize, MOST_BYTES), key, None, file)


class _HttpRequest(msgspec.Struct):
    url: str = ""
    method: str = "GET"


class _HttpResponse(msgspec.Struct):
    status: float = 0.0


class _Http(msgspec.Struct):
    request: _HttpRequest
    response: _HttpResponse | None = None

    def read(self, lasted: float = nan) -> EventFacts:
        status = self.response.status if self.response else 0.0
        return EventFacts(lasted, status, f"{self.request.method.upper()} {cut_call(self.request.url)}")


class _Subsegment(msgspec.Struct):
    start_time: float
    end_time: float
    http: _Http


class _Trace(msgspec.Struct):
    subsegments: list[_Subsegment] = []

    def read(self) -> EventFacts:
        if not self.subsegments:
            return NOTHING
        call = self.subsegments[0]
        return call.http.read((call.end_time - call.start_time) * 1000)


class _JsError(msgspec.Struct):
    type: str = "Error"
    message: str = ""
    filename: str | None = None
    stack: str | None = None

    def read(self) -> EventFacts:
        code = REJECTED * (self.filename is None) + STACKED * (self.stack is not None)
        return EventFacts(code=code, key=f"{self.type}\n{self.message[:LONGEST_KEY]}")


class _Dom(msgspec.Struct):
    event: str = "click"
    element: str = ""
    elementId: str | None = None
    cssLocator: str | None = None

    def read(self) -> EventFacts:
        parts = self.event, self.element, self.elementId or "", self.cssLocator or ""
        named = all(len(part) <= LONGEST_NAME and part.isprintable() for part in parts)
        return EventFacts(key="\n".join(parts) if named else None)


def cut_url(url: str) -> str:
    """Return the path of a URL."""
    url = url.partition("#")[0].partition("?")[0]
    if "://" in url[:12]:
        url = "/" + url.split("://", 1)[1].partition("/")[2]
    return url if url.startswith("/") else f"/{url.lstrip('./')}"


def cut_call(url: str) -> str:
    """Return a call's URL without query, fragment and user; a URL without a host gives its path alone."""
    return (f"{url.split('://', 1)[0]}://{find_host(url)}" if "://" in url[:12] else "") + cut_url(url)


def find_host(url: str) -> str:
    """Return the host of a URL; "-" if it has none."""
    return re.split("[/?#]", url, maxsplit=3)[2].rpartition("@")[2] if "://" in url[:12] else "-"


def hash_url(url: str) -> int:
    """Return a hash of a file's URL without the query, which identifies the file."""
    return hash(url.partition("?")[0])


DETAILS: dict[str, Any] = {
    rum.PAGE_VIEW: _PageView, rum.NAVIGATION: _Navigation, rum.RESOURCE: _Resource, rum.HTTP: _Http, rum.XRAY: _Trace,
    rum.JS_ERROR: _JsError, rum.DOM: _Dom, rum.FCP: _Vital, rum.TTFB: _Vital, rum.FID: _Vital, rum.INP: _Vital,
    rum.LCP: _Largest, rum.CLS: _LayoutShift,
}  # fmt: skip
DECODERS = {name: msgspec.json.Decoder(kind).decode for name, kind in DETAILS.items()}
"""By RUM's event type: what decodes its details."""

KNOWN_TYPES = {*DECODERS, rum.SESSION_START, rum.REPLAY, rum.TTI}
"""All of RUM's types; nothing is read of the details of the last ones."""


def read_details(name: str, details: bytes | str) -> EventFacts | None:
    """Return the facts of an event; None if its details do not fit its type, or its value is not plausible."""
    decode = DECODERS.get(name)
    if decode is None:
        text = details.decode("utf-8", "replace") if isinstance(details, bytes) else details
        return EventFacts(key=text[:LONGEST_OBJECT]) if not name.startswith(rum.EVENT_PREFIX) else NOTHING
    found = decode_json(decode, details)
    facts: EventFacts | None = found and found.read()
    return facts if facts and (isnan(facts.value) or 0 <= facts.value <= MOST_MS) else None
