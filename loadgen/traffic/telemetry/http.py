"""http and xray_trace events: the API calls of each page; a trace for each with X-Ray on, an http event for failures.

Rule: a call is recorded when it ends, with the same ids in both events; one that outlives its document is not.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

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
    XRayTrace,
)
from loadgen.scenario import ApiCall, SlowApi
from loadgen.traffic.draws import TICKS, Choice, Floats, Ints, hex_texts, ticks
from loadgen.traffic.journey import RESTORED
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column, Named, write_each
from loadgen.traffic.telemetry.navigation import PROTOCOLS, protocols
from loadgen.wire.json_templates import session_time, session_trace_id

NO_ANSWER = 0
CALLED_WITHIN_MS = 400.0
"""Reading calls start within this time of the page's start, most early; others at any time. Estimate."""

SIZE_MU, SIZE_SIGMA = 6.5, 1.2
"""ln bytes of an API answer; an estimate."""

ERROR_TYPE, CHROMIUM_MESSAGE, OTHER_MESSAGE = "TypeError", "Failed to fetch", "Load failed"
NAME, ORIGIN = "rum.aws.amazon.com", "AWS::RUM::AppMonitor"
STACK_CUT = 200
"""The client keeps so many characters of a failed call's stack (seen in its traffic)."""


class Calls(NamedTuple):
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


class Drawn(NamedTuple):
    """Every API call of a block."""

    kind: Ints  # index in Site.calls
    view: Ints
    started: Ints
    ended: Ints
    status: Ints
    length: Ints


def _drawn(scene: Scene) -> Drawn:
    """Draw who calls what, when, and how it ends."""
    stream, api = scene.stream("api"), scene.scenario.telemetry.api
    found = [_of_page(scene, stream, page, call) for page, call in scene.site.calls]
    none = np.zeros(0, dtype=np.int64)
    view = np.concatenate([none, *(rows for rows, _ in found)])
    started = np.concatenate([none, *(start for _, start in found)])
    kind = np.repeat(np.arange(len(found)), [len(rows) for rows, _ in found])
    rtt = scene.slowness.rtt[scene.walk.session[view]]
    served = api.median_ms * np.exp(api.sigma * stream.standard_normal(len(view)))
    status = _status(scene, stream.random(len(view)), kind)
    served, status = _struck(scene, view, kind, served, status)
    lasted = rtt + served
    length = np.floor(np.exp(SIZE_MU + SIZE_SIGMA * stream.standard_normal(len(view)))).astype(np.int64)
    return Drawn(kind, view, started, started + ticks(lasted) + 1, status, length)


def _struck(scene: Scene, view: Ints, kind: Ints, served: Floats, status: Ints) -> tuple[Floats, Ints]:
    """The server's time and status of each call, in the light of the incidents."""
    for incident, views in scene.struck:
        if isinstance(incident, SlowApi):
            meant = np.array([call.path.startswith(incident.path) for _, call in scene.site.calls])
            hit = views[view] & meant[kind]
            failing = scene.stream(f"incident/{incident.name}/fails").random(len(view)) < incident.failing
            served = np.where(hit, served * incident.times, served)
            status = np.where(hit & failing, incident.status, status)
    return served, status


def calls(scene: Scene) -> Calls:
    """The API calls of own sessions that the client records: they end while their document lives, and are wanted."""
    kind, view, started, ended, status, length = _drawn(scene)
    client = scene.scenario.client
    wanted = (status == NO_ANSWER) | (status >= 400) | client.enableXRay | client.recordAllRequests
    row = np.flatnonzero(wanted & scene.own_view_mask[view] & scene.time.alive(view, ended))
    made = [scene.site.calls[which][1] for which in kind[row].tolist()]
    paths = _paths(scene, view[row], made)
    methods = [call.method for call in made]
    return Calls(row, len(view), view[row], started[row], ended[row], status[row], length[row], methods, paths)


def _of_page(scene: Scene, stream: np.random.Generator, page: int, call: ApiCall) -> tuple[Ints, Ints]:
    """The views that make a call, and when: reading calls as the page comes up, others while it is looked at."""
    uniform = stream.random((2, scene.views))
    view = np.flatnonzero((scene.walk.page == page) & (uniform[0] < call.per_view))
    moment = uniform[1][view]
    if call.method == "GET":
        asks = scene.walk.kind[view] != RESTORED
        view, moment = view[asks], moment[asks]
        return view, scene.time.noticed[view] + ticks(5 + CALLED_WITHIN_MS * moment**2)
    return view, scene.time.awake(view, np.floor(scene.visible[view] * moment).astype(np.int64))


def _status(scene: Scene, uniform: Floats, kind: Ints) -> Ints:
    """HTTP status of each call; a POST that succeeds creates something."""
    api = scene.scenario.telemetry.api
    codes = np.array([200, NO_ANSWER, *(int(code) for code in api.failures)])
    failing = [api.network, *api.failures.values()]
    status: Ints = codes[Choice([max(1 - sum(failing), 0.0), *failing]).pick(uniform)]
    creating = np.array([call.method == "POST" for _, call in scene.site.calls], dtype=bool)
    return np.where((status == 200) & creating[kind], 201, status) if len(kind) else status


def _paths(scene: Scene, view: Ints, made: list[ApiCall]) -> list[str]:
    pages, items = scene.walk.page[view].tolist(), scene.walk.items[view].tolist()
    return [
        scene.site.filled(call.path, page, tuple(chosen)) for call, page, chosen in zip(made, pages, items, strict=True)
    ]


class TraceIds(NamedTuple):
    """X-Ray's names for each recorded call."""

    trace: list[Any]  # with a time that counts from the session's start
    segment: list[str]
    call: list[str]  # the subsegment; the http event's segment_id


def trace_ids(scene: Scene, made: Calls) -> TraceIds:
    """Draw the ids that the http and the X-Ray event of a call share."""
    stream = scene.stream("trace")
    random, segment, call = (hex_texts(stream, made.total, digits, made.row) for digits in (24, 16, 16))
    started = (made.started / TICKS).tolist()
    trace = [session_trace_id(at, text) for at, text in zip(started, random, strict=True)]
    return TraceIds(trace, segment, call)


def http(scene: Scene, made: Calls, ids: TraceIds | None) -> Column:
    """http events: the calls that failed, or all with recordAllRequests; `ids` when X-Ray is on."""
    failed = (made.status == NO_ANSWER) | (made.status >= 400)
    rows = np.flatnonzero(failed | scene.scenario.client.recordAllRequests)
    session = scene.walk.session[made.view[rows]]
    spoken, chromium = protocols(scene)[session].tolist(), scene.crowd.brands(scene.people)[session].tolist()
    call_of, statuses = rows.tolist(), made.status[rows].tolist()

    def details(place: int) -> Http:
        row, status = call_of[place], statuses[place]
        return Http(
            HttpRequest(made.path[row], made.method[row]),
            ids.trace[row] if ids else UNSET,
            ids.call[row] if ids else UNSET,
            HttpResponse(status, _reason(status, PROTOCOLS[spoken[place]])) if status else UNSET,
            UNSET if status else _failure(scene.site.client_url, chromium[place]),
        )

    at = made.ended[rows]
    view = scene.time.current(made.view[rows], at)
    return Column(HTTP, Named("http", made.row[rows], made.total), view, at, write_each(details))


def _reason(status: int, protocol: str) -> str:
    """The answer's reason phrase, which HTTP/2 and HTTP/3 do not carry."""
    return HTTPStatus(status).phrase if protocol == "http/1.1" else ""


def _message(chromium: bool) -> str:
    return CHROMIUM_MESSAGE if chromium else OTHER_MESSAGE


def _failure(client_url: str, chromium: bool) -> HttpError:
    """A call without an answer, as a fetch fails."""
    frames = (f"ii.fetch ({client_url}:13:75585)", f"{client_url}:13:75822", f"async load ({client_url}:13:80104)")
    stack = "\n    at ".join((f"{ERROR_TYPE}: {_message(chromium)}", *frames))
    return HttpError(ERROR_TYPE, _message(chromium), stack if len(stack) <= STACK_CUT else f"{stack[:STACK_CUT]}...")


def xray(scene: Scene, made: Calls, ids: TraceIds) -> Column:
    """A trace for each call."""
    started, ended = np.round(made.started / TICKS, 3).tolist(), np.round(made.ended / TICKS, 3).tolist()
    status, length, host = made.status.tolist(), made.length.tolist(), scene.site.domain
    chromium = scene.crowd.brands(scene.people)[scene.walk.session[made.view]].tolist()

    def details(row: int) -> XRayTrace:
        start, end = session_time(started[row]), session_time(ended[row])
        request = TracedRequest(made.method[row], True, made.path[row])
        traced = TracedHttp(request, TracedResponse(status[row], length[row]) if status[row] else UNSET)
        error, throttle, fault = _flags(status[row])
        cause = UNSET if status[row] else TracedCause((TracedException(ERROR_TYPE, _message(chromium[row])),))
        part = Subsegment(ids.call[row], host, start, end, False, "remote", traced, error, throttle, fault, cause)
        trace, segment = ids.trace[row], ids.segment[row]
        return XRayTrace(NAME, ORIGIN, segment, start, trace, end, (part,), False, error, throttle, fault)

    view = scene.time.current(made.view, made.ended)
    return Column(XRAY, Named("xray", made.row, made.total), view, made.ended, write_each(details))


def _flags(status: int) -> tuple[bool | UnsetType, bool | UnsetType, bool | UnsetType]:
    """X-Ray's error, throttle and fault: a client error, 429, a server error or no answer."""
    throttled = status == 429
    failed = 400 <= status < 500 and not throttled
    return failed or UNSET, throttled or UNSET, (status >= 500 or not status) or UNSET
