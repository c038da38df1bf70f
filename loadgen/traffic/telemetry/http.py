"""http and xray_trace events: the API calls of each page; a trace for each with X-Ray on, an http event for failures.

Rule: a call is recorded when it ends, with the same ids in both events; one that outlives its document is not.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

import numpy as np
from msgspec import UNSET

from loadgen.events import (
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
    relative_trace_id,
)
from loadgen.scenario.pages import ApiCall
from loadgen.traffic.draws import TICKS, Choice, Floats, Ints, hex_texts, ticks
from loadgen.traffic.telemetry.column import Column
from loadgen.traffic.telemetry.navigation import PROTOCOLS, protocols
from loadgen.traffic.telemetry.scene import Scene

NO_ANSWER = 0
CALLED_WITHIN_MS = 400.0
"""Reading calls start within this time of the page's start, most early; others at any time. Estimate."""

SIZE_MU, SIZE_SIGMA = 6.5, 1.2
"""ln bytes of an API answer; an estimate."""

ERROR_TYPE, CHROMIUM_MESSAGE, OTHER_MESSAGE = "TypeError", "Failed to fetch", "Load failed"
STACK_CUT = 200
"""The client keeps so many characters of a failed call's stack (seen in its traffic)."""


class Calls(NamedTuple):
    """The API calls of own sessions as columns."""

    row: Ints  # among all calls of the block
    total: int
    view: Ints
    started: Ints  # ticks from session start
    ended: Ints
    kind: list[ApiCall]
    path: list[str]
    status: list[int]  # NO_ANSWER when none came
    length: list[int]  # bytes of the answer
    trace: list[str]
    segment: list[str]  # id of the trace's segment
    call: list[str]  # id of its subsegment; the http event's segment_id


def calls(scene: Scene) -> Calls:
    """Draw all API calls of a block; keep those of own sessions that end while their document lives."""
    stream = scene.stream("api")
    found = [_of_page(scene, stream, page, call) for page, model in enumerate(scene.site.pages) for call in model.api]
    none = np.zeros(0, dtype=np.int64)
    view = np.concatenate([none, *(rows for rows, _, _ in found)])
    started = np.concatenate([none, *(start for _, start, _ in found)])
    kinds = [call for rows, _, call in found for _ in range(len(rows))]
    count, api = len(view), scene.scenario.telemetry.api
    rtt = scene.slowness.rtt[scene.walk.session[view]]
    ended = started + ticks(rtt + api.median_ms * np.exp(api.sigma * stream.standard_normal(count))) + 1
    status = _status(scene, stream.random(count), kinds)
    length = np.floor(np.exp(SIZE_MU + SIZE_SIGMA * stream.standard_normal(count))).astype(np.int64)
    hexes = [hex_texts(stream, count, digits) for digits in (24, 16, 16)]
    kept = np.flatnonzero(scene.own_view_mask[view] & scene.time.alive(view, ended))
    kind = [kinds[row] for row in kept.tolist()]
    random, segment, call = ([text[row] for row in kept.tolist()] for text in hexes)
    trace = [relative_trace_id(at, text) for at, text in zip((started[kept] / TICKS).tolist(), random, strict=True)]
    return Calls(
        kept, count, view[kept], started[kept], ended[kept], kind, _paths(scene, view[kept], kind),
        status[kept].tolist(), length[kept].tolist(), trace, segment, call,
    )  # fmt: skip


def _of_page(scene: Scene, stream: np.random.Generator, page: int, call: ApiCall) -> tuple[Ints, Ints, ApiCall]:
    """The views that make a call, and when: reading calls as the page comes up, others while it is looked at."""
    uniform = stream.random((2, scene.views))
    view = np.flatnonzero((scene.walk.page == page) & (uniform[0] < call.per_view))
    moment = uniform[1][view]
    if call.method == "GET":
        return view, scene.time.noticed[view] + ticks(5 + CALLED_WITHIN_MS * moment**2), call
    return view, scene.time.awake(view, np.floor(scene.visible[view] * moment).astype(np.int64)), call


def _status(scene: Scene, uniform: Floats, kinds: list[ApiCall]) -> Ints:
    """HTTP status of each call; a POST that succeeds creates something."""
    api = scene.scenario.telemetry.api
    codes = np.array([200, NO_ANSWER, *(int(code) for code in api.failures)])
    failing = [api.network, *api.failures.values()]
    status: Ints = codes[Choice([max(1 - sum(failing), 0.0), *failing]).pick(uniform)]
    creating = np.array([kind.method == "POST" for kind in kinds], dtype=bool)
    return np.where((status == 200) & creating, 201, status)


def _paths(scene: Scene, view: Ints, kinds: list[ApiCall]) -> list[str]:
    pages, items = scene.walk.page[view].tolist(), scene.walk.items[view].tolist()
    return [
        scene.site.filled(kind.path, page, tuple(chosen))
        for kind, page, chosen in zip(kinds, pages, items, strict=True)
    ]


def http(scene: Scene, made: Calls) -> Column:
    """http events: the calls that failed, or all with recordAllRequests."""
    client = scene.scenario.client
    failed = [row for row, status in enumerate(made.status) if status == NO_ANSWER or status >= 400]
    rows = list(range(len(made.status))) if client.recordAllRequests else failed
    session = scene.walk.session[made.view]
    spoken = protocols(scene)[session].tolist()
    chromium = scene.crowd.brands(scene.people)[session].tolist()
    details = []
    for row in rows:
        status = made.status[row]
        response = HttpResponse(status, _reason(status, PROTOCOLS[spoken[row]])) if status else UNSET
        error = UNSET if status else _failure(scene.site.client_url, chromium[row])
        trace, call = (made.trace[row], made.call[row]) if client.enableXRay else (UNSET, UNSET)
        details.append(Http(HttpRequest(made.path[row], made.kind[row].method), trace, call, response, error))
    index = np.array(rows, dtype=np.int64)
    at = made.ended[index]
    view = scene.time.current(made.view[index], at)
    return Column(HTTP, view, at, scene.ids("http", made.row[index], made.total), details)


def _reason(status: int, protocol: str) -> str:
    """The answer's reason phrase, which HTTP/2 and HTTP/3 do not carry."""
    return HTTPStatus(status).phrase if protocol == "http/1.1" else ""


def _failure(client_url: str, chromium: bool) -> HttpError:
    message = CHROMIUM_MESSAGE if chromium else OTHER_MESSAGE
    frames = (f"ii.fetch ({client_url}:13:75585)", f"{client_url}:13:75822", f"async load ({client_url}:13:80104)")
    stack = "\n    at ".join((f"{ERROR_TYPE}: {message}", *frames))
    return HttpError(ERROR_TYPE, message, stack if len(stack) <= STACK_CUT else f"{stack[:STACK_CUT]}...")


def xray(scene: Scene, made: Calls) -> Column:
    """A trace for each call; its times still count from the session's start (XRayTrace.dated)."""
    started, ended = np.round(made.started / TICKS, 3).tolist(), np.round(made.ended / TICKS, 3).tolist()
    chromium = scene.crowd.brands(scene.people)[scene.walk.session[made.view]].tolist()
    details = [
        _trace(scene.site.domain, made, row, started[row], ended[row], chromium[row]) for row in range(len(made.status))
    ]
    view = scene.time.current(made.view, made.ended)
    return Column(XRAY, view, made.ended, scene.ids("xray", made.row, made.total), details)


def _trace(host: str, made: Calls, row: int, start: float, end: float, chromium: bool) -> XRayTrace:
    status = made.status[row]
    error = True if 400 <= status < 500 and status != 429 else UNSET
    throttle = True if status == 429 else UNSET
    fault = True if status >= 500 or not status else UNSET
    message = CHROMIUM_MESSAGE if chromium else OTHER_MESSAGE
    cause = UNSET if status else TracedCause((TracedException(ERROR_TYPE, message),))
    traced = TracedHttp(
        TracedRequest(made.kind[row].method, True, made.path[row]),
        TracedResponse(status, made.length[row]) if status else UNSET,
    )
    part = Subsegment(made.call[row], host, start, end, False, "remote", traced, error, throttle, fault, cause)
    name, origin = "rum.aws.amazon.com", "AWS::RUM::AppMonitor"
    return XRayTrace(
        name, origin, made.segment[row], start, made.trace[row], end, (part,), False, error, throttle, fault
    )
