"""http and xray_trace events: the API calls of each page; a trace for each with X-Ray on, an http event for failures.

Rule: a call is recorded when it ends, with the same ids in both events; one that outlives its document is not.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import numpy as np
from msgspec import UNSET, UnsetType

from loadgen.rum.events import (
    HTTP,
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
from loadgen.scenario import ApiCall, SlowApi
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds, write_each
from loadgen.traffic.draws import TICKS, Choice, Floats, Ints, draw_hex_texts, to_ticks
from loadgen.traffic.journey import RESTORED
from loadgen.traffic.js_errors import FETCH_ABORTS, FETCH_FAILURES, BrowserEngine, StackFrame, write_stack
from loadgen.traffic.telemetry.navigation import PROTOCOLS, draw_protocols
from loadgen.wire.json_templates import mark_time, mark_trace_id

NO_ANSWER, ABORTED = 0, -1
"""What stands in place of a status."""

GIVEN_UP = 0.3
"""Part of a call's time after which the page gives it up; an estimate."""

CALLED_AFTER_MS, CALL_GAP_MS = 4.0, 3.0
"""Mean ms from the client's start to a page's first reading call, and from each such call to the next: the page's
script runs right after the client's and makes them one after the other. Other calls come at any time. Estimates."""

SIZE_MU, SIZE_SIGMA = 6.5, 1.2
"""ln bytes of an API answer; an estimate."""

ERROR_TYPE, XHR_ERROR = "TypeError", "XMLHttpRequest error"
NAME, ORIGIN = "rum.aws.amazon.com", "AWS::RUM::AppMonitor"
STACK_CUT = 200
"""The client keeps so many characters of a failed call's stack (seen in its traffic)."""


class RecordedCalls(NamedTuple):
    """The recorded API calls of own sessions as columns."""

    row: Ints  # among all calls of the block
    total: int
    view: Ints
    started: Ints  # ticks from session start
    ended: Ints
    status: Ints  # NO_ANSWER when none came
    length: Ints  # bytes of the answer
    method: list[str]
    path: list[str]
    xhr: list[bool]


class DrawnCalls(NamedTuple):
    """Every API call of a block."""

    kind: Ints  # index in Site.calls
    view: Ints
    started: Ints
    ended: Ints
    status: Ints
    length: Ints


def _draw_calls(draws: BlockDraws) -> DrawnCalls:
    """Draw who calls what, when, and how it ends."""
    stream, api = draws.stream("api"), draws.scenario.telemetry.api
    begun = draws.time.noticed + to_ticks(CALLED_AFTER_MS * draws.stream("api begin").standard_exponential(draws.views))
    found = [_draw_page_calls(draws, stream, begun, each) for each in range(len(draws.site.calls))]
    none = np.zeros(0, dtype=np.int64)
    view = np.concatenate([none, *(rows for rows, _ in found)])
    started = np.concatenate([none, *(start for _, start in found)])
    kind = np.repeat(np.arange(len(found)), [len(rows) for rows, _ in found])
    rtt = draws.slowness.rtt[draws.walk.session[view]]
    served = api.median_ms * np.exp(api.sigma * stream.standard_normal(len(view)))
    status = _draw_status(draws, stream.random(len(view)), kind)
    served, status = _apply_incidents(draws, view, kind, served, status)
    given_up = draws.stream("aborted").random(len(view)) < api.aborted
    status = np.where(given_up, ABORTED, status)
    lasted = (rtt + served) * np.where(given_up, GIVEN_UP, 1.0)
    length = np.floor(np.exp(SIZE_MU + SIZE_SIGMA * stream.standard_normal(len(view)))).astype(np.int64)
    return DrawnCalls(kind, view, started, started + to_ticks(lasted) + 1, status, length)


def _apply_incidents(draws: BlockDraws, view: Ints, kind: Ints, served: Floats, status: Ints) -> tuple[Floats, Ints]:
    """The server's time and the status of each call, changed by the incidents that hit it."""
    for incident, views in draws.struck:
        if isinstance(incident, SlowApi):
            meant = np.array([call.path.startswith(incident.path) for _, call in draws.site.calls])
            hit = views[view] & meant[kind]
            failing = draws.stream(f"incident/{incident.name}/fails").random(len(view)) < incident.failing
            served = np.where(hit, served * incident.times, served)
            status = np.where(hit & failing, incident.status, status)
    return served, status


def record_calls(draws: BlockDraws) -> RecordedCalls:
    """The API calls of own sessions that the client records: calls that its settings want and that end in time."""
    kind, view, started, ended, status, length = _draw_calls(draws)
    client = draws.scenario.client
    wanted = (status <= NO_ANSWER) | (status >= 400) | client.enableXRay | client.recordAllRequests
    row = np.flatnonzero(wanted & draws.own_view_mask[view] & draws.time.are_alive(view, ended))
    made = [draws.site.calls[which][1] for which in kind[row].tolist()]
    paths = _fill_paths(draws, view[row], made)
    methods, xhr = [call.method for call in made], [call.via == "xhr" for call in made]
    times = (started[row], ended[row])
    return RecordedCalls(row, len(view), view[row], *times, status[row], length[row], methods, paths, xhr)


def _draw_page_calls(draws: BlockDraws, stream: np.random.Generator, begun: Ints, kind: int) -> tuple[Ints, Ints]:
    """The views that make a call, and when: GET as the page's script runs, others while the page is looked at."""
    page, call = draws.site.calls[kind]
    before = sum(other == page and each.method == "GET" for other, each in draws.site.calls[:kind])
    uniform = stream.random((2, draws.views))
    view = np.flatnonzero((draws.walk.page == page) & (uniform[0] < call.per_view))
    moment = uniform[1][view]
    if call.method == "GET":
        asks = draws.walk.kind[view] != RESTORED
        view, moment = view[asks], moment[asks]
        return view, begun[view] + to_ticks(-CALL_GAP_MS * before * np.log1p(-moment))
    return view, draws.time.find_moments(view, np.floor(draws.visible[view] * moment).astype(np.int64))


def _draw_status(draws: BlockDraws, uniform: Floats, kind: Ints) -> Ints:
    """HTTP status of each call; a POST that succeeds creates something."""
    api, status = draws.scenario.telemetry.api, np.zeros(len(kind), dtype=np.int64)
    for index, (_, call) in enumerate(draws.site.calls):
        failures, network = (api.failures, api.network) if call.failures is None else (call.failures, 0.0)
        codes = np.array([201 if call.method == "POST" else 200, NO_ANSWER, *map(int, failures)])
        failing = [network, *failures.values()]
        made = kind == index
        status[made] = codes[Choice([max(1 - sum(failing), 0.0), *failing]).pick(uniform[made])]
    return status


def _fill_paths(draws: BlockDraws, view: Ints, made: list[ApiCall]) -> list[str]:
    pages, items = draws.walk.page[view].tolist(), draws.walk.items[view].tolist()
    return [
        draws.site.fill(call.path, page, tuple(chosen)) for call, page, chosen in zip(made, pages, items, strict=True)
    ]


class TraceIds(NamedTuple):
    """X-Ray's names for each recorded call."""

    trace: list[Any]  # with a time that counts from the session's start
    segment: list[str]
    call: list[str]  # the subsegment; the http event's segment_id


def draw_trace_ids(draws: BlockDraws, made: RecordedCalls) -> TraceIds:
    """Draw the ids that the http and the X-Ray event of a call share."""
    stream = draws.id_stream("trace")
    random, segment, call = (draw_hex_texts(stream, made.total, digits, made.row) for digits in (24, 16, 16))
    started = (made.started / TICKS).tolist()
    w3c = draws.scenario.client.enableW3CTraceId
    trace = [mark_trace_id(at, text, w3c) for at, text in zip(started, random, strict=True)]
    return TraceIds(trace, segment, call)


def record_http(draws: BlockDraws, made: RecordedCalls, ids: TraceIds | None) -> Column:
    """http events: the calls that failed, or all with recordAllRequests; `ids` when X-Ray is on."""
    failed = (made.status <= NO_ANSWER) | (made.status >= 400)
    rows = np.flatnonzero(failed | draws.scenario.client.recordAllRequests)
    session = draws.walk.session[made.view[rows]]
    spoken, engine = draw_protocols(draws)[session].tolist(), draws.crowd.find_engines(draws.people)[session].tolist()
    call_of, statuses = rows.tolist(), made.status[rows].tolist()

    def details(place: int) -> Http | Xhr:
        row, status = call_of[place], statuses[place]
        trace, call = (ids.trace[row], ids.call[row]) if ids else (UNSET, UNSET)
        answer = HttpResponse(status, _find_reason(status, PROTOCOLS[spoken[place]])) if status > 0 else UNSET
        if made.xhr[row]:
            error = UNSET if status > 0 else _make_xhr_failure(draws.site.client_url, engine[place], status)
            return Xhr(XhrRequest(made.method[row], made.path[row]), answer, error, trace, call)
        error = UNSET if status > 0 else _make_failure(draws.site.client_url, engine[place], status)
        return Http(HttpRequest(made.path[row], made.method[row]), trace, call, answer, error)

    at = made.ended[rows]
    view = draws.time.find_current(made.view[rows], at)
    return Column(HTTP, EventIds("http", made.row[rows], made.total), view, at, write_each(details))


def _find_reason(status: int, protocol: str) -> str:
    """The answer's reason phrase, which HTTP/2 and HTTP/3 do not carry."""
    return HTTPStatus(status).phrase if protocol == "http/1.1" else ""


@lru_cache
def _make_xhr_failure(client_url: str, engine: int, status: int) -> HttpError:
    """A call by XMLHttpRequest that was given up, or that got no answer: its status is 0 then."""
    if status == ABORTED:
        return HttpError("XMLHttpRequest abort", "XMLHttpRequest abort")
    frames = [StackFrame("XMLHttpRequest.handleXhrErrorEvent", f"{client_url}:13:77683")]
    return HttpError(XHR_ERROR, "0", write_stack(BrowserEngine(engine), f"{XHR_ERROR}: 0", frames))


@lru_cache
def _make_failure(client_url: str, engine: int, status: int) -> HttpError:
    """A call without an answer, as a fetch fails in an engine, or that the page gave up."""
    if status == ABORTED:
        message = FETCH_ABORTS[engine]
        frames = [StackFrame("", f"{client_url.rpartition('/')[0]}/app.js:36:99")]
        return HttpError("AbortError", message, write_stack(BrowserEngine(engine), f"AbortError: {message}", frames))
    frames = [
        StackFrame("ii.fetch", f"{client_url}:13:75585"),
        StackFrame("", f"{client_url}:13:75822"),
        StackFrame("load", f"{client_url}:13:80104", awaited=True),
    ]
    message = FETCH_FAILURES[engine]
    stack = write_stack(BrowserEngine(engine), f"{ERROR_TYPE}: {message}", frames)
    return HttpError(ERROR_TYPE, message, stack if len(stack) <= STACK_CUT else f"{stack[:STACK_CUT]}...")


def record_xray(draws: BlockDraws, made: RecordedCalls, ids: TraceIds) -> Column:
    """A trace for each call."""
    started, ended = np.round(made.started / TICKS, 3).tolist(), np.round(made.ended / TICKS, 3).tolist()
    status, length, host = made.status.tolist(), made.length.tolist(), draws.site.domain
    engine = draws.crowd.find_engines(draws.people)[draws.walk.session[made.view]].tolist()

    def details(row: int) -> XRayTrace:
        start, end = mark_time(started[row]), mark_time(ended[row])
        method, path, code = made.method[row], made.path[row], status[row]
        xhr = cast(TracedRequest, TracedXhr(method, path, True))  # the same members in another order
        request = xhr if made.xhr[row] else TracedRequest(method, True, path)
        traced = TracedHttp(request, TracedResponse(code, length[row]) if code > 0 else UNSET)
        error, throttle, fault = _find_flags(code)
        cause = UNSET if code > 0 else _make_cause(made.xhr[row], engine[row], code)
        name = path.split("/", 3)[2] if "://" in path else host
        if made.xhr[row] and code == ABORTED:  # the client marks the call alone
            part = Subsegment(ids.call[row], name, start, end, False, "remote", traced, True)
            return XRayTrace(NAME, ORIGIN, ids.segment[row], start, ids.trace[row], end, (part,), False)
        part = Subsegment(ids.call[row], name, start, end, False, "remote", traced, error, throttle, fault, cause)
        trace, segment = ids.trace[row], ids.segment[row]
        return XRayTrace(NAME, ORIGIN, segment, start, trace, end, (part,), False, error, throttle, fault)

    view = draws.time.find_current(made.view, made.ended)
    return Column(XRAY, EventIds("xray", made.row, made.total), view, made.ended, write_each(details))


def _make_cause(xhr: bool, engine: int, status: int) -> TracedCause:
    """Why a traced call has no answer."""
    if xhr:
        return TracedCause((TracedException(XHR_ERROR, "0"),))
    if status == ABORTED:
        return TracedCause((TracedException("AbortError", FETCH_ABORTS[engine]),))
    return TracedCause((TracedException(ERROR_TYPE, FETCH_FAILURES[engine]),))


def _find_flags(status: int) -> tuple[bool | UnsetType, bool | UnsetType, bool | UnsetType]:
    """X-Ray's error, throttle and fault: a client error, 429, a server error or no answer."""
    throttled = status == 429
    failed = 400 <= status < 500 and not throttled
    return failed or UNSET, throttled or UNSET, (status >= 500 or status <= NO_ANSWER) or UNSET
