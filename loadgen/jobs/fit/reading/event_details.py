"""Read the few facts of each event's details that a fit keeps; typed decoding reads nothing else.

Rule: of URLs the path of a page, host and path of an API call, and a hash of a file's URL are kept; query, fragment and
user are cut off before anything is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf, isnan, nan
from typing import Any, NamedTuple

import msgspec

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


class _Attribution(msgspec.Struct, frozen=True):
    url: str | None = None
    eventTarget: str | None = None
    eventType: str | None = None


class _Vital(msgspec.Struct):
    value: float
    attribution: _Attribution = _Attribution()


class _LargestAttribution(_Attribution, frozen=True):
    resourceLoadDelay: float = 0.0
    resourceLoadTime: float = 0.0
    elementRenderDelay: float = 0.0


class _Largest(msgspec.Struct):
    value: float
    attribution: _LargestAttribution = _LargestAttribution()


class _ShiftAttribution(msgspec.Struct, frozen=True):
    largestShiftValue: float = nan
    loadState: str = COMPLETE


class _LayoutShift(msgspec.Struct):
    value: float
    attribution: _ShiftAttribution = _ShiftAttribution()


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


class _Resource(msgspec.Struct):
    duration: float = nan
    fileType: str = "other"
    initiatorType: str = "other"
    transferSize: float = nan
    targetUrl: str | None = None


class _HttpRequest(msgspec.Struct):
    url: str = ""
    method: str = "GET"


class _HttpResponse(msgspec.Struct):
    status: float = 0.0


class _Http(msgspec.Struct):
    request: _HttpRequest
    response: _HttpResponse | None = None


class _Subsegment(msgspec.Struct):
    start_time: float
    end_time: float
    http: _Http


class _Trace(msgspec.Struct):
    subsegments: list[_Subsegment] = []


class _JsError(msgspec.Struct):
    type: str = "Error"
    message: str = ""
    filename: str | None = None
    stack: str | None = None


class _Dom(msgspec.Struct):
    event: str = "click"
    element: str = ""
    elementId: str | None = None
    cssLocator: str | None = None


def _read_page_view(found: _PageView) -> EventFacts:
    spent = nan if found.timeOnParentPage is None else drop_implausible(found.timeOnParentPage, LONGEST_AWAY)
    return EventFacts(nan, spent, found.referrerDomain)


def _read_vital(found: _Vital) -> EventFacts:
    cause = found.attribution
    return EventFacts(found.value, float(bool(cause.eventTarget)) if cause.eventType == POINTED else nan)


def _read_largest(found: _Largest) -> EventFacts:
    paint = found.attribution
    parts = paint.resourceLoadDelay, paint.resourceLoadTime, paint.elementRenderDelay
    whole = sum(parts)
    if not paint.url:
        return EventFacts(found.value, 0.0)
    key = " ".join(str(round(TWENTIETHS * part / whole)) for part in parts) if 0 < whole < inf else None
    return EventFacts(found.value, 1.0, key, None, hash_url(paint.url))


def _read_layout_shift(found: _LayoutShift) -> EventFacts:
    largest = found.attribution
    single, early = largest.largestShiftValue == found.value, largest.loadState != COMPLETE
    return EventFacts(found.value, SINGLE * single + LOADING * early)


def _read_navigation(found: _Navigation) -> EventFacts:
    protocol = rum.PROTOCOLS.index(found.nextHopProtocol) if found.nextHopProtocol in rum.PROTOCOLS else nan
    scripts = found.domContentLoadedEventStart - found.domInteractive
    told = (found.responseStart, found.domInteractive, found.responseTime, found.transferSize, found.compressionRatio,
            found.tlsTime, protocol, scripts, found.domContentLoaded, found.unloadEventStart)  # fmt: skip
    times = LoadTimes(*(drop_implausible(value, MOST_BYTES) for value in told))
    return EventFacts(found.duration, NAVIGATION_TYPES.get(found.navigationType, 0.0), None, times)


def _read_resource(found: _Resource) -> EventFacts:
    url = found.targetUrl
    host, file = ("", 0) if url is None else (find_host(url), hash_url(url))
    key = f"{found.fileType} {found.initiatorType} {host}"
    return EventFacts(found.duration, drop_implausible(found.transferSize, MOST_BYTES), key, None, file)


def _read_call(call: _Http, lasted: float = nan) -> EventFacts:
    status = call.response.status if call.response else 0.0
    return EventFacts(lasted, status, f"{call.request.method.upper()} {cut_call(call.request.url)}")


def _read_trace(found: _Trace) -> EventFacts:
    if not found.subsegments:
        return NOTHING
    call = found.subsegments[0]
    return _read_call(call.http, (call.end_time - call.start_time) * 1000)


def _read_js_error(found: _JsError) -> EventFacts:
    code = REJECTED * (found.filename is None) + STACKED * (found.stack is not None)
    return EventFacts(code=code, key=f"{found.type}\n{found.message[:LONGEST_KEY]}")


def _read_dom(found: _Dom) -> EventFacts:
    parts = found.event, found.element, found.elementId or "", found.cssLocator or ""
    return EventFacts(key="\n".join(parts) if all(map(_is_name, parts)) else None)


def _is_name(text: str) -> bool:
    """Whether a text may be the name of an element: it is short and printable."""
    return len(text) <= LONGEST_NAME and text.isprintable()


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


Reader = Callable[[bytes | str], EventFacts]


def _make_reader(kind: Any, facts: Callable[[Any], EventFacts]) -> Reader:
    decode = msgspec.json.Decoder(kind).decode
    return lambda details: facts(decode(details))


READERS: dict[str, Reader] = {
    **dict.fromkeys((rum.SESSION_START, rum.REPLAY, rum.TTI), lambda details: NOTHING),
    rum.PAGE_VIEW: _make_reader(_PageView, _read_page_view),
    rum.NAVIGATION: _make_reader(_Navigation, _read_navigation),
    rum.RESOURCE: _make_reader(_Resource, _read_resource),
    rum.HTTP: _make_reader(_Http, _read_call),
    rum.XRAY: _make_reader(_Trace, _read_trace),
    rum.JS_ERROR: _make_reader(_JsError, _read_js_error),
    rum.DOM: _make_reader(_Dom, _read_dom),
    **{name: _make_reader(_Vital, _read_vital) for name in (rum.FCP, rum.TTFB, rum.FID, rum.INP)},
    rum.LCP: _make_reader(_Largest, _read_largest),
    rum.CLS: _make_reader(_LayoutShift, _read_layout_shift),
}


def read_details(name: str, details: bytes | str) -> EventFacts | None:
    """Return the facts of an event; None if its details do not fit its type, or its value is not plausible."""
    reader = READERS.get(name)
    if reader is None:
        text = details.decode("utf-8", "replace") if isinstance(details, bytes) else details
        return EventFacts(key=text[:LONGEST_OBJECT]) if not name.startswith(rum.EVENT_PREFIX) else NOTHING
    try:
        facts = reader(details)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return facts if isnan(facts.value) or 0 <= facts.value <= MOST_MS else None
