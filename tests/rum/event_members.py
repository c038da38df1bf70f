"""The members of each event type's `details` and of the metadata: allowed ones, required ones, and their JSON types.

Source: the web client's event schemas (aws-rum-web 3.2.1). `?` marks a member that may be left out; no other member may
stand there.
"""

from __future__ import annotations

from typing import Any

TEXT, NUMBER, FLAG, ANYTHING = "text", "number", "flag", "anything"

Shape = str | list[Any] | dict[str, Any]

_TIMING = {
    "redirectStart?": NUMBER,
    "redirectTime?": NUMBER,
    "workerStart?": NUMBER,
    "workerTime?": NUMBER,
    "fetchStart?": NUMBER,
    "domainLookupStart?": NUMBER,
    "dns?": NUMBER,
    "nextHopProtocol?": TEXT,
    "connectStart?": NUMBER,
    "connect?": NUMBER,
    "secureConnectionStart?": NUMBER,
    "tlsTime?": NUMBER,
    "requestStart?": NUMBER,
    "timeToFirstByte?": NUMBER,
    "responseStart?": NUMBER,
    "responseTime?": NUMBER,
    "headerSize?": NUMBER,
    "transferSize?": NUMBER,
    "compressionRatio?": NUMBER,
}
_ERROR = {
    "version?": TEXT,
    "type?": TEXT,
    "message?": TEXT,
    "filename?": TEXT,
    "lineno?": NUMBER,
    "colno?": NUMBER,
    "stack?": TEXT,
}
_EXCEPTION = {
    "id?": TEXT,
    "message?": TEXT,
    "type?": TEXT,
    "remote?": FLAG,
    "truncated?": NUMBER,
    "cause?": TEXT,
    "stack?": [{"class_name?": TEXT, "file_name?": TEXT, "line?": NUMBER, "method_name?": TEXT}],
}
_SEGMENT = {
    "id": TEXT,
    "name": TEXT,
    "start_time": NUMBER,
    "end_time?": NUMBER,
    "origin?": TEXT,
    "in_progress?": FLAG,
    "parent_id?": TEXT,
    "error?": FLAG,
    "throttle?": FLAG,
    "fault?": FLAG,
    "cause?": {"exceptions?": [_EXCEPTION]},
    "annotations?": ANYTHING,
    "metadata?": ANYTHING,
    "http?": {
        "request?": {"method?": TEXT, "url?": TEXT, "client_ip?": TEXT, "x_forwarded_for?": FLAG, "traced?": FLAG},
        "response?": {"status?": NUMBER, "content_length?": NUMBER},
    },
}
_SUBSEGMENT: dict[str, Any] = {**_SEGMENT, "trace_id?": TEXT, "type?": TEXT, "namespace?": TEXT}
_SUBSEGMENT["subsegments?"] = [_SUBSEGMENT]

DETAILS: dict[str, Shape] = {
    "session_start_event": {"version": TEXT},
    "page_view_event": {
        "version": TEXT,
        "pageId": TEXT,
        "interaction?": NUMBER,
        "pageInteractionId?": TEXT,
        "parentPageInteractionId?": TEXT,
        "timeOnParentPage?": NUMBER,
        "referrer?": TEXT,
        "referrerDomain?": TEXT,
    },
    "performance_navigation_event": {
        "version": TEXT,
        "initiatorType": TEXT,
        "startTime": NUMBER,
        "duration": NUMBER,
        "navigationType?": TEXT,
        "unloadEventStart?": NUMBER,
        "promptForUnload?": NUMBER,
        "redirectCount?": NUMBER,
        "domInteractive?": NUMBER,
        "domContentLoadedEventStart?": NUMBER,
        "domContentLoaded?": NUMBER,
        "domComplete?": NUMBER,
        "domProcessingTime?": NUMBER,
        "loadEventStart?": NUMBER,
        "loadEventTime?": NUMBER,
        "navigationTimingLevel?": NUMBER,
        **_TIMING,
    },
    "performance_resource_event": {
        "version": TEXT,
        "initiatorType": TEXT,
        "fileType": TEXT,
        "duration": NUMBER,
        "startTime?": NUMBER,
        "targetUrl?": TEXT,
        **_TIMING,
    },
    "largest_contentful_paint_event": {
        "version": TEXT,
        "value": NUMBER,
        "attribution?": {
            "timeToFirstByte": NUMBER,
            "resourceLoadDelay": NUMBER,
            "resourceLoadTime": NUMBER,
            "elementRenderDelay": NUMBER,
            "element?": TEXT,
            "url?": TEXT,
            "navigationEntry?": TEXT,
            "lcpResourceEntry?": TEXT,
        },
    },
    "first_contentful_paint_event": {
        "version": TEXT,
        "value": NUMBER,
        "attribution?": {"timeToFirstByte": NUMBER, "firstByteToFCP": NUMBER, "loadState": TEXT},
    },
    "time_to_first_byte_event": {
        "version": TEXT,
        "value": NUMBER,
        "attribution?": {
            "waitingDuration": NUMBER,
            "cacheDuration": NUMBER,
            "dnsDuration": NUMBER,
            "connectionDuration": NUMBER,
            "requestDuration": NUMBER,
        },
    },
    "first_input_delay_event": {
        "version": TEXT,
        "value": NUMBER,
        "attribution?": {"eventTarget": TEXT, "eventType": TEXT, "eventTime": NUMBER, "loadState": TEXT},
    },
    "interaction_to_next_paint_event": {
        "version": TEXT,
        "value": NUMBER,
        "attribution?": {
            "interactionTarget?": TEXT,
            "interactionType?": TEXT,
            "interactionTime?": NUMBER,
            "nextPaintTime?": NUMBER,
            "inputDelay?": NUMBER,
            "processingDuration?": NUMBER,
            "presentationDelay?": NUMBER,
            "loadState?": TEXT,
        },
    },
    "cumulative_layout_shift_event": {
        "version": TEXT,
        "value": NUMBER,
        "attribution?": {
            "largestShiftTarget?": TEXT,
            "largestShiftValue?": NUMBER,
            "largestShiftTime?": NUMBER,
            "loadState?": TEXT,
        },
    },
    "js_error_event": _ERROR | {"version": TEXT},
    "http_event": {
        "version": TEXT,
        "request": {"method": TEXT, "url?": TEXT},
        "response?": {"status": NUMBER, "statusText?": TEXT},
        "error?": _ERROR,
        "trace_id?": TEXT,
        "segment_id?": TEXT,
    },
    "dom_event": {
        "version": TEXT,
        "event": TEXT,
        "element?": TEXT,
        "elementId?": TEXT,
        "cssLocator?": TEXT,
        "interactionId?": TEXT,
    },
    "time_to_interactive_event": {"version": TEXT, "value": NUMBER},
    "rrweb_event": {
        "version": TEXT,
        "events": [{"type": NUMBER, "timestamp": NUMBER, "data": ANYTHING}],
        "eventCount": NUMBER,
    },
    "xray_trace_event": {"version?": TEXT, "trace_id": TEXT, "user?": TEXT, "subsegments?": [_SUBSEGMENT], **_SEGMENT},
}

METADATA: dict[str, Shape] = {
    "version": TEXT,
    "domain": TEXT,
    "browserLanguage?": TEXT,
    "browserName?": TEXT,
    "browserVersion?": TEXT,
    "osName?": TEXT,
    "osVersion?": TEXT,
    "deviceType?": TEXT,
    "platformType?": TEXT,
    "pageId?": TEXT,
    "pageTitle?": TEXT,
    "pageUrl?": TEXT,
    "parentPageId?": TEXT,
    "title?": TEXT,
    "url?": TEXT,
    "interaction?": NUMBER,
    "referrerUrl?": TEXT,
    "pageTags?": [TEXT],
    "countryCode?": TEXT,
    "subdivisionCode?": TEXT,
    "aws:client?": TEXT,
    "aws:clientVersion?": TEXT,
    "aws:releaseId?": TEXT,
    "aws:userAgent?": TEXT,
}

_TYPES: dict[str, tuple[type, ...]] = {TEXT: (str,), NUMBER: (int, float), FLAG: (bool,), ANYTHING: (object,)}


def misfits(value: Any, shape: Shape, path: str = "details") -> list[str]:
    """What does not fit: the path of each member that is missing, unknown, or of another type."""
    if isinstance(shape, str):
        fits = isinstance(value, _TYPES[shape]) and (shape != NUMBER or not isinstance(value, bool))
        return [] if fits else [f"{path} is no {shape}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path} is no list"]
        return [each for place, item in enumerate(value) for each in misfits(item, shape[0], f"{path}[{place}]")]
    if not isinstance(value, dict):
        return [f"{path} is no object"]
    known = {name.rstrip("?"): inner for name, inner in shape.items()}
    found = [f"{path}.{name} is missing" for name in shape if not name.endswith("?") and name not in value]
    found += [f"{path}.{name} is unknown" for name in value if name not in known]
    for name, item in value.items():
        found += misfits(item, known[name], f"{path}.{name}") if name in known else []
    return found
