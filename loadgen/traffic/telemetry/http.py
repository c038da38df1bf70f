"""http and xray_trace events: API calls that fail have an http event, and with X-Ray on each call has a trace.

Rule: a call is recorded when it ends, and its two events have equal ids.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import numpy as np
from msgspec import UNSET, UnsetType

from loadgen.rum.events import (
    HTTP,
    PROTOCOLS,
    XRAY,
    Http,
    HttpError,
    HttpRequest,
    HttpResponse,
    Subsegment,
    TracedCause,
    TracedException,
    TracedHttp,
    TracedRequest,
    TracedResponse,
    TracedXhr,
    Xhr,
    XhrRequest,
    XRayTrace,
)
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds, write_each
from loadgen.traffic.draws import TICKS, draw_hex_texts
from loadgen.traffic.js_errors import FETCH_ABORTS, FETCH_FAILURES, BrowserEngine, StackFrame, write_stack
from loadgen.traffic.telemetry.calls import ABORTED, NO_ANSWER, RecordedCalls
from loadgen.traffic.telemetry.navigation import draw_protocols
from loadgen.wire.json_templates import mark_time, mark_trace_id

ERROR_TYPE, XHR_ERROR, XHR_ABORT = "TypeError", "XMLHttpRequest error", "XMLHttpRequest abort"
NAME, ORIGIN = "rum.aws.amazon.com", "AWS::RUM::AppMonitor"
STACK_CUT = 200
"""How many characters of a failed call's stack the client keeps (seen in its traffic)."""


class TraceIds(NamedTuple):
    """The X-Ray ids of each recorded call."""

    trace: list[Any]  # with a marked time
    segment: list[str]
    call: list[str]  # the subsegment's id, which is the http event's segment_id


def draw_trace_ids(draws: BlockDraws, recorded: RecordedCalls) -> TraceIds:
    """Draw the ids that the http and the X-Ray event of a call share."""
    stream = draws.seeds.id_stream("trace")
    random, segment, call = (draw_hex_texts(stream, recorded.total, digits, recorded.row) for digits in (24, 16, 16))
    started = (recorded.started / TICKS).tolist()
    w3c = draws.scenario.client.enableW3CTraceId
    trace = [mark_trace_id(at, text, w3c) for at, text in zip(started, random, strict=True)]
    return TraceIds(trace, segment, call)


def record_http(draws: BlockDraws, recorded: RecordedCalls, ids: TraceIds | None) -> Column:
    """Record http events of calls that failed, or of all calls with recordAllRequests; `ids` is None without X-Ray."""
    failed = (recorded.status <= NO_ANSWER) | (recorded.status >= 400)
    rows = np.flatnonzero(failed | draws.scenario.client.recordAllRequests)
    session = draws.walk.session[recorded.view[rows]]
    spoken, engine = draw_protocols(draws)[session].tolist(), draws.crowd.find_engines(draws.people)[session].tolist()
    call_of, statuses = rows.tolist(), recorded.status[rows].tolist()

    def make_details(place: int) -> Http | Xhr:
        row, status = call_of[place], statuses[place]
        trace, segment = (ids.trace[row], ids.call[row]) if ids else (UNSET, UNSET)
        answer = HttpResponse(status, _find_reason(status, PROTOCOLS[spoken[place]])) if status > 0 else UNSET
        call, xhr = recorded.calls[row], recorded.calls[row].via == "xhr"
        error = UNSET if status > 0 else _make_failure(draws.site.client_url, xhr, engine[place], status)
        if xhr:
            return Xhr(XhrRequest(call.method, recorded.path[row]), answer, error, trace, segment)
        return Http(HttpRequest(recorded.path[row], call.method), trace, segment, answer, error)

    at = recorded.ended[rows]
    view = draws.time.find_current(recorded.view[rows], at)
    return Column(HTTP, EventIds("http", recorded.row[rows], recorded.total), view, at, write_each(make_details))


def _find_reason(status: int, protocol: str) -> str:
    """Return a status's reason phrase; "" for HTTP/2 and HTTP/3, which have none."""
    return HTTPStatus(status).phrase if protocol == "http/1.1" else ""


def _name_failure(xhr: bool, engine: int, status: int) -> tuple[str, str]:
    """Return the error's type and message of a call that got no answer or that the page aborted.

    `xhr` is True for an XMLHttpRequest, False for a fetch.
    """
    if xhr:
        return (XHR_ABORT, XHR_ABORT) if status == ABORTED else (XHR_ERROR, "0")
    return ("AbortError", FETCH_ABORTS[engine]) if status == ABORTED else (ERROR_TYPE, FETCH_FAILURES[engine])


@lru_cache
def _make_failure(client_url: str, xhr: bool, engine: int, status: int) -> HttpError:
    """Make the error of a call that got no answer or that the page aborted, with its stack as an engine writes it.

    An aborted XMLHttpRequest has no stack.
    """
    kind, message = _name_failure(xhr, engine, status)
    if xhr and status == ABORTED:
        return HttpError(kind, message)
    if xhr:
        frames = [StackFrame("XMLHttpRequest.handleXhrErrorEvent", f"{client_url}:13:77683")]
    elif status == ABORTED:
        frames = [StackFrame("", f"{client_url.rpartition('/')[0]}/app.js:36:99")]
    else:
        frames = [
            StackFrame("ii.fetch", f"{client_url}:13:75585"),
            StackFrame("", f"{client_url}:13:75822"),
            StackFrame("load", f"{client_url}:13:80104", awaited=True),
        ]
    stack = write_stack(BrowserEngine(engine), f"{kind}: {message}", frames)
    return HttpError(kind, message, stack if len(stack) <= STACK_CUT else f"{stack[:STACK_CUT]}...")


def record_xray(draws: BlockDraws, recorded: RecordedCalls, ids: TraceIds) -> Column:
    """Record a trace for each call."""
    started, ended = (recorded.started / TICKS).tolist(), (recorded.ended / TICKS).tolist()
    status, length, host = recorded.status.tolist(), recorded.length.tolist(), draws.site.domain
    engine = draws.crowd.find_engines(draws.people)[draws.walk.session[recorded.view]].tolist()

    def make_details(row: int) -> XRayTrace:
        start, end = mark_time(started[row]), mark_time(ended[row])
        call = recorded.calls[row]
        method, path, code, xhr = call.method, recorded.path[row], status[row], call.via == "xhr"
        request = TracedRequest(method, True, path)
        if xhr:  # TracedXhr has the members of TracedRequest in another order
            request = cast(TracedRequest, TracedXhr(method, path, True))
        traced = TracedHttp(request, TracedResponse(code, length[row]) if code > 0 else UNSET)
        error, throttle, fault = _find_flags(code)
        cause = UNSET if code > 0 else TracedCause((TracedException(*_name_failure(xhr, engine[row], code)),))
        name = path.split("/", 3)[2] if "://" in path else host
        if xhr and code == ABORTED:  # the client marks the subsegment alone, and writes no message into its cause
            cause = TracedCause((TracedException(XHR_ABORT),))
            part = Subsegment(ids.call[row], name, start, end, False, "remote", traced, True, cause=cause)
            return XRayTrace(NAME, ORIGIN, ids.segment[row], start, ids.trace[row], end, (part,), False)
        part = Subsegment(ids.call[row], name, start, end, False, "remote", traced, error, throttle, fault, cause)
        trace, segment = ids.trace[row], ids.segment[row]
        return XRayTrace(NAME, ORIGIN, segment, start, trace, end, (part,), False, error, throttle, fault)

    view = draws.time.find_current(recorded.view, recorded.ended)
    return Column(XRAY, EventIds("xray", recorded.row, recorded.total), view, recorded.ended, write_each(make_details))


def _find_flags(status: int) -> tuple[bool | UnsetType, bool | UnsetType, bool | UnsetType]:
    """Return X-Ray's flags error (4xx but 429), throttle (429) and fault (5xx or no answer); UNSET for false."""
    throttled = status == 429
    failed = 400 <= status < 500 and not throttled
    return failed or UNSET, throttled or UNSET, (status >= 500 or status <= NO_ANSWER) or UNSET
