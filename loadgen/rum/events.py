"""The members of `details` for each event type of the web client, as a struct each.

Rule: names, order and presence of the keys are the web client's own (aws-rum-web 3.2.1, packages/core/src/event-schemas
and its captured traffic). A field that the client may leave out is UNSET by default. Durations and times inside a page
are milliseconds from the navigation's start, with the 0.1 ms resolution of browsers.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

EVENT_PREFIX = "com.amazon.rum."

SESSION_START = "com.amazon.rum.session_start_event"
PAGE_VIEW = "com.amazon.rum.page_view_event"
NAVIGATION = "com.amazon.rum.performance_navigation_event"
RESOURCE = "com.amazon.rum.performance_resource_event"
LCP = "com.amazon.rum.largest_contentful_paint_event"
FID = "com.amazon.rum.first_input_delay_event"
CLS = "com.amazon.rum.cumulative_layout_shift_event"
INP = "com.amazon.rum.interaction_to_next_paint_event"
FCP = "com.amazon.rum.first_contentful_paint_event"
TTFB = "com.amazon.rum.time_to_first_byte_event"
JS_ERROR = "com.amazon.rum.js_error_event"
HTTP = "com.amazon.rum.http_event"
XRAY = "com.amazon.rum.xray_trace_event"
DOM = "com.amazon.rum.dom_event"
TTI = "com.amazon.rum.time_to_interactive_event"
REPLAY = "com.amazon.rum.rrweb_event"

HELD_UNTIL_HIDDEN = frozenset({CLS, INP})
"""Event types whose value the client updates until the page is hidden, and records only then (WebVitalsPlugin)."""


PROTOCOLS = ("h2", "h3", "http/1.1")
"""Values of nextHopProtocol that are told apart."""

HEADER_BYTES = 300
"""What browsers add to the size of a body from the network, for its headers (Resource Timing, transferSize)."""

RESERVED_NAMES = frozenset(
    """
    browserLanguage browserName browserVersion countryCode deviceType domain interaction osName osVersion pageId
    pageTags pageTitle pageUrl parentPageId platformType referrerUrl subdivisionCode title url version
    """.split()  # noqa: SIM905  a list of 20 quoted names would fill a screen
)
"""Members of metadata that no custom attribute may be named like (CloudWatch user guide)."""


class Details(msgspec.Struct, frozen=True, gc=False, omit_defaults=False, tag_field="version", tag="1.0.0"):
    """The base of all details: it puts the schema's `version` first in the JSON."""


class SessionStart(Details, frozen=True):
    """The details of session_start_event: the version alone."""


class PageView(Details, frozen=True):
    """The details of page_view_event; with cookies off the client sends `pageId` alone."""

    pageId: str
    interaction: int | UnsetType = UNSET
    pageInteractionId: str | UnsetType = UNSET
    parentPageInteractionId: str | UnsetType = UNSET
    timeOnParentPage: int | UnsetType = UNSET
    referrer: str | UnsetType = UNSET
    referrerDomain: str | UnsetType = UNSET


class Navigation(Details, frozen=True):
    """The details of performance_navigation_event; the client always sends all keys.

    `timeToFirstByte` is responseStart − requestStart; `connect` contains `tlsTime`; `domProcessingTime` is
    loadEventStart − responseEnd; `duration` is loadEventEnd − startTime.
    """

    initiatorType: str
    navigationType: str  # navigate, reload, back_forward
    startTime: float
    unloadEventStart: float
    promptForUnload: float
    redirectCount: int
    redirectStart: float
    redirectTime: float
    workerStart: float
    workerTime: float
    fetchStart: float
    domainLookupStart: float
    dns: float
    nextHopProtocol: str
    connectStart: float
    connect: float
    secureConnectionStart: float
    tlsTime: float
    requestStart: float
    timeToFirstByte: float
    responseStart: float
    responseTime: float
    domInteractive: float
    domContentLoadedEventStart: float
    domContentLoaded: float
    domComplete: float
    domProcessingTime: float
    loadEventStart: float
    loadEventTime: float
    duration: float
    headerSize: int
    transferSize: int
    compressionRatio: float
    navigationTimingLevel: int = 2


class Resource(Details, frozen=True):
    """The details of performance_resource_event.

    A cached resource has transferSize 0. The URL is UNSET when recordResourceUrl is off.
    """

    initiatorType: str
    startTime: float
    duration: float
    fileType: str
    transferSize: int
    targetUrl: str | UnsetType = UNSET


class LcpAttribution(msgspec.Struct, frozen=True, gc=False):
    """What the LCP value is made of: the four durations add up to it; the two entries are event ids of the session.

    An LCP element that is text has no URL and no resource entry. After a return from the back/forward cache only the
    durations are set.
    """

    element: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    timeToFirstByte: float = 0.0
    resourceLoadDelay: float = 0.0
    resourceLoadTime: float = 0.0
    elementRenderDelay: float = 0.0
    lcpResourceEntry: str | UnsetType = UNSET
    navigationEntry: str | UnsetType = UNSET


class Lcp(Details, frozen=True):
    """The details of largest_contentful_paint_event, milliseconds from the navigation's start."""

    value: float
    attribution: LcpAttribution


class Tti(Details, frozen=True):
    """The details of time_to_interactive_event, whole milliseconds from the navigation's start."""

    value: int


class FidAttribution(msgspec.Struct, frozen=True, gc=False):
    """The input that a first input delay belongs to."""

    eventTarget: str
    eventType: str  # pointerdown, keydown, mousedown
    eventTime: float
    loadState: str


class Fid(Details, frozen=True):
    """The details of first_input_delay_event."""

    value: float
    attribution: FidAttribution


class ClsAttribution(msgspec.Struct, frozen=True, gc=False):
    """The largest layout shift of a page; all members are UNSET when nothing shifted."""

    largestShiftTarget: str | UnsetType = UNSET
    largestShiftValue: float | UnsetType = UNSET
    largestShiftTime: float | UnsetType = UNSET
    loadState: str | UnsetType = UNSET


class Cls(Details, frozen=True):
    """The details of cumulative_layout_shift_event; the value has no unit."""

    value: float
    attribution: ClsAttribution


class InpAttribution(msgspec.Struct, frozen=True, gc=False):
    """The interaction that an INP value belongs to; the three durations add up to the value, within 8 ms."""

    interactionTarget: str
    interactionTime: float
    nextPaintTime: float
    interactionType: str  # pointer, keyboard
    inputDelay: float
    processingDuration: float
    presentationDelay: float
    loadState: str


class Inp(Details, frozen=True):
    """The details of interaction_to_next_paint_event; the value is a multiple of 8 ms."""

    value: float
    attribution: InpAttribution


class FcpAttribution(msgspec.Struct, frozen=True, gc=False):
    """What the FCP value is made of: the two durations add up to it."""

    timeToFirstByte: float
    firstByteToFCP: float
    loadState: str


class Fcp(Details, frozen=True):
    """The details of first_contentful_paint_event, milliseconds from the navigation's start."""

    value: float
    attribution: FcpAttribution


class TtfbAttribution(msgspec.Struct, frozen=True, gc=False):
    """What the TTFB value is made of: the five durations add up to it."""

    waitingDuration: float
    cacheDuration: float
    dnsDuration: float
    connectionDuration: float
    requestDuration: float


class Ttfb(Details, frozen=True):
    """The details of time_to_first_byte_event, milliseconds from the navigation's start to the first byte."""

    value: float
    attribution: TtfbAttribution


VITALS: dict[str, tuple[str, type[Lcp | Fcp | Ttfb | Inp | Cls]]] = {
    LCP: ("LCP", Lcp), FCP: ("FCP", Fcp), TTFB: ("TTFB", Ttfb), INP: ("INP", Inp), CLS: ("CLS", Cls),
}  # fmt: skip
"""By event type: the abbreviation and the details of each web vital that reports show."""

VITAL_BOUNDS = {
    LCP: (2500.0, 4000.0), FCP: (1800.0, 3000.0), TTFB: (800.0, 1800.0), INP: (200.0, 500.0), CLS: (0.1, 0.25),
    FID: (100.0, 300.0),
}  # fmt: skip
"""By event type: a vital is good up to the first value and poor above the second; milliseconds, CLS without a unit.

Source: web.dev, "Web Vitals". RUM's console calls the three parts positive, tolerable and frustrating.
"""


class JsError(Details, frozen=True):
    """The details of js_error_event; a rejected promise has no file and line."""

    type: str
    message: str
    filename: str | UnsetType = UNSET
    lineno: int | UnsetType = UNSET
    colno: int | UnsetType = UNSET
    stack: str | UnsetType = UNSET


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    url: str
    method: str


class HttpResponse(msgspec.Struct, frozen=True, gc=False):
    status: int
    statusText: str


class HttpError(Details, frozen=True):
    """A call that got no answer, with the members of a JavaScript error."""

    type: str
    message: str
    stack: str | UnsetType = UNSET


class Http(Details, frozen=True):
    """The details of http_event of a fetch: `response` if an answer came, else `error`; trace ids if X-Ray is on."""

    request: HttpRequest
    trace_id: str | UnsetType = UNSET
    segment_id: str | UnsetType = UNSET
    response: HttpResponse | UnsetType = UNSET
    error: HttpError | UnsetType = UNSET


class XhrRequest(msgspec.Struct, frozen=True, gc=False):
    method: str
    url: str


class Xhr(Details, frozen=True):
    """The details of http_event of an XMLHttpRequest: the members of `Http` in another order."""

    request: XhrRequest
    response: HttpResponse | UnsetType = UNSET
    error: HttpError | UnsetType = UNSET
    trace_id: str | UnsetType = UNSET
    segment_id: str | UnsetType = UNSET


class TracedXhr(msgspec.Struct, frozen=True, gc=False):
    method: str
    url: str
    traced: bool


class TracedRequest(msgspec.Struct, frozen=True, gc=False):
    method: str
    traced: bool
    url: str


class TracedResponse(msgspec.Struct, frozen=True, gc=False):
    status: int
    content_length: int


class TracedHttp(msgspec.Struct, frozen=True, gc=False):
    request: TracedRequest  # an XMLHttpRequest's is written as TracedXhr; msgspec reads both as TracedRequest
    response: TracedResponse | UnsetType = UNSET


class TracedException(msgspec.Struct, frozen=True, gc=False):
    type: str
    message: str | UnsetType = UNSET  # an aborted XMLHttpRequest has none


class TracedCause(msgspec.Struct, frozen=True, gc=False):
    exceptions: tuple[TracedException, ...]


class Subsegment(msgspec.Struct, frozen=True, gc=False):
    """The remote call inside an X-Ray trace; times in Unix seconds."""

    id: str
    name: str  # the host
    start_time: float
    end_time: float
    in_progress: bool
    namespace: str
    http: TracedHttp
    error: bool | UnsetType = UNSET
    throttle: bool | UnsetType = UNSET
    fault: bool | UnsetType = UNSET
    cause: TracedCause | UnsetType = UNSET


class XRayTrace(Details, frozen=True):
    """The details of xray_trace_event.

    Times are Unix seconds; `trace_id` is 1-<Unix seconds, 8 hex digits>-<24 hex digits>.
    """

    name: str
    origin: str
    id: str
    start_time: float
    trace_id: str
    end_time: float
    subsegments: tuple[Subsegment, ...]
    in_progress: bool = False
    error: bool | UnsetType = UNSET
    throttle: bool | UnsetType = UNSET
    fault: bool | UnsetType = UNSET


class Dom(Details, frozen=True, tag="1.1.0"):
    """The details of dom_event, one for each matching listener; `element` is the upper-case node name."""

    event: str
    element: str
    elementId: str | UnsetType = UNSET
    interactionId: str | UnsetType = UNSET
    cssLocator: str | UnsetType = UNSET
